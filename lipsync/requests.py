"""What the stages fit, finish, verify and report ask of the edges, and what finish gives back.

Values only: a dub that is finished is asked for, and found, without loading a media library.
"""

from fractions import Fraction
from typing import Literal

from pydantic import Field

from lipsync.bed import Bed, BedMix
from lipsync.carrying import Stretch
from lipsync.disclosure import Disclosure, Notice
from lipsync.facts import VideoFacts
from lipsync.fit import FitPlan
from lipsync.limits import Limits, load_limits
from lipsync.traces import Traces
from lipsync.values import File, Value
from lipsync.verdicts import Verdict
from lipsync.voice import Loudness, LoudnessTarget, SoundFormat


class ConformRequest(Value):
    """What the fit stage carries out."""

    video: File
    video_facts: VideoFacts
    plan: FitPlan
    voice: File = Field(description="The normalized voice: 48 kHz 16-bit PCM WAV.")


class PictureRequest(Value):
    """What the fit stage does to the picture, whatever the voice: see `fit.picture_plan`."""

    video: File
    video_facts: VideoFacts
    plan: FitPlan
    imprint: bool = Field(default=False, description="Whether its imprint is kept, too.")


Suffix = Literal[".mp4", ".mov", ".mkv"]


class FinishRequest(Value):
    """What the finish stage is given."""

    picture: File = Field(description="The delivery; only its picture is used.")
    voice: File = Field(description="The fitted voice, 48 kHz WAV; its length is the output's.")
    frames: int = Field(gt=0, description="Predicted length.")
    rate: Fraction
    target: LoudnessTarget = LoudnessTarget()
    level_lufs: float | None = Field(
        default=None, description="Loudness the voice had before the fit; None: as it comes."
    )
    source: File | None = Field(default=None, description="The original video, for its tags.")
    title: str | None = None
    language: str | None = Field(
        default=None, pattern=r"^[a-z]{3}$", description="Of the voice, ISO 639-2, e.g. 'deu'."
    )
    suffix: Suffix = ".mp4"
    sound: SoundFormat = SoundFormat()
    bed: Bed | None = Field(default=None, description="Mixed under the voice; None: nothing is.")
    stretch: Stretch | None = Field(
        default=None, description="What the output shows of its source; None: nothing is carried."
    )
    preview: bool = Field(default=False, description="Rendered by the embedded engine.")
    model: str | None = Field(default=None, description="Who made the lips; goes into the comment.")

    @property
    def soundtrack(self) -> "SoundRequest":
        """What its soundtrack is made of."""
        return SoundRequest(
            voice=self.voice,
            target=self.target,
            level_lufs=self.level_lufs,
            suffix=self.suffix,
            sound=self.sound,
            bed=self.bed,
        )


class SoundRequest(Value):
    """What a soundtrack is made of: of a finish request all but the picture."""

    voice: File
    target: LoudnessTarget
    level_lufs: float | None
    suffix: Suffix
    sound: SoundFormat
    bed: Bed | None


class Soundtrack(Value):
    """A voice as it goes into an output, and how that is heard."""

    file: File
    loudness: Loudness = Field(description="As decoded again.")
    target: LoudnessTarget = Field(description="What it was held to, by the gate that applies.")
    notes: tuple[str, ...] = ()
    bed: BedMix | None = Field(default=None, description="What was mixed under the voice.")


class Finished(Value):
    """The output: what the user gets."""

    file: File
    loudness: Loudness = Field(description="Of the encoded voice, as decoded again.")
    audio_codec: str
    picture_packets: int = Field(description="Copied untouched.")
    notes: tuple[str, ...] = ()
    bed: BedMix | None = Field(default=None, description="What was mixed under the voice.")
    notice: Notice | None = Field(default=None, description="What is written into the file.")
    disclosure: Disclosure | None = Field(
        default=None, description="What it says of itself; None: it was not read back yet."
    )


class VerifyRequest(Value):
    """The output, and everything it is held against."""

    output: File
    frames: int = Field(gt=0, description="Predicted length.")
    rate: Fraction = Field(description="Frames per second, exact.")
    display_width_px: int = Field(description="Of the source, after sample aspect and rotation.")
    display_height_px: int
    target: LoudnessTarget = LoudnessTarget()
    supplied: File = Field(description="The voice as the user gave it.")
    supplied_track: int = Field(default=0, ge=0)
    lead_trimmed_s: float = Field(default=0.0, ge=0, description="Silence cut off its front.")
    tempo: float = Field(default=1.0, gt=0, description="Voice speed; 1.04 is 4 % faster.")
    fitted: File = Field(description="The voice as it was put under the picture.")
    bed: BedMix | None = Field(default=None, description="What was mixed under it.")
    sent: File | None = Field(
        default=None,
        description="The video as it was sent, whose pictures are the output's frame by frame; "
        "None: when they are shown is not known.",
    )
    imprint: File | None = Field(default=None, description="Of the video as it was sent.")
    limits: Limits = Field(default_factory=load_limits)
    scorer: str | None = Field(default=None, description="A learned scorer: 'file.py:function'.")
    scorer_sha256: str | None = Field(
        default=None, description="Of that file: another, asked anew."
    )


class StillRequest(Value):
    """What a still is made of: two clips of the same length, and the voice that is heard."""

    before: File
    after: File
    voice: File = Field(description="48 kHz 16-bit WAV.")


class Span(Value):
    """Where in a file something stands."""

    first_byte: int = Field(ge=0)
    size_bytes: int = Field(gt=0)


class Moment(Value):
    """One moment of both clips."""

    at_s: float
    before: Span
    after: Span


class Stills(Value):
    """Pictures of the same moments before and after."""

    file: File = Field(description="All of them one after the other: JPEG (`lipsync.album`).")
    moments: tuple[Moment, ...] = Field(description="In order of time, at least one.")
    loudest: int = Field(ge=0, description="Which of them is the loudest of all.")


class Verdicts(Value):
    """What verify found."""

    found: tuple[Verdict, ...]
    traces: Traces | None = Field(default=None, description="None: no face is seen.")
