"""The cache: nothing is made twice while it is there, and nothing that is not there is served."""

import json
import os
import resource
import shutil
import signal
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from lipsync.cache import Cache, Made
from lipsync.errors import MediaError, StorageError
from lipsync.home import Home
from lipsync.store import Store
from lipsync.values import File, Value
from tests.lipsync.deaths import at_once, die_at
from tests.lipsync.orders import kept
from tests.lipsync.test_store import rewrite_unseen


class Shout(Value):
    """A request of a stage that shouts a file."""

    source: File
    volume: int = 1


class Shouted(Value):
    """The result: a kept file, the input it was made from, and a figure."""

    file: File
    source: File
    rate: Fraction = Fraction(30000, 1001)
    all: tuple[File, ...] = ()


class Shouter:
    """A stage that works on real files and writes every job into a diary."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.cache = Cache(store)
        self.diary = folder / "diary"

    @property
    def jobs(self) -> int:
        return self.diary.stat().st_size if self.diary.exists() else 0

    def __call__(
        self, source: Path, volume: int = 1, version: int = 1, stage: str = "shout"
    ) -> Made[Shouted]:
        request = Shout(source=self.store.fingerprint(source), volume=volume)
        return self.cache.made(stage, version, request, Shouted, lambda: self.make(request))

    def make(self, request: Shout) -> Shouted:
        with self.diary.open("ab") as diary:
            diary.write(b"x")
        with self.store.scratch(".txt") as trial:
            trial.write_bytes(request.source.path.read_bytes().upper() * request.volume)
            file = self.store.keep(trial, ".txt")
        return Shouted(file=file, source=request.source, all=(file,))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.txt"
    path.write_bytes(b"one two three")
    return path


@pytest.fixture
def shout(store: Store, tmp_path: Path) -> Shouter:
    return Shouter(store, tmp_path)


def test_the_same_request_is_made_once(shout: Shouter, source: Path) -> None:
    first, second = shout(source), shout(source)
    assert (first.cached, second.cached, shout.jobs) == (False, True, 1)
    assert second.value == first.value


def test_a_hit_says_how_long_the_making_took(shout: Shouter, source: Path) -> None:
    assert shout(source).seconds == shout(source).seconds > 0


def test_the_same_bytes_at_another_path_hit_and_name_the_path_they_have_now(
    shout: Shouter, source: Path, tmp_path: Path
) -> None:
    shout(source)
    other = source.rename(tmp_path / "other.txt")
    made = shout(other)
    assert (made.cached, made.value.source.path) == (True, other)


def test_changed_bytes_at_the_same_path_miss(shout: Shouter, source: Path) -> None:
    shout(source)
    rewrite_unseen(source, b"TWO THREE ONE")
    assert not shout(source).cached


@pytest.mark.parametrize(
    ("volume", "version", "stage"),
    [
        pytest.param(2, 1, "shout", id="a parameter"),
        pytest.param(1, 2, "shout", id="the version of the behaviour"),
        pytest.param(1, 1, "yell", id="the stage"),
    ],
)
def test_what_makes_another_result_misses(
    shout: Shouter, source: Path, volume: int, version: int, stage: str
) -> None:
    shout(source)
    assert not shout(source, volume, version, stage).cached


def _delete(path: Path) -> None:
    path.unlink()


def _truncate(path: Path) -> None:
    path.chmod(0o644)
    os.truncate(path, 5)


def _alter(path: Path) -> None:
    rewrite_unseen(path, path.read_bytes().lower())


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(_delete, id="deleted"),
        pytest.param(_truncate, id="truncated"),
        pytest.param(_alter, id="altered, size and time put back"),
    ],
)
def test_a_result_whose_file_was_harmed_is_made_again(
    shout: Shouter, source: Path, harm: Callable[[Path], None]
) -> None:
    file = shout(source).value.file.path
    harm(file)
    again = shout(source)
    assert (again.cached, shout.jobs, file.read_bytes()) == (False, 2, b"ONE TWO THREE")
    assert shout(source).cached


def _record(store: Store) -> Path:
    (record,) = (store.home.root / "cache").rglob("*.json")
    return record


def _torn(text: str) -> str:
    return text[: len(text) // 2]


def _empty(_text: str) -> str:
    return ""


def _altered(text: str) -> str:
    return text.replace("1001", "1000")


def _of_another_shape(_text: str) -> str:
    return json.dumps({"value": {"file": "x"}})


@pytest.mark.parametrize("harm", [_torn, _empty, _altered, _of_another_shape])
def test_a_record_that_cannot_be_trusted_is_replaced(
    shout: Shouter, source: Path, store: Store, harm: Callable[[str], str]
) -> None:
    first = shout(source)
    record = _record(store)
    record.write_text(harm(record.read_text()))
    assert not shout(source).cached
    assert shout(source).value == first.value


@pytest.mark.parametrize("harm", [_torn, _altered])
def test_a_record_that_is_harmed_after_it_was_read_is_replaced(
    shout: Shouter, source: Path, store: Store, harm: Callable[[str], str]
) -> None:
    shout(source)
    assert shout(source).cached
    record = _record(store)
    record.write_text(harm(record.read_text()))
    assert not shout(source).cached


def test_a_result_of_an_older_shape_is_made_again(
    shout: Shouter, source: Path, store: Store
) -> None:
    shout(source)
    store.write_record(_record(store), {"seconds": 1, "value": {"loud": True}}, lasting=True)
    assert not shout(source).cached


def test_a_moved_home_still_hits(shout: Shouter, source: Path, store: Store) -> None:
    shout(source)
    moved = Store(Home(store.home.root.rename(store.home.root.with_name("moved"))))
    made = Shouter(moved, source.parent)(source)
    assert made.cached
    assert made.value.all[0].path.read_bytes() == b"ONE TWO THREE"


def test_an_error_is_never_kept(store: Store, source: Path) -> None:
    request = Shout(source=store.fingerprint(source))
    cache = Cache(store)

    def fail() -> Shouted:
        raise MediaError("not today")

    with pytest.raises(MediaError, match="not today"):
        cache.made("shout", 1, request, Shouted, fail)
    result = Shouted(file=kept(store, source), source=request.source)
    assert not cache.made("shout", 1, request, Shouted, lambda: result).cached


def test_what_was_made_of_an_input_that_changed_meanwhile_is_not_recorded(
    shout: Shouter, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = shout.make

    def make_while_it_changes(request: Shout) -> Shouted:
        rewrite_unseen(source, b"TWO THREE ONE")
        return make(request)

    monkeypatch.setattr(shout, "make", make_while_it_changes)
    with pytest.raises(MediaError, match="changed while it was worked on"):
        shout(source)
    rewrite_unseen(source, b"one two three")
    monkeypatch.undo()
    assert shout(source).value.file.path.read_bytes() == b"ONE TWO THREE"


def test_four_processes_with_one_request_do_the_work_once(shout: Shouter, source: Path) -> None:
    def ask(_number: int) -> None:
        assert shout(source).value.file.path.read_bytes() == b"ONE TWO THREE"

    at_once(4, ask)
    assert shout.jobs == 1


def test_four_threads_with_one_request_do_the_work_once(shout: Shouter, source: Path) -> None:
    threads = [threading.Thread(target=shout, args=(source,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shout.jobs == 1


def test_whoever_waits_for_a_killed_maker_makes_it(shout: Shouter, source: Path) -> None:
    """A lock that outlives its holder would hang here for ever."""
    request = Shout(source=shout.store.fingerprint(source))
    began = source.with_name("began")

    def work() -> None:
        began.touch()
        time.sleep(60)

    maker = os.fork()
    if maker == 0:
        shout.cache.made("shout", 1, request, object, work)
    while not began.exists():
        time.sleep(0.01)
    os.kill(maker, signal.SIGKILL)
    os.waitpid(maker, 0)
    assert not shout(source).cached


def test_a_maker_killed_at_any_line_leaves_nothing_that_is_taken_for_a_result(
    shout: Shouter, source: Path
) -> None:
    line = 1
    while die_at(line, lambda: shout(source)):
        assert shout(source).value.file.path.read_bytes() == b"ONE TWO THREE"
        shutil.rmtree(shout.store.home.root)
        line += 9
    assert line > 100


def test_a_full_disk_is_said_and_nothing_is_recorded(shout: Shouter, source: Path) -> None:
    def ask_with_a_full_disk(_number: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))
        with pytest.raises(StorageError, match="MB free"):
            shout(source)

    at_once(1, ask_with_a_full_disk)
    assert not shout(source).cached


def test_locks_do_not_pile_up(shout: Shouter, source: Path) -> None:
    shout(source)
    assert [path.name for path in (shout.store.home.root / "locks").iterdir()] == [".locks"]
