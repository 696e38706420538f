"""Tracking: one face followed from frame to frame without drift.

The cascade finds the face; optical flow then follows points of the upper face (eyes, nose,
cheeks: what does not move with speech) from a reference crop to every later frame. Each frame
is compared with the reference, not with its predecessor, so errors do not add up.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from lipsync.engine.pose import Matrix, Window, crop, pose_of, scale_px
from lipsync.faces import Plane, find_faces

Points = NDArray[np.float32]

# What is followed: the box and a little around it, at a size where flow takes about 1 ms.
VIEW = Window(-0.1, -0.1, 1.1, 1.1, 128.0)
# Eyes to nostrils, in face units: moves with the skull, not with the jaw.
STEADY = (0.12, 0.22, 0.88, 0.68)
POINTS = 70
# How often a lost face is searched for, and a followed one is confirmed (one search: 0.1 s).
SEARCH_EVERY_S = 0.25
CONFIRM_EVERY_S = 2.0
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

    def __init__(self, rate: Fraction) -> None:
        self._search_every = max(1, round(rate * Fraction(SEARCH_EVERY_S)))
        self._confirm_every = max(1, round(rate * Fraction(CONFIRM_EVERY_S)))
        self._pose: Matrix | None = None
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
            return sighting
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
        """Ask the cascade now and then; two misses in a row and the face is lost."""
        near = _around(luma, sighting.pose)
        self._missed = 0 if find_faces(near) else self._missed + 1
        return sighting if self._missed < 2 else None  # noqa: PLR2004  two in a row


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


def _around(luma: Plane, pose: Matrix) -> Plane:
    """Cut the neighbourhood of a face out of a frame, for a quick confirmation."""
    x, y, _ = pose @ np.array([0.5, 0.5, 1])
    reach = scale_px(pose) * 0.85
    top, left = max(0, round(y - reach)), max(0, round(x - reach))
    cut = luma[top : round(y + reach), left : round(x + reach)]
    return np.ascontiguousarray(_shrunk(cut))


def _shrunk(cut: Plane) -> Plane:
    """Bring a face to the size the cascade needs and no more."""
    import cv2  # noqa: PLC0415  heavy

    factor = min(1.0, 160 / max(1, min(cut.shape)))
    small = cv2.resize(cut, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)
