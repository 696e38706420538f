"""Tables: the plan and the outcome of a batch, laid out row by row."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from lipsync.batch.outcome import THERE, BatchOutcome, RowOutcome
from lipsync.batch.plan import BatchPlan, PlanRow
from lipsync.manifest import RowFault
from lipsync.price import dollars

Cell = str | int | float | None


def plan_rows(plan: BatchPlan) -> list[dict[str, Cell]]:
    """Lay a plan out as rows of a table, in the order of the manifest."""
    return [_plan_row(row) for row in plan.rows]


def _plan_row(row: PlanRow) -> dict[str, Cell]:
    return {
        "line": row.line,
        "id": row.id,
        "language": row.language,
        "model": row.model,
        "vendor": row.vendor,
        "video_s": round(row.video_s, 3),
        "voice_s": round(row.voice_s, 3),
        "mismatch_s": round(row.mismatch_s, 3),
        "sync_mode": row.sync_mode,
        "output_s": round(row.output_s, 3),
        "price_usd": _usd(row.price_usd),
        "to_pay_usd": _usd(row.to_pay_usd),
        "saved_s": round(row.saved_s, 3),
        "saved_usd": _usd(row.saved_usd),
        "state": "found" if row.found else "bought" if row.bought else "new",
        "ticket": row.ticket_id,
        "output": str(row.output),
        "warnings": "; ".join(row.warnings),
    }


def outcome_rows(outcome: BatchOutcome) -> list[dict[str, Cell]]:
    """Lay an outcome out as rows of a table, in the order of the manifest."""
    return [_outcome_row(row) for row in outcome.rows]


def _outcome_row(row: RowOutcome) -> dict[str, Cell]:
    return {
        "line": row.line,
        "id": row.id,
        "state": str(row.state),
        "reason": row.reason,
        "exit_code": row.exit_code,
        "language": row.language,
        "model": row.model,
        "vendor": row.vendor,
        "ticket": row.ticket_id,
        "request_id": row.request_id,
        "quoted_usd": _usd(row.quoted_usd),
        "billed_usd": _usd(row.billed_usd),
        "spent_usd": None if row.spent is None else _usd(row.spent.usd),
        "video_s": row.video_s,
        "voice_s": row.voice_s,
        "mismatch_s": row.mismatch_s,
        "sync_mode": row.sync_mode,
        "output_s": row.output_s,
        "failed_checks": ", ".join(row.failed_checks),
        "output": None if row.output is None else str(row.output),
    }


def fault_rows(faults: Iterable[RowFault]) -> list[dict[str, Cell]]:
    """Lay out what is wrong with a manifest."""
    return [
        {
            "line": fault.line,
            "id": fault.id,
            "column": fault.column,
            "value": fault.value,
            "reason": fault.reason,
        }
        for fault in faults
    ]


def worst_first(rows: Sequence[RowOutcome]) -> list[RowOutcome]:
    """Sort rows so that what somebody should look at comes first, in the manifest's order."""
    return sorted(rows, key=lambda row: (row.state in THERE, -row.exit_code, row.line))


def _usd(sum_usd: Decimal | None) -> float | None:
    return None if sum_usd is None else float(sum_usd)


def plan_summary(plan: BatchPlan) -> list[str]:
    """Say what a plan comes to, in a few lines."""
    to_do = [row for row in plan.rows if not row.found]
    models = ", ".join(f"{count} on {model}" for model, count in sorted(plan.models.items()))
    lines = [f"{len(to_do)} dubs to make, {plan.output_s:.1f} s{': ' if models else ''}{models}"]
    if (found := len(plan.rows) - len(to_do)) > 0:
        lines.append(f"{found} are finished and cost nothing")
    if bought := sum(row.bought for row in to_do):
        lines.append(f"{bought} are bought already and cost nothing more")
    if plan.faults:
        bad = len({fault.line for fault in plan.faults})
        lines.append(f"{bad} rows are bad and are not dubbed")
    unknown = f", and {len(plan.unpriced)} at an unknown price" if plan.unpriced else ""
    lines.append(f"to pay: {dollars(plan.to_pay_usd)}{unknown}")
    if plan.saved_s:
        saved = f"{plan.saved_s:.1f} s that are not bought"
        lines.append(f"trims and fits save {dollars(plan.saved_usd)}: {saved}")
    return lines


def outcome_summary(outcome: BatchOutcome) -> list[str]:
    """Say what became of a batch, in a few lines."""
    states = ", ".join(f"{count} {state}" for state, count in sorted(outcome.states.items()))
    unknown = f", and {outcome.unpriced} at an unknown price" if outcome.unpriced else ""
    lines = [
        f"{outcome.there} of {len(outcome.rows)} dubs are there ({states})",
        f"spent: {dollars(outcome.spent_usd)}{unknown}, in {outcome.took_s:.0f} s",
    ]
    return lines + [f"table: {path}" for path in outcome.tables[:1]]


def table_stem(manifest: Path, folder: Path | None) -> Path:
    """Say what the outcome's files are called, without their suffixes.

    >>> table_stem(Path("in/week.csv"), Path("out")).as_posix()
    'out/week.outcome'
    """
    beside = manifest if manifest.is_dir() else manifest.parent
    return (folder or beside) / f"{manifest.resolve().stem}.outcome"
