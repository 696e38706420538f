"""Report: the record of a finished dub, and the same as text a person reads."""

import base64
from decimal import Decimal
from pathlib import Path

from pydantic import Field

from lipsync.links import Input
from lipsync.select import Choice
from lipsync.values import Value
from lipsync.verdicts import Mark, Verdict


class StageRun(Value):
    """One stage of one run: whether its result was made or found, and how long that took."""

    name: str
    state: str = Field(description="'Completed' or 'Cached'.")
    seconds: float


class DubReport(Value):
    """Everything a person, a script or an auditor asks of a finished dub."""

    output: Path
    output_sha256: str
    dub_key: str = Field(description="What was asked for, by content: equal keys, equal dubs.")
    video: Input = Field(description="As it was given; of a link, its address.")
    video_sha256: str
    voice: Input
    voice_sha256: str
    vendor: str
    model: str
    request_id: str
    ticket_id: int
    video_s: float = Field(description="After the trim.")
    voice_s: float = Field(description="After normalizing, before the fit.")
    mismatch_s: float = Field(description="Voice minus video.")
    sync_mode: str
    sync_reason: str
    tempo: float
    predicted_s: float
    output_s: float = Field(description="Frames of the output over its rate.")
    quoted_usd: Decimal | None = Field(description="None: no price is published.")
    billed_usd: Decimal | None = Field(description="None: nobody said.")
    loudness_lufs: float
    true_peak_dbtp: float
    voice_offset_ms: float | None = Field(description="Positive: the voice is late.")
    review: bool = Field(default=False, description="A check failed: delivered, needs review.")
    verdicts: tuple[Verdict, ...]
    choices: tuple[Choice, ...]
    notes: tuple[str, ...] = Field(default=(), description="What every stage had to say.")
    stages: tuple[StageRun, ...] = ()

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """The checks that failed."""
        return tuple(verdict for verdict in self.verdicts if verdict.verdict is Mark.FAIL)


_MARKS = {Mark.PASS: "✓", Mark.WARN: "!", Mark.FAIL: "✗", Mark.UNMEASURED: "?"}


def _cell(text: object) -> str:
    r"""Keep a text inside its table cell, whatever it holds.

    >>> print(_cell("a|b <i>"))
    a\|b &lt;i&gt;
    """
    escaped = str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("|", "\\|").replace("\n", " ")


def figure(verdict: Verdict) -> str:
    """Write what was measured, without the noise of a float."""
    return verdict.value if isinstance(verdict.value, str) else f"{verdict.value:g}"


def money(usd: Decimal | None) -> str:
    """Write what something costs.

    >>> money(Decimal("0.05")), money(None)
    ('$0.05', 'an unknown sum')
    """
    return "an unknown sum" if usd is None else f"${usd}"


def _row(verdict: Verdict) -> str:
    cells = (verdict.check, figure(verdict), verdict.limit, _MARKS[verdict.verdict])
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def summary(report: DubReport) -> str:
    """Write the report as markdown: what was made, whether it is right, what it cost."""
    verdict = f"**{len(report.failed)} checks failed**" if report.failed else "all checks passed"
    lines = [
        f"# {_cell(report.output.name)}: {verdict}",
        "",
        f"{_cell(report.model)} ({_cell(report.vendor)}), {report.output_s:.3f} s.",
        f"Quoted {money(report.quoted_usd)}, billed {money(report.billed_usd)}.",
        "",
        f"Video {report.video_s:.3f} s, voice {report.voice_s:.3f} s.",
        f"Sync mode `{report.sync_mode}`: {_cell(report.sync_reason)}.",
        "",
        "| check | figure | limit | |",
        "|---|---|---|---|",
        *(_row(verdict) for verdict in report.verdicts),
        "",
        *(f"- {_cell(note)}" for note in report.notes),
        "",
        f"Output: `{_cell(report.output)}`",
    ]
    return "\n".join(lines)


def choice_rows(choices: tuple[Choice, ...]) -> list[dict[str, str]]:
    """Lay the choices out as rows of a table, best first."""
    return [
        {
            "model": choice.model,
            "vendor": choice.vendor,
            "": "accepted" if choice.accepted else "rejected",
            "length (s)": f"{choice.predicted_s:.3f}",
            "price (USD)": "unknown" if choice.price_usd is None else str(choice.price_usd),
            "why": "; ".join((*choice.reasons, *choice.warnings)),
        }
        for choice in choices
    ]


def check_rows(verdicts: tuple[Verdict, ...]) -> list[dict[str, str]]:
    """Lay the verdicts out as rows of a table."""
    return [
        {
            "check": verdict.check,
            "": str(verdict.verdict),
            "figure": figure(verdict),
            "limit": verdict.limit,
            "note": verdict.note,
            "advice": verdict.advice,
            "source": verdict.source,
        }
        for verdict in verdicts
    ]


def data_uri(jpeg: bytes) -> str:
    """Write a picture as a link that carries the picture itself."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
