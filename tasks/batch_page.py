"""The page of a batch's run: its plan, its progress, its outcome and its money as artifacts."""

import logging
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast
from uuid import UUID

import httpx
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.exceptions import PrefectException

from lipsync.batch.outcome import BatchOutcome
from lipsync.batch.plan import BatchPlan
from lipsync.batch.standing import BatchStanding, in_words
from lipsync.batch.tables import (
    Cell,
    fault_rows,
    outcome_rows,
    outcome_summary,
    plan_rows,
    plan_summary,
    worst_first,
)

log = logging.getLogger("lipsync.batch")

# Ours: a page that somebody watches, and a server that many runs share.
REFRESH_S = 5.0
# Ours: a table of more rows is not read on a page; the whole one is a file beside the outputs.
MOST_ROWS = 200


def show_plan(plan: BatchPlan) -> None:
    """Show what would be made, and what is wrong with the rest."""
    text = "; ".join(plan_summary(plan))
    rows = plan_rows(plan)
    _shown(lambda: create_table_artifact(rows[:MOST_ROWS], "plan", _of(rows, text)))
    if plan.faults:
        bad = fault_rows(plan.faults)
        said = _of(bad, "What is wrong with the manifest.")
        _shown(lambda: create_table_artifact(bad[:MOST_ROWS], "bad-rows", said))


def show_outcome(outcome: BatchOutcome, page: Path | None = None) -> None:
    """Show what became of every row, what needs looking at first, and what it cost.

    Args:
        outcome: What became of them.
        page: The whole of it as a page by itself; None: there is none.
    """
    worst = BatchOutcome(rows=tuple(worst_first(outcome.rows)))
    rows = outcome_rows(worst)
    text = "; ".join(outcome_summary(outcome))
    _shown(lambda: create_table_artifact(rows[:MOST_ROWS], "outcome", _of(rows, text)))
    _shown(lambda: create_markdown_artifact(money(outcome), "money", "What the batch cost."))
    if page is not None:
        link = page.absolute().as_uri()
        _shown(lambda: create_link_artifact(link, key="page", description="The whole batch."))


def money(outcome: BatchOutcome) -> str:
    """Write what a batch cost, by model, as markdown."""
    lines = ["| model | dubs there | this run spent |", "|---|---|---|"]
    models = sorted({row.model for row in outcome.rows if row.model})
    for model in models:
        of = BatchOutcome(rows=tuple(row for row in outcome.rows if row.model == model))
        lines.append(f"| {_cell(model)} | {of.there} of {len(of.rows)} | ${of.spent_usd} |")
    files = [f"- `{_cell(path)}`" for path in outcome.tables]
    said = [f"- {_cell(line)}" for line in outcome_summary(outcome)[:2]]
    return "\n".join([*said, "", *lines, "", "The whole table:", "", *files])


def _cell(text: object) -> str:
    escaped = str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("|", "\\|").replace("`", "'").replace("\n", " ")


def _of(rows: Sequence[dict[str, Cell]], text: str) -> str:
    """Describe a table, and say so when it is not all of it."""
    if len(rows) <= MOST_ROWS:
        return text
    return f"{text}. The first {MOST_ROWS} of {len(rows)} rows."


class Page:
    """The progress artifact of a batch; a server that does not take it stops no batch."""

    def __init__(self, name: str) -> None:
        self._key = "batch-" + (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "dubs")
        self._id: UUID | None = None
        self._shown_s = 0.0

    def show(self, standing: BatchStanding) -> None:
        """Write how far it has come, now and then."""
        now_s = time.monotonic()
        if now_s - self._shown_s < REFRESH_S and standing.ended < standing.rows:
            return
        self._shown_s = now_s
        _shown(
            lambda: self._write(100 * standing.ended / max(1, standing.rows), in_words(standing))
        )

    def show_parts(self, ended: int, parts: int) -> None:
        """Write how many parts of it have ended, where other workers do them."""
        said = f"{ended} of {parts} parts have ended"
        _shown(lambda: self._write(100 * ended / max(1, parts), said))

    def _write(self, percent: float, text: str) -> None:
        if self._id is None:
            self._id = cast("UUID", create_progress_artifact(percent, self._key, text))
        else:
            update_progress_artifact(self._id, percent, text)


def _shown(write: Callable[[], object]) -> None:
    try:
        write()
    except (httpx.HTTPError, PrefectException) as error:
        log.info("the run's page was not told: %s", error)
