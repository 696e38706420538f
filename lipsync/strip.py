"""The strip of a fit: what became of each stretch of picture and voice, on the output's clock."""

from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from pydantic import Field

from lipsync.fit import FitPlan, SyncMode
from lipsync.timing import seconds
from lipsync.values import Value

# Ours: a picture that goes round more often than this is drawn as one stretch.
ROUNDS_SHOWN = 40


class Became(StrEnum):
    """What became of a stretch."""

    PLAYED = "played"
    AGAIN = "again"  # a loop's later rounds
    BACK = "backwards"
    RETIMED = "retimed"
    HELD = "held"
    SILENT = "silent"
    CUT = "cut"  # not in the output
    VENDOR = "vendor"  # the vendor fits it, in a way only the vendor knows


class Piece(Value):
    """One stretch of a side; seconds from the output's start, negative before it."""

    became: Became
    from_s: float
    to_s: float
    note: str = ""


class Strip(Value):
    """Both sides of a pair on one clock; what lies outside 0 to `output_s` was cut."""

    output_s: float
    picture: tuple[Piece, ...] = Field(description="In order of time.")
    voice: tuple[Piece, ...]


def strip_of(plan: FitPlan, all_frames: int, *, lead_s: float = 0.0, tail_s: float = 0.0) -> Strip:
    """Lay a fit plan out.

    Args:
        plan: How the lengths are made equal.
        all_frames: Frames the video had before its trim.
        lead_s: Silence taken off the front of the voice before the fit.
        tail_s: And off its end.
    """
    return Strip(
        output_s=plan.predicted_s,
        picture=_joined(_before(plan), _pictures(plan), _after(plan, all_frames)),
        voice=_joined(_edge(-lead_s, 0.0), _voice(plan), _tail(plan, tail_s)),
    )


def _joined(*parts: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Leave out stretches of no length."""
    return tuple(piece for part in parts for piece in part if piece.to_s - piece.from_s > 0)


def _edge(from_s: float, to_s: float) -> tuple[Piece, ...]:
    return (Piece(became=Became.CUT, from_s=from_s, to_s=to_s, note="silence taken off"),)


def _before(plan: FitPlan) -> tuple[Piece, ...]:
    trimmed_s = seconds(plan.first_frame, plan.rate)
    return (Piece(became=Became.CUT, from_s=-trimmed_s, to_s=0.0, note="trimmed away"),)


def _after(plan: FitPlan, all_frames: int) -> tuple[Piece, ...]:
    """What of the video is left over at its end: cut by the fit, or by the trim."""
    shown = min(plan.frames, plan.source_frames)
    whole = plan.by_vendor or plan.sync_mode in {SyncMode.REMAP, SyncMode.SILENCE}
    cut = 0 if whole else plan.source_frames - shown
    trimmed = max(0, all_frames - plan.first_frame - plan.source_frames)
    at_s = plan.predicted_s
    cut_s, trimmed_s = seconds(cut, plan.rate), seconds(trimmed, plan.rate)
    return (
        Piece(became=Became.CUT, from_s=at_s, to_s=at_s + cut_s, note="cut to the voice"),
        Piece(
            became=Became.CUT,
            from_s=at_s + cut_s,
            to_s=at_s + cut_s + trimmed_s,
            note="trimmed away",
        ),
    )


def _pictures(plan: FitPlan) -> tuple[Piece, ...]:
    """What the output shows, from its first frame to its last."""
    end_s, source_s = plan.predicted_s, seconds(plan.source_frames, plan.rate)
    if plan.by_vendor:
        return (_piece(Became.VENDOR, 0.0, end_s, f"the vendor's own {plan.sync_mode}"),)
    if plan.sync_mode is SyncMode.REMAP and plan.frames != plan.source_frames:
        speed = plan.source_frames / plan.frames
        return (_piece(Became.RETIMED, 0.0, end_s, f"at {speed:.3f}x"),)
    if plan.frames <= plan.source_frames or plan.sync_mode is SyncMode.CUT_OFF:
        return (_piece(Became.PLAYED, 0.0, end_s),)
    if plan.sync_mode is SyncMode.SILENCE:
        return (
            _piece(Became.PLAYED, 0.0, source_s),
            _piece(Became.HELD, source_s, end_s, "the last picture stands"),
        )
    return _rounds(plan)


def _rounds(plan: FitPlan) -> tuple[Piece, ...]:
    """A picture that starts again, or runs back and forth."""
    bounce = plan.sync_mode is SyncMode.BOUNCE
    # A bounce does not show its turning frames twice (lipsync.fit.source_frame).
    step = max(1, plan.source_frames - 1) if bounce else plan.source_frames
    turns = [*range(0, plan.frames, step), plan.frames]
    if len(turns) > ROUNDS_SHOWN:
        said = f"{len(turns) - 1} times over"
        return (_piece(Became.AGAIN, 0.0, plan.predicted_s, said),)
    later = Became.BACK if bounce else Became.AGAIN
    kinds = (Became.PLAYED, later)
    return tuple(
        _piece(
            kinds[turn % 2] if bounce else kinds[min(turn, 1)],
            seconds(first, plan.rate),
            seconds(end, plan.rate),
            f"round {turn + 1}",
        )
        for turn, (first, end) in enumerate(pairwise(turns))
    )


def _voice(plan: FitPlan) -> tuple[Piece, ...]:
    """What the output lets hear."""
    heard_s = plan.mismatch.voice_s / plan.tempo
    end_s = plan.predicted_s
    retimed = plan.tempo != 1
    said = f"at {plan.tempo:.3f}x, its pitch kept" if retimed else ""
    kind = Became.RETIMED if retimed else Became.PLAYED
    # A frame and a sample do not end together: what is shorter than a frame is no silence.
    ends_s = end_s if abs(heard_s - end_s) < float(1 / plan.rate) else min(heard_s, end_s)
    return (
        _piece(kind, 0.0, ends_s, said),
        _piece(Became.SILENT, ends_s, end_s, "padded with silence"),
    )


def _tail(plan: FitPlan, tail_s: float) -> tuple[Piece, ...]:
    end_s, heard_s = plan.predicted_s, plan.mismatch.voice_s / plan.tempo
    lost_s = max(0.0, heard_s - end_s)
    lost_s = 0.0 if lost_s < float(Fraction(1) / plan.rate) else lost_s
    return (
        _piece(Became.CUT, end_s, end_s + lost_s, "speech that is cut"),
        _piece(Became.CUT, end_s + lost_s, end_s + lost_s + tail_s, "silence taken off"),
    )


def _piece(became: Became, from_s: float, to_s: float, note: str = "") -> Piece:
    return Piece(became=became, from_s=from_s, to_s=to_s, note=note)
