"""What a page tells: values gathered beforehand, so that drawing one needs nothing else."""

from decimal import Decimal

from pydantic import Field

from lipsync.provenance import Provenance
from lipsync.report import DubReport
from lipsync.strip import Strip
from lipsync.values import Value


class Shot(Value):
    """The same moment before and after, where the voice is loud."""

    at_s: float
    before: str = Field(description="A picture as a data: URI.", repr=False)
    after: str = Field(description="A picture as a data: URI.", repr=False)


class Motion(Value):
    """How much a mouth moves, per frame; any unit, the same for both."""

    step_s: float = Field(gt=0, description="From one frame to the next.")
    before: tuple[float | None, ...] = Field(default=(), description="None: no face is seen.")
    after: tuple[float | None, ...] = ()


class Curves(Value):
    """What is drawn over time."""

    step_s: float = Field(gt=0, description="From one level to the next.")
    voice_db: tuple[float, ...] = Field(description="Level of the voice, dB below full scale.")
    motion: Motion | None = None
    marks_s: tuple[float, ...] = Field(default=(), description="Where the picture is joined.")


class DubStory(Value):
    """Everything the page of a dub shows."""

    report: DubReport
    shots: tuple[Shot, ...] = ()
    strip: Strip | None = None
    curves: Curves | None = None
    preview: bool = Field(default=False, description="Made by the embedded engine.")
    provenance: Provenance | None = None


class BatchRow(Value):
    """One row of a batch, as its page shows it."""

    line: int
    id: str
    state: str = Field(description="'delivered', 'found', 'failed', …; one word.")
    good: bool = Field(description="It is there and nothing is wrong with it.")
    there: bool = Field(description="There is an output to open.")
    coming: bool = Field(default=False, description="Running the batch again may bring it.")
    reason: str = ""
    language: str | None = None
    model: str | None = None
    quoted_usd: Decimal | None = None
    billed_usd: Decimal | None = Field(default=None, description="None: nobody said.")
    ticket_id: int | None = Field(default=None, description="Two rows may share what was bought.")
    spent_usd: Decimal | None = Field(default=None, description="By this run; None: nothing.")
    mismatch_s: float | None = None
    sync_mode: str | None = None
    output_s: float | None = None
    failed_checks: tuple[str, ...] = ()
    output: str | None = Field(default=None, description="Relative to the page, with slashes.")
    page: str | None = Field(default=None, description="Of this dub; relative, with slashes.")
    thumb: str | None = Field(default=None, description="A data: URI.", repr=False)


class BatchStory(Value):
    """Everything the page of a batch shows."""

    title: str
    rows: tuple[BatchRow, ...] = Field(description="In any order; the page puts failures first.")
    took_s: float = 0.0
    tables: tuple[str, ...] = Field(default=(), description="The same as files; relative.")
    unpriced: int = Field(default=0, description="Rows bought at a price nobody knows.")
