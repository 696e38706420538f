"""Moments: the pictures a video shows at given times, upright; one is in memory at a time."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import VideoReformatter

from lipsync.errors import MediaError
from lipsync.jpegs import Picture
from lipsync.media.index import picture_stream
from lipsync.media.opening import open_media
from lipsync.media.threads import thread

# Ours: where a file has no index, keyframes are taken to lie closer together than this.
SEEK_S = 10.0
# Two ways of reckoning one instant differ by less: a tick of the 90 kHz clock.
TICK_S = 1 / 90_000


class Player:
    """An open video, wound forwards from moment to moment.

    Attributes:
        length_s: How long it is, by its headers.
        frame_s: How long a frame is shown, on average; 0.0 where the headers do not say.
    """

    def __init__(self, container: InputContainer, path: Path) -> None:
        self._container, self._path = container, path
        self._stream = picture_stream(container, path)
        thread(self._stream)
        self._turning = VideoReformatter()
        self._origin_s = float((self._stream.start_time or 0) * (self._stream.time_base or 0))
        rate = self._stream.average_rate
        self.length_s = (container.duration or 0) / av.time_base
        self.frame_s = float(1 / rate) if rate else 0.0

    def at(self, moments_s: Iterable[float]) -> Iterator[tuple[float, Picture]]:
        """Show what is on the screen at each of these moments.

        Args:
            moments_s: Rising, from the video's first picture on; what lies behind its end shows
                the last picture.

        Yields:
            When the picture came on the screen, in seconds, and the picture.
        """
        frames, shown, reached_s = self._container.decode(self._stream), None, 0.0
        for at_s in moments_s:
            if self._is_sought(at_s, reached_s):
                self._container.seek(int((self._origin_s + at_s) * av.time_base))
                frames, shown = self._container.decode(self._stream), None
            for frame in () if shown is not None and self._lasts(shown, at_s) else frames:
                shown = frame
                if self._lasts(frame, at_s):
                    break
            if shown is None:
                raise MediaError(f"{self._path}: has no picture at {at_s:.2f} s; export it again")
            reached_s = self._time_s(shown)
            yield reached_s, upright(shown, self._turning)

    def _is_sought(self, at_s: float, reached_s: float) -> bool:
        """Whether a keyframe lies on the way; else every picture on the way is needed anyhow."""
        base = self._stream.time_base
        if base is None or not len(self._stream.index_entries):
            return at_s > reached_s + SEEK_S
        ticks = int((self._origin_s + at_s) / base)
        entries = self._stream.index_entries
        place = entries.search_timestamp(ticks, backward=True, any_frame=False)
        return place >= 0 and float(entries[place].timestamp * base) - self._origin_s > reached_s

    def _lasts(self, frame: av.VideoFrame, at_s: float) -> bool:
        """Whether a frame is still shown at a moment, or comes after it."""
        return self._time_s(frame) + self.frame_s > at_s + TICK_S

    def _time_s(self, frame: av.VideoFrame) -> float:
        return max(0.0, (frame.time or 0.0) - self._origin_s)


@contextmanager
def playing(path: Path) -> Iterator[Player]:
    """Open a video to look at some of its pictures.

    Raises:
        MediaError: It cannot be read, has no picture, or is damaged where one is looked for.
    """
    with open_media(path, first_picture=False) as container:
        yield Player(container, path)


def upright(frame: av.VideoFrame, turning: VideoReformatter) -> Picture:
    """Turn a frame as its file says it is to be shown.

    Args:
        frame: Decoded.
        turning: One for all frames of a video: to set it up takes five times as long as to use it.
    """
    whole = turning.reformat(frame, format="bgr24", threads=1).to_ndarray()
    turned = np.rot90(whole, round((frame.rotation or 0) / 90))
    return np.ascontiguousarray(turned).astype(np.uint8, copy=False)
