"""Viewing: the output beside the imprint of what was sent; decoded once, measured on the way."""

import math
from array import array
from collections import deque
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from lipsync.faces import Plane
from lipsync.measures.imprint import CONFIRM_EVERY_S, Glimpse, Imprint, Sample, reading
from lipsync.measures.pictures import ahead, lumas
from lipsync.measures.sampling import (
    Coarse,
    detail,
    difference,
    mouth_of,
    openness,
    patches,
    upper_of,
)
from lipsync.mouth import Faces, Series
from lipsync.picture import Frames, slip_of
from lipsync.tracking.pose import Matrix
from lipsync.tracking.track import Tracker

NOTHING = float("nan")
# Twice a second it is asked which moment a picture shows, and looked for so far away.
SLIP_EVERY_S, SLIP_S = 0.5, 1.0


def view(output: Path, rate: Fraction, imprint: Path | None) -> tuple[Faces, Frames]:
    """Look at every frame of an output once, beside what was sent for the same time.

    The face is looked for where it was in what was sent: a model repaints it and moves nothing.

    Args:
        output: The finished video.
        rate: Its frames per second.
        imprint: Of what was sent; None where its pictures have no known time in the output.

    Raises:
        MediaError: The output cannot be decoded, or the imprint is none.
    """
    with ExitStack() as stack:
        sent = stack.enter_context(reading(imprint)) if imprint is not None else None
        eye, beside = _Eye(rate, sent), _Beside(sent, rate)
        for frame, luma in enumerate(ahead(lumas(output))):
            eye.see(luma, beside.at(frame))
    return eye.faces(), eye.frames()


class _Beside:
    """What was sent, in step with the output, by time."""

    def __init__(self, sent: Imprint | None, rate: Fraction) -> None:
        self._glimpses = iter(sent or ())
        self._pace = sent.rate / rate if sent is not None else Fraction(1)
        self._number = -1
        self._shown: Glimpse | None = None

    def at(self, frame: int) -> Glimpse | None:
        """Show what was sent for the time of an output frame; None after its end.

        Args:
            frame: Rising by one from call to call.
        """
        # What is shown in the middle of it; of two that are as near, the first.
        due = math.ceil((frame + Fraction(1, 2)) * self._pace) - 1
        moved, sample = 0.0, None
        while self._number < due:
            self._number += 1
            self._shown = next(self._glimpses, None)
            if self._shown is None:
                return None
            moved += self._shown.moved
            sample = self._shown.sample or sample  # where some are skipped, of the nearest
        return self._shown and replace(self._shown, moved=moved, sample=sample)


class _Figures:
    """Numbers that are added to frame by frame: four bytes each."""

    def __init__(self, *names: str) -> None:
        self._kept = {name: array("f") for name in names}

    def add(self, **figures: float) -> None:
        for name, figure in figures.items():
            self._kept[name].append(figure)

    def __getitem__(self, name: str) -> Series:
        return np.asarray(self._kept[name], np.float64)


class _Eye:
    """Takes the output's frames in order and keeps a few numbers of each."""

    def __init__(self, rate: Fraction, sent: Imprint | None) -> None:
        self._rate = rate
        self._tracker: Tracker | None = None
        self._shape = sent.shape if sent is not None else None
        self._frame_s = float(1 / rate)
        self._before: Coarse | None = None
        every = max(1, round(rate * Fraction(SLIP_EVERY_S)))
        self._slips = _Slips(max(1, round(rate * Fraction(SLIP_S))), every)
        self._faces = _Figures("after", "before", "mouth", "upper")
        self._frames = _Figures("moved", "source_moved", "black", "source_black", "brighter")
        self._samples = _Figures("squares", "detail", "source_detail")

    def see(self, luma: Plane, sent: Glimpse | None) -> None:
        """Take the next frame, and what was sent for the same time."""
        self._see_face(luma, sent)
        self._see_picture(luma, sent)
        if sent is not None and sent.sample is not None and len(sent.sample.at):
            self._compare(luma, sent.sample)

    def faces(self) -> Faces:
        """What was seen of the face."""
        kept = self._faces
        return Faces(self._frame_s, kept["after"], kept["before"], kept["mouth"], kept["upper"])

    def frames(self) -> Frames:
        """What was seen of the picture."""
        kept, samples = self._frames, self._samples
        return Frames(
            self._frame_s,
            kept["moved"],
            kept["source_moved"],
            kept["black"],
            kept["source_black"],
            kept["brighter"],
            samples["squares"],
            samples["detail"],
            samples["source_detail"],
            self._slips.done(),
        )

    def _see_face(self, luma: Plane, sent: Glimpse | None) -> None:
        pose = self._pose(luma, sent)
        mouth = None if pose is None else mouth_of(luma, pose)
        apart = upper = NOTHING
        sample = sent.sample if sent is not None else None
        if mouth is not None and sample is not None and sample.mouth is not None:
            assert pose is not None
            apart = difference(mouth, sample.mouth)
            upper = difference(upper_of(luma, pose), sample.upper)
        self._faces.add(
            after=NOTHING if mouth is None else openness(mouth),
            before=NOTHING if sent is None else sent.open,
            mouth=apart,
            upper=upper,
        )

    def _pose(self, luma: Plane, sent: Glimpse | None) -> Matrix | None:
        """Say where the face is: where it was sent, or, where that is not known, where it is."""
        if sent is None or self._shape is None or not _alike(luma.shape, self._shape):
            self._tracker = self._tracker or Tracker(self._rate, CONFIRM_EVERY_S)
            sighting = self._tracker.see(luma)
            return None if sighting is None else sighting.pose
        if sent.pose is None:
            return None
        high, wide = (here / there for here, there in zip(luma.shape, self._shape, strict=True))
        return np.asarray(np.diag([wide, high, 1.0]) @ sent.pose, np.float64)

    def _see_picture(self, luma: Plane, sent: Glimpse | None) -> None:
        """Note motion, black and brightness on a coarse grid of samples."""
        coarse = Coarse.of(luma)
        self._frames.add(
            moved=coarse.moved(self._before),
            black=coarse.is_black,
            source_moved=NOTHING if sent is None else sent.moved,
            source_black=NOTHING if sent is None else sent.black,
            brighter=NOTHING if sent is None else coarse.mean - sent.mean,
        )
        self._before = coarse
        self._slips.see(coarse, None if sent is None else sent.thumb)

    def _compare(self, luma: Plane, sample: Sample) -> None:
        """Hold the patches beside the head against those that were sent."""
        import cv2  # noqa: PLC0415  heavy

        assert self._shape is not None
        if luma.shape != self._shape:
            luma = np.asarray(cv2.resize(luma, self._shape[::-1]), np.uint8)
        here = patches(luma, sample.at)
        apart = here.astype(np.float32) - sample.patches
        self._samples.add(
            squares=float(np.square(apart).mean()),
            detail=detail(here),
            source_detail=detail(sample.patches),
        )


def _alike(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether one picture can be the other scaled: their sides relate alike, to a sample."""
    return abs(shape[0] * other[1] - shape[1] * other[0]) <= max(*shape, *other)


class _Slips:
    """Says of sampled frames whether the source showed them at another time."""

    def __init__(self, reach: int, every: int) -> None:
        self._reach, self._every = reach, every
        self._source: deque[Series] = deque(maxlen=2 * reach + 1)
        self._waiting: deque[tuple[int, Series]] = deque()
        self._number = 0
        self._found = array("f")

    def see(self, coarse: Coarse, source: Plane | None) -> None:
        """Take both; a sample is judged once the source is a second further on.

        Args:
            coarse: The output's.
            source: The thumbnail of the source's picture of the same time.
        """
        if source is None:
            return
        if self._number % self._every == 0:
            self._waiting.append((self._number, coarse.thumb().astype(np.float64)))
        self._source.append(source.astype(np.float64))
        self._number += 1
        full = len(self._source) == self._source.maxlen
        while full and self._waiting and self._waiting[0][0] <= self._number - 1 - self._reach:
            number, thumb = self._waiting.popleft()
            if number == self._number - 1 - self._reach:
                self._judge(thumb)

    def _judge(self, thumb: Series) -> None:
        distances = np.abs(np.asarray(self._source) - thumb).mean(axis=(1, 2))
        self._found.append(slip_of(distances))

    def done(self) -> Series:
        """All that was found."""
        return np.asarray(self._found, np.float64)
