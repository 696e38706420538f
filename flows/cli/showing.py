"""What a person reads: reports, plans, the catalogue."""

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.cli.answering import answer, answered
from lipsync.home import Home
from lipsync.output import page_path, record_path
from lipsync.report import DubReport, StageRun, figure, money
from lipsync.select import Choice
from lipsync.verdicts import Mark

_STYLE = {Mark.PASS: "green", Mark.WARN: "yellow", Mark.FAIL: "bold red", Mark.UNMEASURED: "dim"}


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, whole: int = 1) -> Table:
    """Lay out rows of plain text; nothing in them is read as markup.

    Args:
        columns: Their headings.
        rows: A text per column.
        whole: How many columns, from the left, are never broken: ids are copied from them.
    """
    laid = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for column in laid.columns[:whole]:
        column.no_wrap = True
    for row in rows:
        laid.add_row(*(escape(str(cell)) for cell in row))
    return laid


def show_report(report: DubReport, stages: Sequence[StageRun]) -> None:
    """Print what was made, whether it is right, what it cost, and where it is."""
    out = Console()
    ran = ", ".join(f"{run.name} {run.seconds:.1f} s" for run in stages if run.state != "Cached")
    checks = Table("check", "figure", "limit", "", box=SIMPLE_HEAD, pad_edge=False)
    for row in report.verdicts:
        mark = f"[{_STYLE[row.verdict]}]{row.verdict}[/]"
        checks.add_row(escape(row.check), escape(figure(row)), escape(row.limit), mark)
    out.print(checks)
    for note in report.notes:
        out.print(f"note: {note}", markup=False, highlight=False)
    lines = (
        ("model", f"{report.model} ({report.vendor}), billed {money(report.billed_usd)}"),
        ("lengths", _lengths(report)),
        ("fit", _fit(report)),
        ("stages", ran or "all cached"),
        ("record", str(record_path(report.output))),
        ("report", str(page_path(report.output))),
        ("dub", str(report.output)),
    )
    for name, text in lines:
        out.print(f"{name:<8} {text}", markup=False, highlight=False, soft_wrap=True)


def _fit(report: DubReport) -> str:
    how = report.sync_mode if report.tempo == 1 else f"voice played at {report.tempo:.3f}x"
    return f"{how}: {report.sync_reason}"


def _lengths(report: DubReport) -> str:
    sides = f"video {report.video_s:.3f} s, voice {report.voice_s:.3f} s"
    return f"{sides}, dub {report.output_s:.3f} s"


def show_choices(choices: Sequence[Choice]) -> None:
    """Print every model held against the dub, best first."""
    rows = (
        (
            choice.model,
            "yes" if choice.accepted else "no",
            f"{choice.predicted_s:.3f}",
            "unknown" if choice.price_usd is None else f"{choice.price_usd}",
            "; ".join((*choice.reasons, *choice.warnings)),
        )
        for choice in choices
    )
    Console().print(table(("model", "can", "length s", "price $", "why"), rows))


def take_down(*, as_json: bool) -> None:
    """Stop the embedded server of this home."""
    from flows.embedded import down  # noqa: PLC0415  only this command stops it

    with answered(as_json=as_json):
        said = down(Home.found())
        if as_json:
            answer({"down": said})
        else:
            Console().print(said, markup=False, highlight=False)
