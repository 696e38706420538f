"""The bed: music and effects under the voice, how far under it, and when it may come up."""

from typing import Literal

from pydantic import Field

from lipsync.fit import FitPlan, SyncMode
from lipsync.values import File, Value

# A bed that had to be raised so far was not meant to be heard: more would bring up its noise.
RAISE_MAX_DB = 20.0


class Bed(Value):
    """What is mixed under the voice."""

    sound: File = Field(description="A music-and-effects track, or the video itself.")
    own: bool = Field(description="The sound is the source's own, its speech included.")
    mode: Literal["keep", "duck"]
    level_lu: float = Field(le=0, description="Bed minus voice while the voice speaks.")
    starts_s: float = Field(ge=0, description="Where in the sound the output begins.")
    length_s: float | None = Field(
        default=None, gt=0, description="How much of it belongs to the picture; None: all there is."
    )
    round_s: float | None = Field(
        default=None, gt=0, description="It starts again after this long, as the picture does."
    )
    notes: tuple[str, ...] = Field(default=(), description="What is not plain about it.")


class BedMix(Value):
    """What the mix turned out to be, as measured."""

    mode: Literal["keep", "duck"]
    voice_lufs: float = Field(description="Of the voice alone, as it is in the mix.")
    bed_lufs: float = Field(description="Of the bed alone while the voice speaks.")
    gain_db: float = Field(description="Put on the bed.")
    lift_db: float = Field(description="Further up in the voice's pauses.")
    mix_gain_db: float = Field(default=0.0, description="Put on voice and bed together.")
    spread_db: float = Field(
        default=0.0, description="Taken from each channel where a mono voice went to two."
    )

    @property
    def level_lu(self) -> float:
        """Bed minus voice."""
        return self.bed_lufs - self.voice_lufs


def bed_gain_db(bed_lufs: float, voice_lufs: float, level_lu: float) -> float:
    """Say what to put on a bed so that it lies where it should.

    >>> bed_gain_db(-20.0, -16.0, -15.0)
    -11.0
    """
    return round(min(voice_lufs + level_lu - bed_lufs, RAISE_MAX_DB), 3)


def bed_of(  # noqa: PLR0913  each is another side of it
    plan: FitPlan,
    sound: File,
    *,
    own: bool,
    mode: Literal["keep", "duck"],
    level_lu: float,
    starts_s: float,
) -> Bed:
    """Lay a bed along a fit: it runs with the source's picture as far as that can be.

    Args:
        plan: How the picture was made as long as the voice.
        sound: Where the bed is.
        own: The source's own sound: it ends, and starts again, with the source's picture.
        mode: Held at its level, or let up in pauses.
        level_lu: Bed minus voice.
        starts_s: Where in the sound the first frame of the output is.
    """
    picture_s = float(plan.source_frames / plan.rate)
    again = own and plan.sync_mode is SyncMode.LOOP and plan.frames > plan.source_frames
    return Bed(
        sound=sound,
        own=own,
        mode=mode,
        level_lu=level_lu,
        starts_s=starts_s,
        length_s=picture_s if own else None,
        round_s=picture_s if again else None,
        notes=_notes(plan, own=own),
    )


def _notes(plan: FitPlan, *, own: bool) -> tuple[str, ...]:
    """Say what somebody should know who asked for a bed."""
    found = []
    if own:
        found.append("the bed is the video's own sound, with whatever is spoken in it")
    if plan.frames != plan.source_frames and plan.sync_mode in {SyncMode.REMAP, SyncMode.BOUNCE}:
        found.append(f"the picture was fitted by {plan.sync_mode}; the bed keeps its pace")
    return tuple(found)
