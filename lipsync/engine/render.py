"""Rendering: a conformed pair in, a labelled preview out."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import av

from lipsync.engine.drive import drive
from lipsync.engine.paint import Painter
from lipsync.engine.plan import plan
from lipsync.engine.reel import Picture, Writer, frames_of, picture_of
from lipsync.engine.rendering import Rendering
from lipsync.engine.survey import survey

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]


def render(video: Path, voice: Path, out: Path, *, progress: Progress | None = None) -> Rendering:
    """Give the person in a video a mouth that moves with a voice.

    The picture is read twice: once to find the mouth in every frame, once to redraw it. Where the
    guard is not sure of the mouth the picture stays as it is and the notes say so.

    Args:
        video: A conformed picture: constant rate, upright, 8-bit, square samples.
        voice: The dubbed voice, as long as the picture.
        out: The mp4 to write: the picture's frame count, size, rate and timestamps.
        progress: Called with steps done and all steps; a frame is two steps.

    Raises:
        MediaError: Either input cannot be decoded.
        StorageError: The output cannot be written.
    """
    picture = picture_of(video)
    ticker = _Ticker(progress, picture.frames)
    found = survey(frames_of(video, picture), picture.rate, ticker.tick)
    with found.spool:
        moves = drive(voice, len(found.tracks), picture.rate)
        planned = plan(found, picture.rate, moves.opening)
        for note in planned.notes:
            log.info("%s: %s", video.name, note)
        painter = Painter(found, planned, moves)
        with Writer(video, voice, out) as writer:
            if planned.animated_frames:
                frames = writer.encode(_painted(video, picture, painter, ticker), picture)
            else:
                frames = _unaltered(video, picture, writer, ticker)
    return Rendering(
        frames=frames,
        animated_frames=planned.animated_frames,
        altered=planned.animated_frames > 0,
        notes=planned.notes,
    )


def _painted(
    video: Path, picture: Picture, painter: Painter, ticker: "_Ticker"
) -> Iterator[av.VideoFrame]:
    for number, frame in enumerate(frames_of(video, picture)):
        painter.paint(frame, number)
        yield frame
        ticker.tick()


def _unaltered(video: Path, picture: Picture, writer: Writer, ticker: "_Ticker") -> int:
    """Put the voice under the picture as it is: copied, or encoded when it is not H.264."""
    if picture.codec == "h264":
        return writer.copy(ticker.tick)
    return writer.encode(frames_of(video, picture), picture)


class _Ticker:
    """Counts the steps of two passes for whoever watches."""

    def __init__(self, progress: Progress | None, frames: int) -> None:
        self._progress, self._all, self._done = progress, 2 * frames, 0

    def tick(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, max(self._all, self._done))
