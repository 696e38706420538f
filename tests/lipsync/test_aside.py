"""Claims about helpers: they answer as if the work were done here, and never outlive who asked."""

import logging
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lipsync.aside import HelperLost, Helpers
from lipsync.errors import MediaError
from lipsync.home import Home
from lipsync.store import store_at


def told(text: str) -> tuple[str, int]:
    logging.getLogger("lipsync.told").info("asked: %s", text)
    sys.stdout.write("this is no answer")
    return text.upper(), os.getpid()


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
        with pytest.raises(HelperLost, match="code -9"):
            helpers(killed)
        assert helpers(told, "a")[0] == "A"


def test_ctrl_c_is_not_for_a_helper_to_hear() -> None:
    with Helpers() as helpers:
        assert helpers(interrupted) == "still here"


PARENT = """
import sys, time
from lipsync.aside import Helpers
from tests.lipsync.test_aside import told
helpers = Helpers()
print(helpers(told, "a")[1], flush=True)
time.sleep(600)
"""


def test_a_helper_ends_when_its_parent_is_killed() -> None:
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    helper = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    while Path(f"/proc/{helper}").exists() and "Z" not in _state(helper):
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
