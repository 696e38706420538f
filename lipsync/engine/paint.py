"""Painting: the plan carried out on one frame after the other."""

from fractions import Fraction

import av
import numpy as np

from lipsync.engine.compose import Layer, lay, layer
from lipsync.engine.drive import Drive
from lipsync.engine.plan import MIX_S, Plan, changes
from lipsync.engine.planes import Planes
from lipsync.engine.pose import Matrix, unpack
from lipsync.engine.survey import Still, Survey
from lipsync.engine.warp import ready


class Painter:
    """Gives frames, taken in order, their new mouths."""

    def __init__(self, survey: Survey, plan: Plan, drive: Drive, rate: Fraction) -> None:
        self._survey, self._plan, self._drive = survey, plan, drive
        self._mix = max(1, round(rate * Fraction(MIX_S)))
        self._changes = changes(survey.stills, drive.opening)
        self._at = 0  # the still in use
        self._layers: dict[int, Layer] = {}

    def paint(self, frame: av.VideoFrame, number: int) -> None:
        """Redraw the mouth of a frame in place, or leave the frame as it is."""
        strength = float(self._plan.strength[number])
        if strength <= 0:
            return
        frame.make_writable()
        planes = Planes.of(frame)
        for index, share in self._stills(number):
            still = self._survey.stills[index]
            lay(
                planes,
                self._layer(index),
                self._to_frame(still, number),
                self._drive.at(number),
                share * strength,
            )

    def _stills(self, number: int) -> list[tuple[int, float]]:
        """The frame's still; right after a change, laid over the one before it."""
        while self._at + 1 < len(self._changes) and self._changes[self._at + 1] <= number:
            self._at += 1
        into = number - self._changes[self._at]
        stills = self._survey.stills
        first = self._at == 0 or stills[self._at - 1].track != stills[self._at].track
        if first or into >= self._mix:
            return [(self._at, 1.0)]
        return [(self._at - 1, 1.0), (self._at, (into + 1) / (self._mix + 1))]

    def _layer(self, index: int) -> Layer:
        if index not in self._layers:
            self._layers = {k: v for k, v in self._layers.items() if k == index - 1}
            still = self._survey.stills[index]
            mouth = ready(self._survey.patch(still), still.line, still.window)
            self._layers[index] = layer(mouth, still.window)
        return self._layers[index]

    def _to_frame(self, still: Still, number: int) -> Matrix:
        """Carry the still's mouth to where this frame's mouth is: from face units to pixels."""
        x, y, turn = self._plan.mouths[number].tolist()
        line = still.line
        cos, sin = np.cos(turn), np.sin(turn)
        there = np.array([[cos, -sin, x], [sin, cos, y], [0, 0, 1]])
        back = np.array([[1, 0, -line.x0], [0, 1, -line.y0], [0, 0, 1]])
        to_frame: Matrix = unpack(self._survey.poses[number]) @ there @ back
        return to_frame
