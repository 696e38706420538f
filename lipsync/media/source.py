"""The source of a film: a video with its index and its colours, and what a plan takes from it."""

from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path

import av

from lipsync.errors import MediaError
from lipsync.facts import VideoFacts
from lipsync.fit import FitPlan
from lipsync.media.cut import Piece, pieces, runs
from lipsync.media.frames import Numbered, frames_of
from lipsync.media.h264 import free_id
from lipsync.media.index import index_of, picture_stream
from lipsync.media.look import Filtered, Look, can_be_copied, colour_of
from lipsync.media.opening import open_media
from lipsync.media.tonemap import ToneMapped


class Source:
    """A video that pictures and packets are taken from."""

    def __init__(self, path: Path, facts: VideoFacts) -> None:
        """Read its packets once.

        Raises:
            MediaError: The file cannot be read or has no picture.
        """
        self.path, self.facts = path, facts
        self.index = index_of(path)
        with open_media(path) as container:
            self.colour = colour_of(picture_stream(container, path))
        self._latest: tuple[int, Look, av.VideoFrame] | None = None

    @property
    def copies(self) -> bool:
        """Whether its closed groups may stand in a film beside encoded ones."""
        sets = self.index.sets
        free = sets is not None and free_id(sets.ids) is not None
        return free and can_be_copied(self.facts, self.colour)

    def pieces(self, plan: FitPlan) -> list[Piece]:
        """Cut a plan into what is copied and what is encoded."""
        native = plan.rate == self.facts.rate
        units = self.index.units if native and self.copies else ()
        found: list[Piece] = []
        for run in runs(plan):
            numbers = run if native and self.facts.constant_rate else self._pictures(run, plan)
            found.extend(pieces(numbers, units))
        return found

    def frames(self, pictures: Sequence[int], look: Look, room: Path) -> Iterator[av.VideoFrame]:
        """Yield pictures with the wanted look; `room` is a folder for what must be set aside.

        Raises:
            MediaError: The video is damaged, ends early or changes its size.
        """
        frames = self._held(pictures, look) or self._fresh(pictures, look, room)
        for number, frame in zip(pictures, frames, strict=True):
            self._latest = (number, look, frame)
            yield frame

    def _held(self, pictures: Sequence[int], look: Look) -> Iterator[av.VideoFrame] | None:
        """Repeat the picture that was yielded last, where nothing else is asked for."""
        if self._latest is None or self._latest[:2] != (pictures[-1], look):
            return None
        return repeat(self._latest[2], len(pictures)) if pictures[0] == pictures[-1] else None

    def _fresh(self, pictures: Sequence[int], look: Look, room: Path) -> Iterator[av.VideoFrame]:
        filtered = Filtered(look.filters)
        toned = ToneMapped(self.path.name, self.colour.transfer, full_range=self.colour.full_range)

        def convert(numbered: Iterator[Numbered]) -> Iterator[Numbered]:
            whole = self._of_one_size(numbered)
            return filtered(toned(whole) if look.tone_mapped else whole)

        return frames_of(self.index, pictures, convert, room, margin=look.margin)

    def _of_one_size(self, numbered: Iterator[Numbered]) -> Iterator[Numbered]:
        size = (self.facts.coded_width_px, self.facts.coded_height_px)
        for number, frame in numbered:
            if (frame.width, frame.height) != size:
                raise MediaError(
                    f"{self.path}: its picture is {size[0]}x{size[1]} at first and "
                    f"{frame.width}x{frame.height} at frame {number}; export it in one size"
                )
            yield number, frame

    def _pictures(self, run: Sequence[int], plan: FitPlan) -> Sequence[int]:
        """Turn frames of the plan's constant rate into pictures of the file."""
        if not self.index.ticks:
            return run
        return tuple(self.index.at(frame, plan.rate) for frame in run)
