"""Claims about locks: one holder at a time, free when it dies, and no file left."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from lipsync.disk import alone, alone_or_not
from tests.lipsync.deaths import at_once


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "a.lock"


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
    assert not lock.exists()


def test_whoever_does_not_wait_is_told(lock: Path) -> None:
    with alone_or_not(lock) as first:
        with alone_or_not(lock) as second:
            assert (first, second) == (True, False)
        assert lock.exists()  # whoever did not get it does not delete it
    with alone_or_not(lock) as again:
        assert again


def test_the_lock_of_the_dead_is_free(lock: Path) -> None:
    holder = os.fork()
    if holder == 0:
        with alone(lock):
            time.sleep(60)
    while not lock.exists():
        time.sleep(0.01)
    time.sleep(0.05)
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
