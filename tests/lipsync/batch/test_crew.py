"""Claims about crews: a thread that is to spare is there for light work alone."""

import threading
from collections.abc import Iterator

import pytest

from lipsync.batch.crew import Crew


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    opened = threading.Event()
    yield opened
    opened.set()


def keep_busy(crew: Crew, gate: threading.Event, *, light: bool) -> None:
    crew.put((0 if light else 1,), gate.wait, lambda _: None, light=light)


def test_a_spare_thread_does_light_work_and_no_other(gate: threading.Event) -> None:
    with Crew(1, "crew", spare=1) as crew:
        keep_busy(crew, gate, light=False)
        keep_busy(crew, gate, light=False)
        assert (crew.busy, crew.queued) == (1, 1)
        assert crew.has_room(light=True)
        keep_busy(crew, gate, light=True)
        assert (crew.busy, crew.queued) == (2, 1)
        assert not crew.has_room(light=True)
        gate.set()


def test_light_work_never_takes_more_than_the_crew_and_its_spare(gate: threading.Event) -> None:
    with Crew(1, "crew", spare=1) as crew:
        for _ in range(3):
            keep_busy(crew, gate, light=True)
        assert (crew.busy, crew.queued) == (2, 1)
        gate.set()
