"""Claims about a running batch: real stages, a real ledger, emulated vendors, and their account."""

import threading
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from subprocess import Popen
from unittest.mock import Mock

import pytest

from lipsync.aside import HelperLost, Helpers
from lipsync.awaiting import Awaiter
from lipsync.batch.board import Board, Phase
from lipsync.batch.crew import Crew
from lipsync.batch.lanes import Lane
from lipsync.batch.limits import Limits
from lipsync.batch.outcome import RowState
from lipsync.batch.running import BatchInterrupted, Watch, _Runner
from lipsync.batch.rush import PATIENT_S
from lipsync.batch.work import Work
from lipsync.report import DubReport
from lipsync.tickets import TicketState
from tests.batches import Depot, open_depot


def test_every_row_is_bought_once_and_in_its_place(depot: Depot) -> None:
    rows = depot.rows(5)
    outcome = depot.dub(rows)
    assert outcome.exit_code == 0
    assert [row.state for row in outcome.rows] == [RowState.DELIVERED] * 5
    assert (len(depot.sold), depot.emulator.account().duplicates) == (5, 0)
    assert {row.request_id for row in outcome.rows} == {job.request_id for job in depot.sold}
    assert all(row.output and row.output.is_file() for row in outcome.rows)
    assert outcome.spent_usd == depot.emulator.account().billed_usd > 0
    assert outcome.took_s > 0


def test_a_finished_batch_runs_again_without_a_stage_a_request_or_a_cent(depot: Depot) -> None:
    rows = depot.rows(3)
    depot.dub(rows)
    before = depot.requests
    again = depot.dub(rows)
    assert [row.state for row in again.rows] == [RowState.FOUND] * 3
    assert (depot.ran, depot.requests, again.exit_code) == ([], before, 0)
    assert again.spent_usd == 0


def test_one_video_into_many_languages_is_looked_at_cut_and_uploaded_once(depot: Depot) -> None:
    rows = [depot.row(line, seconds=seconds) for line, seconds in enumerate((0.5, 0.7, 1, 0.9), 2)]
    depot.dub(rows, encoders=4)
    looks = list((depot.home.root / "cache" / "probe").rglob("*.json"))
    fitted = list((depot.home.root / "cache" / "fit-picture").rglob("*.json"))
    assert len(looks) == 4 + 2  # each voice, and the video with and without its faces
    assert len(fitted) == 1
    videos = {job.arguments["video_url"] for job in depot.sold}
    assert len(videos) == 1
    assert len(depot.sold) == 4


def test_a_row_that_fails_stops_no_other(depot: Depot) -> None:
    depot.emulator.fault("locked", vendor="fal", route="submit", times=1)
    outcome = depot.dub(depot.rows(4), encoders=1, in_flight=1)
    states = Counter(row.state for row in outcome.rows)
    assert states == {RowState.REFUSED: 1, RowState.DELIVERED: 3}
    (refused,) = [row for row in outcome.rows if row.state is RowState.REFUSED]
    assert refused.exit_code == 5
    assert refused.billed_usd == 0
    assert outcome.exit_code == 9


def test_helpers_do_the_same_and_end_with_the_batch(
    depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[Popen[bytes]] = []
    begin = Helpers._begin

    def noted(helpers: Helpers, count: int) -> None:
        begin(helpers, count)
        began.append(helpers._processes[-1])

    monkeypatch.setattr(Helpers, "_begin", noted)
    monkeypatch.setattr("lipsync.batch.helping.WORTH_HELPERS", 1)
    outcome = depot.dub(depot.rows(2))
    assert [row.state for row in outcome.rows] == [RowState.DELIVERED] * 2
    assert [process.poll() for process in began] == [0]  # and its copy with it


def test_the_voice_is_encoded_while_the_picture_is_awaited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    bring = Work.bring

    def noted(work: Work) -> None:
        seen.append(len(list((work.desk.shop.home.root / "cache" / "soundtrack").rglob("*.json"))))
        bring(work)

    monkeypatch.setattr(Work, "bring", noted)
    with open_depot(tmp_path, monkeypatch.setenv, latency_s=2.0) as depot:
        outcome = depot.dub(depot.rows(2))
    assert [row.state for row in outcome.rows] == [RowState.DELIVERED] * 2
    assert seen == [2, 2]


def test_a_voice_that_cannot_be_encoded_while_it_is_awaited_is_encoded_later(
    depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_given: object) -> None:
        raise HelperLost("gone")

    monkeypatch.setattr("lipsync.batch.work.stages.soundtrack", lost)
    (row,) = depot.dub(depot.rows(1)).rows
    assert row.state is RowState.DELIVERED


@pytest.mark.parametrize(("buying", "begun"), [(True, 3), (False, 12)])
def test_in_a_rush_only_rows_that_have_a_place_are_begun(
    depot: Depot, monkeypatch: pytest.MonkeyPatch, *, buying: bool, begun: int
) -> None:
    rows = depot.rows(20)
    desk = depot.desk()
    plan = depot.plan(rows, desk)
    board = Board(plan)
    runner = _Runner(desk, Limits(encoders=1, account={"fal": 3}), board, lambda _board: None)
    runner._lanes["fal"] = Lane("fal", own=3, account=3)
    runner._waiting = [
        Work(desk, row, planned) for row, planned in zip(rows, plan.rows, strict=True)
    ]
    runner._encoders = Mock(Crew)
    monkeypatch.setattr(_Runner, "_is_rushed", buying)
    runner._admit()
    assert board.count(Phase.WORKING) == runner._encoders.put.call_count == begun


def test_a_job_bought_in_a_rush_is_listened_to_after_it_or_after_a_while(depot: Depot) -> None:
    rows = depot.rows(1)
    desk = depot.desk()
    board = Board(depot.plan(rows, desk))
    runner = _Runner(desk, Limits(encoders=1), board, lambda _board: None)
    runner._awaiter = Mock(Awaiter)
    lane, work = Lane("fal", own=3, account=3), Mock(Work)
    for rushed, waited_s, heard in ((True, 0.0, 0), (False, 0.0, 1), (True, PATIENT_S, 2)):
        runner._unheard = [(lane, work)]
        runner._unheard_s = time.monotonic() - waited_s
        runner._listen(rushed=rushed)
        assert runner._awaiter.wait_for.call_count == heard
        assert bool(runner._unheard) == (heard == 0)


def test_failed_rows_are_tried_again_and_finished_ones_are_not(depot: Depot) -> None:
    depot.emulator.fault("locked", vendor="fal", route="submit", times=1)
    rows = depot.rows(3)
    depot.dub(rows)
    again = depot.dub(rows)
    assert Counter(row.state for row in again.rows) == {RowState.FOUND: 2, RowState.DELIVERED: 1}
    assert len(depot.sold) == 3


@pytest.mark.parametrize("model", ["sync-2", None])
def test_an_unknown_row_waits_and_is_never_bought_again(depot: Depot, model: str | None) -> None:
    depot.emulator.fault("cut_after_acceptance", vendor="fal", times=1)
    depot.emulator.fault("listing_503", times=None)
    rows = depot.rows(3, model=model, policy="best")
    for _ in range(2):
        outcome = depot.dub(rows)
        states = Counter(row.state for row in outcome.rows)
        assert states[RowState.UNKNOWN] == 1
        (unknown,) = [row for row in outcome.rows if row.state is RowState.UNKNOWN]
        assert unknown.exit_code == 7
        assert "requests resolve" in unknown.reason
        assert len(depot.sold) == 3


def test_the_next_model_is_taken_when_the_first_is_proven_unbilled(depot: Depot) -> None:
    depot.emulator.fault("locked", vendor="fal", route="submit", times=1)
    outcome = depot.dub(depot.rows(1, model=None, policy="best"))
    first, second = depot.desk().shop.ledger.tickets()
    assert (first.state, second.state) == (TicketState.REFUSED, TicketState.DELIVERED)
    assert outcome.rows[0].model == second.model != first.model
    assert outcome.unpriced == (second.quoted_usd is None)


def test_a_vendor_has_never_more_of_a_batch_than_it_may(depot: Depot) -> None:
    most = 0

    def watch(board: Board) -> None:
        nonlocal most
        flying = depot.desk().shop.ledger.in_flight("fal")
        most = max(most, flying)

    depot.dub(depot.rows(6), watch, account={"fal": 2})
    assert 0 < most <= 2
    assert len(depot.sold) == 6


def test_what_is_wanted_most_goes_first(depot: Depot) -> None:
    rows = [depot.row(line, priority=line) for line in range(2, 6)]
    depot.dub(rows, encoders=1, in_flight=1)
    bought = [label for label, word in depot.ran if word == "submit"]
    assert bought == ["row 5 v5", "row 4 v4", "row 3 v3", "row 2 v2"]


def test_the_budget_of_a_batch_is_kept_by_the_ledger_too(depot: Depot) -> None:
    outcome = depot.dub(depot.rows(3), budget_usd="0.11", encoders=1, in_flight=1)
    states = Counter(row.state for row in outcome.rows)
    assert states == {RowState.DELIVERED: 2, RowState.OVER_BUDGET: 1}
    assert len(depot.sold) == 2
    assert outcome.spent_usd <= Decimal("0.11")


def once_at_vendor(count: int) -> Watch:
    """Press Ctrl-C, once, when so many jobs are at the vendor."""
    pressed: list[bool] = []

    def watch(board: Board) -> None:
        if board.standing().at_vendor == count and not pressed:
            pressed.append(True)
            raise KeyboardInterrupt

    return watch


def test_ctrl_c_buys_nothing_more_and_says_what_is_at_the_vendor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_depot(tmp_path, monkeypatch.setenv, latency_s=3600) as depot:
        rows = depot.rows(5)
        with pytest.raises(BatchInterrupted) as caught:
            depot.dub(rows, once_at_vendor(2), in_flight=2)
        outcome = caught.value.outcome
        assert Counter(row.state for row in outcome.rows) == {
            RowState.WAITING: 2,
            RowState.NOT_RUN: 3,
        }
        waiting = {row.request_id for row in outcome.rows if row.state is RowState.WAITING}
        assert waiting == {job.request_id for job in depot.sold}
        assert not [one for one in threading.enumerate() if one.name.startswith(("clerk", "enc"))]


def test_what_an_interrupted_batch_left_is_collected_first_and_not_bought_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows that are at the vendor hold all its places: they must not wait behind others."""
    with open_depot(tmp_path, monkeypatch.setenv, latency_s=2.0) as depot:
        rows = depot.rows(17)
        with pytest.raises(BatchInterrupted):
            depot.dub(rows[-2:], once_at_vendor(2), account={"fal": 2})
        outcome = depot.dub(rows, account={"fal": 2})
        assert outcome.exit_code == 0
        assert len(depot.sold) == 17
        collected = [label for label, word in depot.ran if word == "collect"]
        assert set(collected[:2]) == {f"row {row.line} {row.id}" for row in rows[-2:]}
        assert depot.emulator.account().duplicates == 0


def test_a_mistake_of_ours_in_one_row_is_a_failed_row(
    depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lipsync import stages

    right = stages.verify

    def wrong(shop: object, decision: object, fitted: object, finished: object) -> object:
        if "v3" in str(getattr(decision, "pair", "")):
            raise ZeroDivisionError("secret")
        return right(shop, decision, fitted, finished)  # type: ignore[arg-type]

    monkeypatch.setattr(stages, "verify", wrong)
    outcome = depot.dub(depot.rows(3))
    states = [row.state for row in outcome.rows]
    assert states == [RowState.DELIVERED, RowState.FAILED, RowState.DELIVERED]
    assert outcome.rows[1].exit_code == 1
    assert "secret" not in outcome.rows[1].reason


def test_the_record_of_a_row_tells_its_stages(depot: Depot) -> None:
    outcome = depot.dub(depot.rows(1))
    assert outcome.rows[0].output
    record = outcome.rows[0].output.with_name(f"{outcome.rows[0].output.name}.json")
    report = DubReport.model_validate_json(record.read_bytes())
    words = [run.name for run in report.stages]
    assert words == [
        "probe", "normalize", "select", "fit", "submit", "collect", "finish", "disclose", "verify",
    ]  # fmt: skip
    assert outcome.rows[0].output.with_name(f"{outcome.rows[0].output.name}.html").is_file()
