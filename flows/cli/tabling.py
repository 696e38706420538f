"""What a person reads of a batch: its bad rows, its plan, its outcome; whole tables with --json."""

from collections.abc import Sequence

from rich.console import Console

from flows.cli.answering import answer
from flows.cli.showing import table
from lipsync.batch.outcome import DONE, BatchOutcome
from lipsync.batch.plan import BatchPlan, PlanRow
from lipsync.batch.tables import (
    fault_rows,
    outcome_rows,
    outcome_summary,
    plan_rows,
    plan_summary,
    worst_first,
)
from lipsync.manifest import RowFault

# Ours: more is not read on a terminal; --json has every row, and so have the tables on the disk.
MOST_ROWS = 50


def show_faults(faults: Sequence[RowFault]) -> None:
    """Print every bad row on stderr: stdout is for the answer."""
    rows = ((one.line, one.id, one.column or "", one.value, one.reason) for one in faults)
    Console(stderr=True).print(table(("line", "id", "column", "value", "what is wrong"), rows))


def show_plan(plan: BatchPlan, *, as_json: bool) -> None:
    """Print what every row would be and cost, and what it comes to."""
    if as_json:
        answer(
            {
                "rows": plan_rows(plan),
                "faults": fault_rows(plan.faults),
                "notes": plan.notes,
                "to_pay_usd": plan.to_pay_usd,
                "unpriced": len(plan.unpriced),
                "saved_usd": plan.saved_usd,
                "saved_s": plan.saved_s,
                "output_s": plan.output_s,
                "models": dict(plan.models),
            }
        )
        return
    if plan.faults:
        show_faults(plan.faults)
    headings = ("line", "id", "model", "length s", "fit", "price $", "saved $", "")
    out = Console()
    out.print(table(headings, map(_plan_cells, plan.rows[:MOST_ROWS]), whole=2))
    _say_rest(out, len(plan.rows))
    _print(out, [*plan.notes, *plan_summary(plan), "nothing was sent"])


def _plan_cells(row: PlanRow) -> tuple[object, ...]:
    price = "unknown" if row.price_usd is None else row.price_usd
    state = "found" if row.found else "bought" if row.bought else ""
    saved = "" if not row.saved_usd else row.saved_usd
    return (row.line, row.id, row.model, f"{row.output_s:.3f}", row.sync_mode, price, saved, state)


def show_outcome(outcome: BatchOutcome, *, as_json: bool) -> None:
    """Print what became of every row: what is missing first, and why."""
    if as_json:
        answer(
            {
                "rows": outcome_rows(outcome),
                "states": dict(outcome.states),
                "there": outcome.there,
                "spent_usd": outcome.spent_usd,
                "took_s": outcome.took_s,
                "tables": [str(path) for path in outcome.tables],
                "exit_code": outcome.exit_code,
            }
        )
        return
    bad = [row for row in worst_first(outcome.rows) if row.exit_code != DONE]
    out = Console()
    if bad:
        rows = ((row.line, row.id, row.state, row.reason) for row in bad[:MOST_ROWS])
        out.print(table(("line", "id", "state", "why"), rows, whole=2))
        _say_rest(out, len(bad))
    _print(out, outcome_summary(outcome))


def _say_rest(out: Console, rows: int) -> None:
    if rows > MOST_ROWS:
        _print(out, [f"the first {MOST_ROWS} of {rows} rows; --json has them all"])


def _print(out: Console, lines: Sequence[str]) -> None:
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
