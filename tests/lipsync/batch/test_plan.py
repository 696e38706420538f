"""Claims about plans: what is paid, what is saved, and what is refused before anything is sent."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lipsync.batch.crew import Crew
from lipsync.batch.params import BatchParams
from lipsync.batch.plan import BatchPlan, PlanRow, check_budget, same_outputs
from lipsync.batch.refusing import BadRows, refuse_bad_rows
from lipsync.batch.tables import plan_summary
from lipsync.errors import BudgetError
from lipsync.manifest import RowFault
from lipsync.tickets import TicketState
from tests.batches import Depot


def a_row(line: int = 2, price_usd: str | None = "0.50", **change: object) -> PlanRow:
    usual: dict[str, object] = {
        "line": line,
        "id": f"v{line}",
        "output": Path(f"out/{line}.mp4"),
        "model": "sync-2",
        "vendor": "fal",
        "video_s": 10.0,
        "voice_s": 10.0,
        "mismatch_s": 0.0,
        "sync_mode": "cut_off",
        "output_s": 10.0,
        "price_usd": None if price_usd is None else Decimal(price_usd),
    }
    return PlanRow.model_validate(usual | change)


def test_what_is_finished_or_bought_already_is_not_paid_again() -> None:
    rows = (a_row(2), a_row(3, found=True, bought=True), a_row(4, bought=True))
    plan = BatchPlan(rows=rows)
    assert plan.to_pay_usd == Decimal("0.50")
    check_budget(plan, Decimal("0.50"))


def test_a_plan_over_its_budget_is_refused_with_both_sums() -> None:
    plan = BatchPlan(rows=(a_row(2), a_row(3)))
    with pytest.raises(BudgetError, match=r"costs \$1\.00, its budget is \$0\.99"):
        check_budget(plan, Decimal("0.99"))


def test_a_budget_cannot_be_kept_where_a_price_is_not_known() -> None:
    plan = BatchPlan(rows=(a_row(2), a_row(7, price_usd=None)))
    check_budget(plan, None)
    with pytest.raises(BudgetError, match=r"1 rows \(lines 7\).*without a published price"):
        check_budget(plan, Decimal(1000))


def test_two_rows_with_one_output_would_write_over_each_other() -> None:
    rows = [a_row(2), a_row(5, output=Path("out/2.mp4")), a_row(9)]
    (fault,) = same_outputs(rows)
    assert (fault.line, fault.column) == (5, "output")
    assert "line 2" in fault.reason


@pytest.mark.parametrize(
    ("good", "keep_going", "refused"),
    [
        pytest.param(1, False, True, id="one bad row stops all"),
        pytest.param(1, True, False, id="the good ones go on"),
        pytest.param(0, True, True, id="there is nothing to go on with"),
    ],
)
def test_bad_rows_refuse_the_batch_unless_the_good_ones_are_wanted_alone(
    good: int, keep_going: bool, refused: bool
) -> None:
    faults = (RowFault(line=3, id="b", column="voice", reason="there is no such file"),)
    plan = BatchPlan(rows=tuple(a_row(n) for n in range(10, 10 + good)), faults=faults)
    if not refused:
        refuse_bad_rows(Path("m.csv"), plan, keep_going=keep_going)
        return
    with pytest.raises(BadRows, match="first line 3: there is no such file") as caught:
        refuse_bad_rows(Path("m.csv"), plan, keep_going=keep_going)
    assert caught.value.faults == faults
    assert caught.value.exit_code == 3


def test_a_summary_counts_what_is_made_found_bought_bad_and_saved() -> None:
    rows = (
        a_row(2, saved_s=2.0, saved_usd=Decimal("0.10")),
        a_row(3, found=True, bought=True, saved_usd=Decimal(5)),
        a_row(4, bought=True),
    )
    said = plan_summary(BatchPlan(rows=rows, faults=(RowFault(line=9, reason="is bad"),)))
    assert said == [
        "2 dubs to make, 20.0 s: 2 on sync-2",
        "1 are finished and cost nothing",
        "1 are bought already and cost nothing more",
        "1 rows are bad and are not dubbed",
        "to pay: $0.50",
        "trims and fits save $0.10: 2.0 s that are not bought",
    ]


def test_a_trim_saves_the_seconds_it_leaves_out_at_the_price_of_the_model(depot: Depot) -> None:
    plan = depot.plan([depot.row(2, trim="0:0.6", seconds=0.6), depot.row(3)])
    trimmed, whole = plan.rows
    assert trimmed.saved_s == pytest.approx(0.4, abs=0.05)
    assert trimmed.saved_usd == pytest.approx(Decimal("0.02"), abs=Decimal("0.003"))
    assert whole.saved_s == 0
    assert depot.requests == 0


def test_a_plan_names_every_bad_row_and_plans_the_others(depot: Depot) -> None:
    gone = depot.row(3).params.model_copy(update={"voice": Path("gone.wav")})
    mute = depot.row(4).params.model_copy(update={"voice": depot.video})
    rows = [
        depot.row(2),
        depot.row(3).model_copy(update={"params": gone}),
        depot.row(4).model_copy(update={"params": mute}),
        depot.row(5, output=depot.media / "x.avi"),
        depot.row(6, model="no-such-model"),
        depot.row(7, output=Path("/no/such/folder/x.mp4")),
    ]
    plan = depot.plan(rows)
    assert [row.line for row in plan.rows] == [2]
    assert [fault.line for fault in plan.faults] == [3, 4, 5, 6, 7]
    assert all(fault.reason for fault in plan.faults)


def test_a_plan_knows_what_was_bought_and_is_not_there_yet(depot: Depot) -> None:
    rows = depot.rows(2)
    depot.dub(rows)
    for path in depot.out.iterdir():
        path.unlink()
    plan = depot.plan(rows)
    assert [(row.found, row.bought) for row in plan.rows] == [(False, True)] * 2
    assert plan.to_pay_usd == 0
    outcome = depot.dub(rows)
    assert (outcome.exit_code, len(depot.sold)) == (0, 2)


def test_a_ticket_that_cost_nothing_is_to_be_paid_still(depot: Depot) -> None:
    depot.emulator.fault("locked", vendor="fal", route="submit", times=1)
    rows = depot.rows(1)
    depot.dub(rows)
    (ticket,) = depot.desk().shop.ledger.tickets()
    assert ticket.state is TicketState.REFUSED
    (row,) = depot.plan(rows).rows
    assert (row.bought, row.ticket_id) == (False, ticket.id)
    assert row.to_pay_usd == row.price_usd


def test_a_preview_is_not_what_was_asked_for_once_a_model_can_be_had(
    depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = depot.rows(1, model=None)
    key = depot.emulator.environment["FAL_KEY"]
    for name in ("FAL_KEY", "UNIFIED_API_KEY"):
        monkeypatch.setenv(name, "")
    assert [row.vendor for row in depot.dub(rows).rows] == ["local"]
    assert depot.plan(rows).rows[0].found
    monkeypatch.setenv("FAL_KEY", key)
    (row,) = depot.plan(rows).rows
    assert (row.found, row.vendor) == (False, "fal")


def test_the_form_of_a_batch_spends_nothing_it_was_not_told_to() -> None:
    form = BatchParams(manifest=Path("m.csv"))
    assert (form.limit_usd, form.shards, form.keep_going) == (None, 1, False)
    with pytest.raises(ValueError, match="extra"):
        BatchParams.model_validate({"manifest": "m.csv", "budgte_usd": 5})


def test_rows_of_which_all_is_known_are_planned_here_and_the_others_by_the_crew(
    depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = depot.rows(3)
    first = depot.plan(rows)
    handed: list[int] = []
    each = Crew.each

    def noted(crew: Crew, work: Any, items: Any) -> Any:
        handed.extend(row.line for row in items)
        return each(crew, work, items)

    monkeypatch.setattr(Crew, "each", noted)
    assert depot.plan(rows) == first
    assert not handed
    voice = rows[1].params.voice
    assert isinstance(voice, Path)
    other = voice.with_name("other.wav")
    other.write_bytes(voice.read_bytes()[:-4] + b"\1\0\1\0")
    changed = rows[1].model_copy(
        update={"params": rows[1].params.model_copy(update={"voice": other})}
    )
    plan = depot.plan([rows[0], changed, rows[2]])
    assert [row.line for row in plan.rows] == [row.line for row in rows]
    assert handed == [rows[1].line, rows[2].line]
