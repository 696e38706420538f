"""The page of a batch: its outcome told as a story, and put beside its tables."""

from pathlib import Path

from lipsync.batch.outcome import THERE, BatchOutcome, RowOutcome, RowState
from lipsync.pages.sheet import beside, put_batch_page
from lipsync.pages.story import BatchRow, BatchStory
from lipsync.workshop import Workshop

# Running the batch again may bring these: nothing is wrong with them.
_COMING = frozenset({RowState.WAITING, RowState.NOT_RUN})


def write_page(shop: Workshop, outcome: BatchOutcome, stem: Path, title: str) -> Path | None:
    """Write the page of a batch as `stem.html`, beside its tables."""
    page = stem.with_name(f"{stem.name}.html")
    outputs = {
        row.line: row.output
        for row in outcome.rows
        if row.state in THERE and row.output is not None and row.output.is_file()
    }
    return put_batch_page(shop, story_of(outcome, page, title), page, outputs)


def story_of(outcome: BatchOutcome, page: Path, title: str) -> BatchStory:
    """Tell what became of a batch."""
    return BatchStory(
        title=title,
        rows=tuple(_row(row) for row in outcome.rows),
        took_s=outcome.took_s,
        tables=tuple(beside(page, table) for table in outcome.tables),
        unpriced=outcome.unpriced,
    )


def _row(row: RowOutcome) -> BatchRow:
    there = row.state in THERE
    return BatchRow(
        line=row.line,
        id=row.id,
        state=str(row.state),
        good=there and not row.failed_checks,
        there=there,
        coming=row.state in _COMING,
        reason=row.reason,
        language=row.language,
        model=row.model,
        quoted_usd=row.quoted_usd,
        billed_usd=row.billed_usd,
        ticket_id=row.ticket_id,
        spent_usd=row.spent.usd if row.spent else None,
        mismatch_s=row.mismatch_s,
        sync_mode=row.sync_mode,
        output_s=row.output_s,
        failed_checks=row.failed_checks,
    )
