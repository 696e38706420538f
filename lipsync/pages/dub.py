"""The page of a dub: what was made, whether it is right, what it cost, and all that led there."""

from collections import Counter
from typing import Any, NamedTuple

from lipsync.output import record_path
from lipsync.pages import drawing
from lipsync.pages.drafting import drafted
from lipsync.pages.drawing import Ruler
from lipsync.pages.origin import origin
from lipsync.pages.story import DubStory
from lipsync.pages.words import label, link, many
from lipsync.provenance import provenance_path
from lipsync.report import DubReport, figure
from lipsync.strip import Became, Strip
from lipsync.values import content_key
from lipsync.verdicts import Mark, Verdict

# Raised whenever the page of the same story looks different: pages that are there are made again.
PAGE = 3
GLYPHS = {Mark.PASS: "✓", Mark.WARN: "!", Mark.FAIL: "✗", Mark.UNMEASURED: "?"}
# What is wrong stands first.
_GRAVITY = {Mark.FAIL: 0, Mark.WARN: 1, Mark.UNMEASURED: 2, Mark.PASS: 3}
_BOX = 100.0

_BECAME = {
    Became.PLAYED: "as it is",
    Became.AGAIN: "played again",
    Became.BACK: "played backwards",
    Became.RETIMED: "speed changed",
    Became.HELD: "last picture held",
    Became.SILENT: "silence added",
    Became.CUT: "left out",
    Became.VENDOR: "fitted by the vendor",
}


class Headline(NamedTuple):
    """The verdict on the whole dub in one line."""

    mark: str
    glyph: str
    said: str
    counts: str


def dub_page(story: DubStory) -> str:
    """Write the page of a dub as one HTML text that needs nothing beside it."""
    report = story.report
    ruler = drawing.ruler_of(story.strip, report.output_s)
    rows = [_row(verdict) for verdict in report.verdicts]
    rows.sort(key=lambda row: _GRAVITY[row["verdict"]])
    return drafted(
        "dub.html.jinja",
        stamp(report),
        story=story,
        verdict=headline(report),
        passed=sum(one.verdict is Mark.PASS for one in report.verdicts),
        rows=rows,
        wrong=[row for row in rows if row["verdict"] in {Mark.FAIL, Mark.WARN}],
        possible=[one for one in report.choices if one.accepted],
        refused=[one for one in report.choices if not one.accepted],
        drawn=_drawn(story, ruler),
        strip=_strip(story.strip, ruler),
        ticks=drawing.ticks(report.output_s, ruler),
        origin=origin(story),
        output_link=link(report.output.name),
        provenance_link=link(provenance_path(report.output).name) if story.provenance else "",
        record_link=link(record_path(report.output).name),
    )


def stamp(report: DubReport) -> str:
    """Name the page of a report: the same stamp, the same page."""
    return f"Dubline page {content_key('page', PAGE, report)}"


def headline(report: DubReport) -> Headline:
    """Say in one line whether the dub is right."""
    counted = Counter(verdict.verdict for verdict in report.verdicts)
    failed, warned = counted[Mark.FAIL], counted[Mark.WARN]
    counts = ", ".join(
        f"{count} {word}"
        for count, word in ((failed, "failed"), (warned, "with a warning"))
        if count
    )
    if failed:
        named = ", ".join(label(one.check).lower() for one in report.failed)
        return Headline("fail", "✗", f"Needs review: {named}", counts)
    if warned:
        said = f"Right, with {many(warned, 'warning')}"
        return Headline("warn", "!", said, counts)
    return _clean(report, counted[Mark.UNMEASURED])


def _clean(report: DubReport, unmeasured: int) -> Headline:
    """Say that nothing is wrong, and how much of that is known."""
    if unmeasured:
        said = f"Right as far as can be measured: {many(unmeasured, 'check')} could not be"
        return Headline("pass", "✓", said, f"{unmeasured} not measurable")
    return Headline("pass", "✓", f"Right: all {len(report.verdicts)} checks passed", "all passed")


def _row(verdict: Verdict) -> dict[str, Any]:
    return {
        "check": verdict.check,
        "verdict": verdict.verdict,
        "glyph": GLYPHS[verdict.verdict],
        "figure": figure(verdict),
        "limit": verdict.limit,
        "note": verdict.note,
        "unit": verdict.unit,
        "source": verdict.source,
        "advice": verdict.advice,
    }


def _drawn(story: DubStory, ruler: Ruler) -> dict[str, Any] | None:
    """Draw what happens over time."""
    curves, output_s = story.curves, story.report.output_s
    if curves is None:
        return None
    drawn: dict[str, Any] = {
        "voice": drawing.waveform(curves, ruler, output_s, _BOX),
        "peaks": [ruler.x(shot.at_s) for shot in story.shots],
        "marks": [ruler.x(at_s) for at_s in curves.marks_s],
        "before": "",
        "after": "",
    }
    if (motion := curves.motion) is not None:
        top = drawing.usual_top(motion.before, motion.after)
        for side in ("before", "after"):
            drawn[side] = drawing.motion_line(
                getattr(motion, side), motion.step_s, ruler, top=top, height=_BOX
            )
    return drawn


def _strip(strip: Strip | None, ruler: Ruler) -> dict[str, Any] | None:
    """Draw what became of both sides."""
    if strip is None:
        return None
    lanes = [
        {"name": name, "bars": drawing.bars(pieces, ruler), "said": f"What became of the {name}"}
        for name, pieces in (("picture", strip.picture), ("voice", strip.voice))
    ]
    return {
        "lanes": lanes,
        "edges": ruler.output,
        "kinds": drawing.kinds(strip),
        "words": {str(kind): said for kind, said in _BECAME.items()},
        "said": _changes(strip),
    }


def _changes(strip: Strip) -> str:
    """Say with figures what a drawing only shows; nothing where both play as they are."""
    return "; ".join(
        f"{name}: {piece.to_s - piece.from_s:.2f} s {_BECAME[piece.became]} ({piece.note})"
        for name, pieces in (("picture", strip.picture), ("voice", strip.voice))
        for piece in pieces
        if piece.note and piece.became is not Became.PLAYED
    )
