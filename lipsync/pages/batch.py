"""The page of a batch: how many dubs are there and right, what they cost, what needs a look."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from lipsync.pages.drafting import drafted
from lipsync.pages.dub import Headline
from lipsync.pages.story import BatchRow, BatchStory
from lipsync.pages.words import many

# Ours: with 1,000 rows of text a page stays under 5 MB, the size a phone still opens at once.
PICTURES_BYTES = 3_000_000

# Ours: more than this nobody reads before the figures; the table holds them all.
LISTED = 12


class Spending(NamedTuple):
    """What one model or one language cost."""

    name: str
    there: int
    rows: int
    spent_usd: Decimal
    share: float  # Of what the dearest line cost, in per cent.


def batch_page(story: BatchStory) -> str:
    """Write the page of a batch as one HTML text that needs nothing beside it."""
    rows = worst_first(story.rows)
    return drafted(
        "batch.html.jinja",
        "Dubline page of a batch",
        story=story,
        rows=rows,
        verdict=headline(rows),
        doubtful=[row for row in rows if not row.good],
        shown=LISTED,
        there=sum(row.there for row in rows),
        good=sum(row.good for row in rows),
        output_s=sum(row.output_s or 0.0 for row in rows if row.there),
        spent_usd=total(row.spent_usd for row in rows),
        billed_usd=billed(rows),
        models=spending(rows, lambda row: row.model),
        languages=spending(rows, lambda row: row.language),
        pictures=pictures(rows),
    )


def billed(rows: Iterable[BatchRow]) -> Decimal:
    """Add up what was billed; what two rows share was bought once."""
    return total({row.ticket_id or (row.line,): row.billed_usd for row in rows}.values())


def worst_first(rows: Iterable[BatchRow]) -> list[BatchRow]:
    """Put first what is not there, then what is there and not right; then as in the manifest."""
    return sorted(rows, key=lambda row: (row.good, row.there, row.line))


def headline(rows: Sequence[BatchRow]) -> Headline:
    """Say in one line how the batch went."""
    if not rows:
        return Headline("warn", "!", "Nothing to dub: the batch has no rows", "no rows")
    counted = {
        "failed": sum(not row.there and not row.coming for row in rows),
        "still to come": sum(not row.there and row.coming for row in rows),
        "to be reviewed": sum(row.there and not row.good for row in rows),
    }
    counts = ", ".join(f"{count:,} {word}" for word, count in counted.items() if count)
    if not counts:
        return Headline("pass", "✓", f"Right: all {many(len(rows), 'dub')} are there", "all right")
    grave = Headline("fail", "✗", "", "") if counted["failed"] else Headline("warn", "!", "", "")
    return grave._replace(said=f"{many(len(rows), 'dub')}: {counts}", counts=counts)


def total(sums_usd: Iterable[Decimal | None]) -> Decimal:
    """Add up what is known."""
    return sum((one for one in sums_usd if one is not None), Decimal(0))


def spending(rows: Iterable[BatchRow], by: Callable[[BatchRow], str | None]) -> list[Spending]:
    """Add up what each model or language cost, the dearest first."""
    groups: dict[str, list[BatchRow]] = {}
    for row in rows:
        if (name := by(row)) is not None:
            groups.setdefault(name, []).append(row)
    sums = {name: total(row.spent_usd for row in of) for name, of in groups.items()}
    most = max(sums.values(), default=Decimal(0))
    lines = [
        Spending(
            name,
            sum(row.there for row in of),
            len(of),
            sums[name],
            round(float(100 * sums[name] / most), 1) if most else 0.0,
        )
        for name, of in groups.items()
    ]
    return sorted(lines, key=lambda line: (-line.spent_usd, line.name))


def pictures(rows: Iterable[BatchRow]) -> list[BatchRow]:
    """Choose the rows of the contact sheet: in order, as many as the page can carry."""
    kept, left = [], PICTURES_BYTES
    for row in rows:
        if row.thumb is None:
            continue
        left -= len(row.thumb)
        if left < 0:
            break
        kept.append(row)
    return kept
