"""Claims about locks, bytes of a file and files: one holder at a time, free when it dies."""

import os
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from lipsync import locks
from lipsync.errors import StorageError
from lipsync.locks import alone, alone_or_not
from tests.lipsync.deaths import at_once


@pytest.fixture(params=["bytes", "files"])
def lock(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock, in each of the two ways, of which a system has one."""
    if request.param == "bytes" and not locks.HAS_BYTES:
        pytest.skip("locks of bytes are Linux's")
    monkeypatch.setattr(locks, "HAS_BYTES", request.param == "bytes")
    (tmp_path / "locks").mkdir()
    return tmp_path / "locks" / "a.lock"


def left_by(lock: Path) -> set[str]:
    return {path.name for path in lock.parent.iterdir()}


def is_held(lock: Path) -> bool:
    with alone_or_not(lock) as mine:
        return not mine


def count_up(lock: Path, total: Path, times: int) -> None:
    """Add to a number in a file, in a way that loses some when two do it at once."""
    for _ in range(times):
        with alone(lock):
            seen = int(total.read_text())
            time.sleep(0)
            total.write_text(str(seen + 1))


def test_processes_and_threads_take_turns(lock: Path, tmp_path: Path) -> None:
    total = tmp_path / "total"
    total.write_text("0")

    def four_threads(_number: int) -> None:
        threads = [threading.Thread(target=count_up, args=(lock, total, 25)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    at_once(3, four_threads)
    assert total.read_text() == "300"
    assert left_by(lock) == ({locks.BYTES} if locks.HAS_BYTES else set())


def test_whoever_does_not_wait_is_told(lock: Path) -> None:
    with alone_or_not(lock) as first:
        with alone_or_not(lock) as second:
            assert (first, second) == (True, False)
        assert is_held(lock)  # whoever did not get it does not let go of it
    with alone_or_not(lock) as again:
        assert again


def test_the_lock_of_the_dead_is_free(lock: Path) -> None:
    holder = os.fork()
    if holder == 0:
        with alone(lock):
            time.sleep(60)
    while not is_held(lock):
        time.sleep(0.01)
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    with alone_or_not(lock) as mine:
        assert mine


def test_a_lock_file_that_its_holder_deletes_guards_nothing(lock: Path) -> None:
    """Whoever waited for it has the old file; the next one would make a new one, and both be in."""
    inside: list[str] = []
    started = threading.Event()

    def wait() -> None:
        started.set()
        with alone(lock):
            inside.append("waiter")
            with alone_or_not(lock) as mine:
                inside.append(f"third {mine}")

    with alone(lock):
        waiter = threading.Thread(target=wait)
        waiter.start()
        started.wait()
        time.sleep(0.1)
        assert inside == []
    waiter.join()
    assert inside == ["waiter", "third False"]


def test_locks_of_one_folder_have_nothing_to_do_with_each_other(lock: Path) -> None:
    with ExitStack() as stack:
        for number in range(200):
            stack.enter_context(alone(lock.with_name(f"{number}.lock")))
        with alone_or_not(lock) as mine:
            assert mine
        assert is_held(lock.with_name("7.lock"))
    assert not is_held(lock.with_name("7.lock"))


def test_a_folder_that_cannot_be_written_is_one_sentence(lock: Path) -> None:
    missing = lock.parent / "gone" / "a.lock"
    with pytest.raises(FileNotFoundError), alone(missing):
        pass
    if os.geteuid() == 0:
        return  # root may write everywhere
    lock.parent.chmod(0o500)
    with pytest.raises(StorageError, match="DUBLINE_HOME"), alone(lock):
        pass


def test_a_name_of_any_bytes_is_a_lock(lock: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(lock.parent) + b"/\xff \xc3\xa4.lock"))
    with alone(odd):
        assert is_held(odd)
