"""Carrying: what else of a source goes along into an output, and when it is due there.

A stream copy only: nothing is converted. What a container cannot carry is left out, and said.

| | subtitles | chapters | cover art | attachments | timecode |
|---|---|---|---|---|---|
| .mp4 | mov_text (tx3g) | yes | yes | no | yes, unless trimmed |
| .mov | mov_text (tx3g) | yes | no | no | yes, unless trimmed |
| .mkv | SubRip, ASS, WebVTT, PGS, VobSub, DVB | yes | as cover.jpg | yes | as a tag |
"""

from pydantic import Field

from lipsync.facts import VideoFacts
from lipsync.fit import FitPlan, SyncMode
from lipsync.timing import seconds
from lipsync.values import Value


class Stretch(Value):
    """Which stretch of the source an output shows first, and how fast."""

    start_s: float = Field(ge=0, description="On the source's own clock, its first moment 0.")
    length_s: float = Field(gt=0, description="In the source's time.")
    scale: float = Field(default=1.0, gt=0, description="Output time over source time: a remap's.")

    def due(self, start_s: float, end_s: float) -> tuple[float, float] | None:
        """Say when something of the source is due in the output; None: never.

        >>> Stretch(start_s=2, length_s=4).due(1.5, 3.0)
        (0.0, 1.0)
        >>> Stretch(start_s=0, length_s=4, scale=1.5).due(2, 9)
        (3.0, 6.0)
        >>> Stretch(start_s=2, length_s=4).due(6, 7) is None
        True
        """
        first = max(0.0, start_s - self.start_s)
        last = min(self.length_s, end_s - self.start_s)
        return (first * self.scale, last * self.scale) if first < last else None


def stretch_of(plan: FitPlan, picture: VideoFacts) -> Stretch:
    """Say which stretch of its source a dub shows.

    What comes after it, a second round or a turn back, has nothing of its own to carry.
    """
    shown = plan.source_frames if plan.sync_mode is SyncMode.REMAP else plan.frames
    length_s = seconds(min(shown, plan.source_frames), plan.rate)
    retimed = plan.sync_mode is SyncMode.REMAP and not plan.by_vendor
    return Stretch(
        start_s=max(0.0, picture.start_s) + seconds(plan.first_frame, plan.rate),
        length_s=length_s,
        scale=plan.frames / plan.source_frames if retimed else 1.0,
    )
