"""The decision: all that is settled about a dub before anything is cut, sent or paid."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import Field

from lipsync.catalogue import Model, Policy
from lipsync.errors import MediaError, UsageError
from lipsync.facts import FaceFacts, MediaFacts, VideoFacts, picture_of, voice_of
from lipsync.fit import FitPlan, Lengths, SyncMode, plan_fit, vendor_plan
from lipsync.params import DubParams
from lipsync.select import Choice, Selection
from lipsync.timing import Trim, grid_frames, parse_trim, trim_frames
from lipsync.values import File, Value, content_key
from lipsync.voice import LoudnessTarget, NormalizeRequest, Voice


class Pair(Value):
    """What is known of a video and a voice track."""

    video: MediaFacts
    voice: MediaFacts
    faces: FaceFacts

    @property
    def picture(self) -> VideoFacts:
        """The video's picture; a pair is not made without one."""
        assert self.video.video is not None
        return self.video.video


class Decision(Value):
    """Which model makes the dub, of what, how long, how loud, and at what price."""

    pair: Pair
    voice: Voice
    target: LoudnessTarget
    track: int = Field(description="Audio track of the supplied voice.")
    plan: FitPlan
    selection: Selection
    model: Model
    generation: int
    policy: Policy
    pinned: bool = Field(default=False, description="Somebody named the model; no other serves.")
    options: dict[str, Any] = Field(default_factory=dict)
    budget_usd: Decimal | None = None

    @property
    def choice(self) -> Choice:
        """The choice that is taken, with its length and price."""
        return next(one for one in self.selection.choices if one.model == self.selection.chosen)


def paired(video: MediaFacts, voice: MediaFacts, faces: FaceFacts | None) -> Pair:
    """Put two files together.

    Raises:
        MediaError: The first has no picture, or the second no sound.
    """
    picture_of(video)
    voice_of(voice)
    assert faces is not None  # they were looked for in every picture
    return Pair(video=video, voice=voice, faces=faces)


def check_pair(params: DubParams, video: MediaFacts, voice: MediaFacts) -> None:
    """Refuse what should not be dubbed whatever is seen or heard in it.

    Raises:
        MediaError: The first has no picture, the second no sound, or not the track that is asked
            for; a file is cut off; or the trim lies outside the video.
    """
    picture = picture_of(video)
    voice_of(voice, params.voice_track)
    trim = parse_trim(params.trim) if params.trim else Trim()
    if trim.end_s is None:  # whoever names the end wants just that
        there_s = math.floor(picture.duration_s * 100) / 100
        _check_whole(video, f", or take what is there with --trim 0:{there_s:.2f}")
    _check_whole(voice)
    with _naming(video):
        _trimmed(params, picture)


def check_bed(params: DubParams, video: MediaFacts, bed: MediaFacts | None) -> None:
    """Refuse a bed that could not be heard, before anything is paid.

    Args:
        params: What is asked.
        video: The source, whose own sound is the bed where there is no file.
        bed: The file; None: there is none.

    Raises:
        MediaError: There is no sound to be mixed in, or its file is cut off.
    """
    if params.bed == "none":
        return
    if bed is not None:
        voice_of(bed)
        _check_whole(bed)
    elif not video.audio:
        raise MediaError(
            f"{video.file.path}: has no sound of its own to be the bed; give one with --bed-file, "
            "or leave --bed out"
        )


def _check_whole(side: MediaFacts, way_out: str = "") -> None:
    """Refuse a file that is cut off: part of a dub is not what anybody wants to pay for."""
    if side.missing is not None:
        raise MediaError(
            f"{side.file.path}: is cut off or damaged: {side.missing}, "
            f"{side.duration_s:.2f} s can be read; copy or export it again{way_out}"
        )


@contextmanager
def _naming(*sides: MediaFacts) -> Iterator[None]:
    """Put before a refusal which files it is about, and what is odd about them."""
    try:
        yield
    except MediaError as error:
        raise MediaError(f"{' with '.join(_named(side) for side in sides)}: {error}") from error


def _named(side: MediaFacts) -> str:
    odd = "; ".join(f"{warning[0].lower()}{warning[1:].rstrip('.')}" for warning in side.warnings)
    return f"{side.file.path} ({odd})" if odd else str(side.file.path)


def normalizing(params: DubParams, target: LoudnessTarget, pair: Pair) -> NormalizeRequest:
    """Say what the normalize stage has to do."""
    return NormalizeRequest(
        source=pair.voice.file,
        track=params.voice_track,
        target=target,
        trim_silence=params.trim_silence,
    )


def planned(params: DubParams, pair: Pair, voice: Voice) -> FitPlan:
    """Plan how the lengths are made equal, by us or by the vendor.

    Raises:
        UsageError: The trim keeps nothing, or the vendor is to fit without being told how.
        MediaError: The trim lies outside the video, or no automatic fit is within its limits.
    """
    mode = params.sync_mode
    with _naming(pair.video, pair.voice):
        first, count = _trimmed(params, pair.picture)
        rate = pair.picture.rate
        lengths = Lengths(
            first_frame=first, source_frames=count, rate=rate, voice_samples=voice.samples
        )
        if params.fit == "local":
            wanted = SyncMode(mode) if mode != "auto" else mode
            return plan_fit(wanted, lengths, keep_picture=params.keep_picture)
    if mode == "auto":
        raise UsageError(
            "--fit vendor sends the pair as it is: say with --sync-mode how the vendor should fit "
            "it (cut_off, loop, bounce, silence or remap)"
        )
    return vendor_plan(SyncMode(mode), lengths)


def predicted(plan: FitPlan, predicted_s: float) -> FitPlan:
    """Plan for the length one vendor's own mode gives, where it fits the pair: they differ."""
    if not plan.by_vendor or abs(plan.predicted_s - predicted_s) * plan.rate < 1:
        return plan
    return plan.model_copy(update={"frames": max(1, round(predicted_s * plan.rate))})


def _trimmed(params: DubParams, picture: VideoFacts) -> tuple[int, int]:
    """Say which frame is the first, and how many there are, after the trim."""
    trim = parse_trim(params.trim) if params.trim else Trim()
    return trim_frames(trim, grid_frames(picture), picture.rate)


# Came later: left out of the key where nobody uses them, so that older dubs keep their keys.
_LATER = ("bed", "bed_file", "bed_level_lu", "language", "poster", "contact_sheet")


class Asked(Value):
    """What a dub is asked to be: its inputs by their bytes, and everything that shapes it."""

    video: File
    voice: File
    shape: DubParams
    bed: File | None = None

    @classmethod
    def of(cls, params: DubParams, video: File, voice: File, bed: File | None = None) -> "Asked":
        """Leave out where things are and what they may cost: that shapes nothing."""
        nowhere = {"video": Path(), "voice": Path(), "output": None, "bed_file": None}
        unbound = {"budget_usd": None, "overwrite": False, "on_interrupt": "leave"}
        unbound |= {"poster": False, "contact_sheet": False}
        shape = params.model_copy(update=nowhere | unbound)
        return cls(video=video, voice=voice, shape=shape, bed=bed)

    @property
    def key(self) -> str:
        """Equal keys, equal dubs."""
        fields = DubParams.model_fields
        shape = {name: getattr(self.shape, name) for name in fields}
        for name in _LATER:
            if shape[name] == fields[name].default:
                del shape[name]
        bed = {} if self.bed is None else {"bed": self.bed}
        parts = {"video": self.video, "voice": self.voice, "shape": shape}
        return content_key("dub", 1, parts | bed)
