"""Placing: the page of a dub beside its output, written only when it would say something else."""

import logging
from pathlib import Path

from lipsync.album import shown_in
from lipsync.decision import Decision
from lipsync.errors import StorageError
from lipsync.fit import FittedPair
from lipsync.output import page_path, write_whole
from lipsync.pages.dub import dub_page, stamp
from lipsync.pages.story import Curves, DubStory, Motion, Shot
from lipsync.params import DubParams
from lipsync.provenance import recorded_provenance
from lipsync.report import DubReport, data_uri
from lipsync.requests import Stills
from lipsync.strip import Strip, strip_of
from lipsync.timing import grid_frames
from lipsync.traces import Traces, marks_s

log = logging.getLogger(__name__)

# What every page of ours begins with, so that nobody else's is written over.
OURS = b'<meta name="generator" content="Dubline page '
# The stamp stands within this much of the page's beginning.
_HEAD_BYTES = 512


def is_current(page: Path, report: DubReport) -> bool:
    """Say whether the page of this very report is there."""
    head = _head(page)
    return bool(head) and stamp(report).encode() in head


def is_foreign(page: Path) -> bool:
    """Say whether something is there that we did not write."""
    return page.exists() and OURS not in _head(page)


def _head(page: Path) -> bytes:
    try:
        with page.open("rb") as stream:
            return stream.read(_HEAD_BYTES)
    except OSError:
        return b""


def page_of(  # noqa: PLR0913, PLR0917  a page shows everything before it
    params: DubParams,
    decision: Decision,
    fitted: FittedPair,
    stills: Stills | None,
    report: DubReport,
    traces: Traces | None = None,
) -> Path | None:
    """Have the page of a report beside its output; the one that is there serves if it is its own.

    Returns:
        Where it is; None when it could not be put there, which costs nobody the dub.
    """
    page = page_path(report.output)
    if is_current(page, report):
        return page
    story = story_of(report, decision, fitted, stills, traces)
    return put_page(story, overwrite=params.overwrite)


def put_page(story: DubStory, *, overwrite: bool = False) -> Path | None:
    """Write the page of a dub beside its output.

    Returns:
        Where it is; None when it could not be put there, which costs nobody the dub.
    """
    page = page_path(story.report.output)
    if is_foreign(page) and not overwrite:
        log.warning("%s: exists and is no report of Dubline; it is left as it is", page)
        return None
    text = dub_page(story)
    try:
        write_whole(page, lambda trial: trial.write_text(text, encoding="utf-8"))
    except StorageError as error:
        log.warning("no report page: %s", error)
        return None
    return page


def story_of(
    report: DubReport,
    decision: Decision,
    fitted: FittedPair,
    stills: Stills | None,
    traces: Traces | None = None,
) -> DubStory:
    """Gather what the page shows."""
    from lipsync.envelope import STEP_S, levels_db  # noqa: PLC0415  numpy, for a new page alone

    return DubStory(
        report=report,
        shots=_shots(stills),
        strip=_strip(decision),
        curves=Curves(
            step_s=STEP_S,
            voice_db=levels_db(fitted.voice.path),
            motion=_motion(traces),
            marks_s=marks_s(decision.plan),
        ),
        preview=decision.model.preview,
        provenance=recorded_provenance(report.output),
    )


def _motion(traces: Traces | None) -> Motion | None:
    if traces is None:
        return None
    return Motion(step_s=traces.step_s, before=traces.before, after=traces.after)


def _strip(decision: Decision) -> Strip:
    voice = decision.voice
    return strip_of(
        decision.plan,
        grid_frames(decision.pair.picture),
        lead_s=voice.lead_trimmed_s,
        tail_s=voice.tail_trimmed_s,
    )


def _shots(stills: Stills | None) -> tuple[Shot, ...]:
    return tuple(
        Shot(at_s=one.at_s, before=data_uri(one.before), after=data_uri(one.after))
        for one in (shown_in(stills) if stills else ())
    )
