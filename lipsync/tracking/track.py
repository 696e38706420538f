"""Tracking: one face followed from frame to frame without drift.

The cascade finds the face; optical flow then follows points of the upper face (eyes, nose,
cheeks: what does not move with speech) from a reference crop to every later frame. Each frame
is compared with the reference, not with its predecessor, so errors do not add up. A turning head
needs new references though, and each adds an error: so the cascade is asked again now and then,
and what the pose has strayed from its box is taken back, slowly.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from lipsync.faces import Plane, find_faces
from lipsync.tracking.pose import Matrix, Window, crop, pose_of, scale_px

Points = NDArray[np.float32]

# What is followed: the box and a little around it, at a size where flow takes about 1 ms.
VIEW = Window(-0.1, -0.1, 1.1, 1.1, 128.0)
# Eyes to nostrils, in face units: moves with the skull, not with the jaw.
STEADY = (0.12, 0.22, 0.88, 0.68)
POINTS = 70
# How often a lost face is searched for (0.1 s of work), and a followed one is confirmed (0.01 s).
SEARCH_EVERY_S = 0.25
CONFIRM_EVERY_S = 0.4
# Not confirmed for so long, a face is lost; one turned or tilted for a moment is not.
LOST_AFTER_S = 2.0
# A pose that has strayed from the cascade's box goes back to it with this time constant: the box
# trembles by 2 % of its side, so it must not be followed at once (measured: demo1, the portrait).
SETTLE_S = 0.6
# A box further off or more different in size than this is another face or none.
FURTHEST, MOST_LARGER = 0.3, 1.4
# The size a face is confirmed at.
CONFIRM_PX = 160
# A point belongs to the head if the similarity puts it within this of where flow did (VIEW px).
INLIER_PX = 1.5
FEWEST_INLIERS = 10
# Below the first share of points left the face is lost, below the second the reference is stale.
LOST_SHARE = 0.3
STALE_SHARE = 0.6
# Mean difference to the reference, in luma levels, beyond which this is another picture.
OTHER_PICTURE_LEVELS = 30.0


@dataclass(frozen=True)
class Sighting:
    """The face in one frame."""

    pose: Matrix
    fresh: bool  # found anew: it starts another track
    agreement: float  # share of the reference's points that still fit, 0 to 1


class Tracker:
    """Follows the largest face through frames given in order."""

    def __init__(self, rate: Fraction, confirm_every_s: float = CONFIRM_EVERY_S) -> None:
        self._search_every = max(1, round(rate * Fraction(SEARCH_EVERY_S)))
        self._confirm_every = max(1, round(rate * Fraction(confirm_every_s)))
        self._most_missed = max(1, round(LOST_AFTER_S / confirm_every_s))
        self._settle = min(1.0, 1 / (SETTLE_S * float(rate)))
        self._pose: Matrix | None = None  # as followed
        self._anchor: Matrix = np.eye(3)  # what it has strayed since, in face units
        self._strayed = np.zeros(3)  # what is left to take back: right, down, log of the size
        self._reference: Plane = np.zeros((0, 0), np.uint8)
        self._points: Points = np.zeros((0, 1, 2), np.float32)
        self._frame = -1
        self._missed = 0
        self._search_at = 0

    def see(self, luma: Plane) -> Sighting | None:
        """Take the next frame's luma and say where the face is, if it is anywhere."""
        self._frame += 1
        sighting = self._follow(luma) if self._pose is not None else None
        if sighting is not None and self._frame % self._confirm_every == 0:
            sighting = self._confirm(luma, sighting)
        if sighting is not None:
            self._pose = sighting.pose
            self._take_back()
            return replace(sighting, pose=self._pose @ self._anchor)
        if self._pose is not None:  # just lost: look again at once
            self._pose, self._search_at = None, self._frame
        return self._search(luma)

    def _search(self, luma: Plane) -> Sighting | None:
        if self._frame < self._search_at:
            return None
        self._search_at = self._frame + self._search_every
        faces = find_faces(luma)
        if not faces:
            return None
        self._pose, self._missed = pose_of(faces[0]), 0
        self._anchor, self._strayed = np.eye(3), np.zeros(3)
        self._refer(luma, self._pose)
        if len(self._points) < FEWEST_INLIERS:
            self._pose = None
            return None
        return Sighting(self._pose, fresh=True, agreement=1.0)

    def _refer(self, luma: Plane, pose: Matrix) -> None:
        """Make this frame the one the next are compared with."""
        import cv2  # noqa: PLC0415  heavy

        self._reference = _view(luma, pose)
        mask = np.zeros_like(self._reference)
        left, top, right, bottom = (round((edge - VIEW.left) * VIEW.px_per_unit) for edge in STEADY)
        mask[top:bottom, left:right] = 255
        points = cv2.goodFeaturesToTrack(self._reference, POINTS, 0.01, 4, mask=mask)
        empty = np.zeros((0, 1, 2), np.float32)
        self._points = empty if points is None else np.asarray(points, np.float32)

    def _follow(self, luma: Plane) -> Sighting | None:
        """Find the reference's points in the new frame and the similarity that moves them."""
        assert self._pose is not None
        step = _motion(self._reference, _view(luma, self._pose), self._points)
        if step is None:
            return None
        motion, share = step
        pose = self._pose @ VIEW.to_face @ motion @ np.linalg.inv(VIEW.to_face)
        if not _inside(pose, luma) or share < LOST_SHARE:
            return None
        aligned = _view(luma, pose)
        if _difference(self._reference, aligned) > OTHER_PICTURE_LEVELS:
            return None
        if share < STALE_SHARE:
            self._refer(luma, pose)
        return Sighting(pose, fresh=False, agreement=share)

    def _confirm(self, luma: Plane, sighting: Sighting) -> Sighting | None:
        """Ask the cascade how far the pose has strayed; missed too often in a row, it is lost."""
        strayed = _strayed(luma, sighting.pose @ self._anchor)
        if strayed is None:
            self._missed += 1
            return sighting if self._missed < self._most_missed else None
        self._missed, self._strayed = 0, strayed
        return sighting

    def _take_back(self) -> None:
        """Undo a little of what the pose has strayed."""
        right, down, larger = self._settle * self._strayed
        self._strayed = (1 - self._settle) * self._strayed
        size = np.exp(larger)
        middle = (1 - size) / 2  # it grows around the middle of the face
        step = np.array([[size, 0, middle + right], [0, size, middle + down], [0, 0, 1]])
        self._anchor = self._anchor @ step


def _strayed(luma: Plane, pose: Matrix) -> NDArray[np.float64] | None:
    """Measure how the cascade's box lies to a pose: right, down (face units), log of the size."""
    reach = 0.85  # from the middle of the face; the cascade wants room around it
    grid = _upright(pose, reach)
    boxes = find_faces(crop(luma, grid, (CONFIRM_PX, CONFIRM_PX)))
    if not boxes:
        return None
    x, y = boxes[0].centre_px
    middle = np.linalg.inv(pose) @ grid @ np.array([x - 0.5, y - 0.5, 1])
    size = boxes[0].side_px * grid[0, 0] / scale_px(pose)
    off = middle[:2] - 0.5
    if np.hypot(*off) > FURTHEST or not 1 / MOST_LARGER < size < MOST_LARGER:
        return None
    return np.array([*off, np.log(size)])


def _upright(pose: Matrix, reach: float) -> Matrix:
    """The map from an upright square of CONFIRM_PX around a face to frame pixels."""
    x, y, _ = pose @ np.array([0.5, 0.5, 1])
    side = reach * scale_px(pose)
    step = 2 * side / CONFIRM_PX
    return np.array([[step, 0, x - side + step / 2], [0, step, y - side + step / 2], [0, 0, 1]])


def _view(luma: Plane, pose: Matrix) -> Plane:
    return crop(luma, pose @ VIEW.to_face, VIEW.size_px)


def _motion(before: Plane, after: Plane, points: Points) -> tuple[Matrix, float] | None:
    """Fit the similarity that carries points from one crop to the other, robustly."""
    import cv2  # noqa: PLC0415  heavy

    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points, points.copy(), winSize=(17, 17), maxLevel=2
    )
    kept = found.ravel() == 1
    if kept.sum() < FEWEST_INLIERS:
        return None
    similarity, inliers = cv2.estimateAffinePartial2D(
        points[kept], moved[kept], ransacReprojThreshold=INLIER_PX
    )
    if similarity is None or inliers.sum() < FEWEST_INLIERS:
        return None
    return np.vstack([similarity, [0, 0, 1]]), float(inliers.sum()) / len(points)


def _inside(pose: Matrix, luma: Plane) -> bool:
    """Say whether the middle of the face is in the picture and the face has a sane size."""
    x, y, _ = pose @ np.array([0.5, 0.5, 1])
    height, width = luma.shape
    return bool(0 <= x < width and 0 <= y < height and 16 < scale_px(pose) < 2 * max(luma.shape))  # noqa: PLR2004


def _difference(one: Plane, other: Plane) -> float:
    """Mean absolute difference of two crops after taking out their brightness, in levels."""
    a, b = one.astype(np.float32), other.astype(np.float32)
    return float(np.abs((a - a.mean()) - (b - b.mean())).mean())
