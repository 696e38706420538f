"""Following: what is logged about a job, and what is shown of it."""

import logging

import pytest

from lipsync.following import follow
from lipsync.progress import LOG, told
from lipsync.tickets import Receipt, Ticket
from lipsync.vendors.protocol import Progress, Standing
from tests.lipsync.orders import make_order
from tests.lipsync.vendors.falshop import make_ticket


@pytest.fixture
def ticket() -> Ticket:
    return make_ticket(make_order(), Receipt(request_id="job-1"))


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_an_answer_that_says_nothing_new_is_no_line_of_the_log(
    ticket: Ticket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    watch = follow(ticket)
    for position in (2, 2, 1):
        watch(Progress(state=Standing.QUEUED, position=position))
    lines = logged(caplog)
    assert len(lines) == 2
    assert "in the queue, 2 ahead at fal" in lines[0]
    assert "in the queue, 1 ahead at fal" in lines[1]


def test_each_line_of_the_vendor_is_logged_once_also_after_an_answer_without_lines(
    ticket: Ticket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    watch = follow(ticket)
    for lines in (("loading",), (), ("loading", "frame 1"), ("loading", "frame 1")):
        watch(Progress(state=Standing.RUNNING, lines=lines))
    said = [line for line in logged(caplog) if "says" in line]
    assert [line.rpartition(": ")[2] for line in said] == ["loading", "frame 1"]


def test_who_reads_along_sees_every_answer_and_keeps_the_vendors_lines(ticket: Ticket) -> None:
    seen: list[tuple[str, str]] = []
    with told(lambda *_: None, lambda stage, words: seen.append((stage, words))):
        watch = follow(ticket)
        watch(Progress(state=Standing.RUNNING, percent=40, lines=("loading",)))
        watch(Progress(state=Standing.RUNNING, percent=40, lines=("loading",)))
    shown = [words for stage, words in seen if stage == "collect"]
    assert [words.partition(",")[0] for words in shown] == ["fal: running", "fal: running"]
    assert [words for stage, words in seen if stage == LOG] == ["fal: loading"]
