"""Claims about helpers: they answer as if the work were done here, and never outlive who asked."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from lipsync.aside import HelperLost, Helpers
from lipsync.errors import MediaError
from lipsync.home import Home
from lipsync.store import store_at


def told(text: str) -> tuple[str, int]:
    logging.getLogger("lipsync.told").info("asked: %s", text)
    sys.stdout.write("this is no answer")
    return text.upper(), os.getpid()


class Family(NamedTuple):
    pid: int
    parent: int
    loaded: bool


def family() -> Family:
    return Family(os.getpid(), os.getppid(), "lipsync.probe" in sys.modules)


def slow_family() -> Family:
    time.sleep(0.2)  # so that who asks beside it finds another
    return family()


def refused(text: str) -> None:
    raise MediaError(f"{text}: is empty; export it again")


class Stubborn(Exception):
    """Cannot be pickled back: it wants two arguments and hands on one."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one}{two}")


def stuck() -> None:
    raise Stubborn("a", "b")


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def interrupted() -> str:
    os.kill(os.getpid(), signal.SIGINT)
    return "still here"


def test_a_helper_answers_from_a_process_of_its_own_and_what_it_logs_is_heard(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "lipsync"), Helpers() as helpers:
        first, again = helpers(told, "ähm"), helpers(told, "b")
    assert (first[0], again[0]) == ("ÄHM", "B")
    assert first[1] == again[1] != os.getpid()
    assert [record.getMessage() for record in caplog.records] == ["asked: ähm", "asked: b"]


def test_an_error_comes_back_as_itself_or_in_its_own_words() -> None:
    with Helpers() as helpers:
        with pytest.raises(MediaError, match=r"talk\.mp4: is empty"):
            helpers(refused, "talk.mp4")
        with pytest.raises(Exception, match="Stubborn: ab"):
            helpers(stuck)


def test_a_helper_that_is_killed_costs_its_work_and_the_next_call_has_another() -> None:
    with Helpers() as helpers:
        with pytest.raises(HelperLost, match="it was killed"):
            helpers(killed)
        assert helpers(told, "a")[0] == "A"


def asked_at_once(helpers: Helpers, threads: int) -> list[Family | None]:
    """Ask from so many threads, none of which has its answer before all have asked."""
    barrier = threading.Barrier(threads)

    def asked() -> Family | None:
        barrier.wait()
        with suppress(HelperLost):
            return helpers(slow_family)
        return None

    with ThreadPoolExecutor(threads) as pool:
        return [future.result() for future in [pool.submit(asked) for _ in range(threads)]]


def test_there_are_as_many_as_were_planned_which_loaded_their_libraries_once() -> None:
    with Helpers(3, ["lipsync.probe"]) as helpers:
        found = {one.pid: one for one in asked_at_once(helpers, 5) if one}
    assert len(found) == 3  # two threads had to wait for theirs
    (first,) = [one.pid for one in found.values() if one.parent == os.getpid()]
    assert {one.parent for one in found.values()} == {os.getpid(), first}
    assert all(one.loaded for one in found.values())
    assert all(_state(pid) == "Z" for pid in found)  # none is left


def test_a_copy_that_is_killed_takes_no_other_with_it_and_is_replaced() -> None:
    with Helpers(2) as helpers:
        before = {one.pid: one for one in asked_at_once(helpers, 2) if one}
        (first,) = [pid for pid, one in before.items() if one.parent == os.getpid()]
        (copied,) = before.keys() - {first}
        os.kill(copied, signal.SIGKILL)
        assert sorted(one.pid if one else 0 for one in asked_at_once(helpers, 2)) == [0, first]
        after = {one.pid for one in asked_at_once(helpers, 2) if one}
        assert first in after
        assert (len(after), copied in after) == (2, False)


WITHOUT_OUTPUT = """
import sys
from lipsync.aside import Helpers
from tests.lipsync.test_aside import told
with Helpers() as helpers:
    sys.stderr.write(helpers(told, "a")[0])
"""


def test_helpers_answer_whoever_has_closed_its_output() -> None:
    root = Path(__file__).parents[2]
    command = 'exec "$0" -c "$1" >&-'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, WITHOUT_OUTPUT],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stderr.endswith("A")


def test_helpers_whose_libraries_cannot_be_loaded_say_so() -> None:
    with Helpers(2, ["no_such_module"]) as helpers, pytest.raises(HelperLost):
        helpers(told, "a")


def test_ctrl_c_is_not_for_a_helper_to_hear() -> None:
    with Helpers() as helpers:
        assert helpers(interrupted) == "still here"


PARENT = """
import threading, time
from lipsync.aside import Helpers
from tests.lipsync.test_aside import family
helpers = Helpers(2)
def asked():
    print(f"{helpers(family).pid}\\n", end="", flush=True)
    time.sleep(600)
for _ in range(2):
    threading.Thread(target=asked).start()
"""


def test_helpers_end_when_their_parent_is_killed() -> None:
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    helpers = [int(parent.stdout.readline()) for _ in range(2)]
    parent.kill()
    parent.communicate()
    while any(_state(helper) != "Z" for helper in helpers):
        time.sleep(0.05)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_helpers_that_are_stopped_leave_nobody_waiting() -> None:
    with Helpers() as helpers, ThreadPoolExecutor(1) as pool:
        assert pool.submit(helpers, told, "a").result()[0] == "A"
        waiting = pool.submit(helpers, time.sleep, 600)
        helpers.stop()
        with pytest.raises(HelperLost):
            waiting.result()
        with pytest.raises(HelperLost, match="were stopped"):  # and no other begins
            helpers(told, "b")


def scratched(root: str) -> str:
    with store_at(Home(Path(root))).scratch(".txt") as path:
        path.write_text("in the middle of it")
        return path.parent.name


def test_its_scratch_goes_with_it(tmp_path: Path) -> None:
    with Helpers() as helpers:
        room = helpers(scratched, str(tmp_path))
        assert (tmp_path / "scratch" / room).is_dir()
    assert not (tmp_path / "scratch" / room).exists()
