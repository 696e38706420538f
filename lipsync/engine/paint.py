"""Painting: the plan carried out on one frame after the other."""

from bisect import bisect_right

import av
import numpy as np

from lipsync.engine.compose import Layer, lay, layer
from lipsync.engine.drive import Drive
from lipsync.engine.plan import Plan, changes
from lipsync.engine.planes import Planes
from lipsync.engine.survey import Survey
from lipsync.engine.warp import ready
from lipsync.tracking.pose import Matrix, unpack

# In the frame where one still takes over from another both are seen, this share of the new one.
CHANGING_SHARE = 0.5


class Painter:
    """Gives frames, taken in order, their new mouths."""

    def __init__(self, survey: Survey, plan: Plan, drive: Drive) -> None:
        self._survey, self._plan, self._drive = survey, plan, drive
        self._changes = changes(survey.stills, drive.opening)
        self._firsts = [still.first for still in survey.stills]
        self._layers: dict[int, Layer] = {}

    def paint(self, frame: av.VideoFrame, number: int) -> None:
        """Redraw the mouth of a frame in place, or leave the frame as it is."""
        strength = float(self._plan.strength[number])
        if strength <= 0:
            return
        frame.make_writable()
        planes = Planes.of(frame)
        for index, share in self._stills(number):
            lay(
                planes,
                self._layer(index),
                self._to_frame(index, number),
                self._drive.at(number),
                share * strength,
            )

    def _stills(self, number: int) -> list[tuple[int, float]]:
        """The frame's still; where it takes over, laid over the one before it."""
        at = max(0, bisect_right(self._changes, number) - 1)
        if self._changes[at] < number or self._survey.stills[at].from_before is None:
            return [(at, 1.0)]
        return [(at - 1, 1.0), (at, CHANGING_SHARE)]

    def _layer(self, index: int) -> Layer:
        if index not in self._layers:
            self._layers = {k: v for k, v in self._layers.items() if k == index - 1}
            still = self._survey.stills[index]
            mouth = ready(self._survey.patch(still), still.line, still.window)
            self._layers[index] = layer(mouth, still.window)
        return self._layers[index]

    def _to_frame(self, index: int, number: int) -> Matrix:
        """Carry a still's mouth to where this frame's mouth is: from face units to pixels."""
        placing = bisect_right(self._firsts, number) - 1
        x, y, turn = self._plan.mouths[number].tolist()
        line = self._survey.stills[placing].line
        cos, sin = np.cos(turn), np.sin(turn)
        there = np.array([[cos, -sin, x], [sin, cos, y], [0, 0, 1]])
        back = np.array([[1, 0, -line.x0], [0, 1, -line.y0], [0, 0, 1]])
        to_frame: Matrix = unpack(self._survey.poses[number]) @ there @ back
        return to_frame @ self._between(index, placing)

    def _between(self, index: int, placing: int) -> Matrix:
        """The map from one still's face units to those of the still frames were placed by."""
        onwards = self._survey.stills[max(index, placing)].from_before
        if index == placing or onwards is None:
            return np.eye(3)
        return onwards if index < placing else np.asarray(np.linalg.inv(onwards), np.float64)
