"""Faces: where they are in a picture, and what a quick look says about a whole video."""

import threading
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from lipsync.errors import MediaError
from lipsync.facts import FaceFacts, VideoFacts
from lipsync.values import Value

Plane = NDArray[np.uint8]

# Measured on 276 frames of 23 clips: at 480 px the alt2 cascade found a face in 275 of them.
SEARCH_SHORT_SIDE_PX = 480
# A face smaller than this share of the short side is background, not the speaker.
SMALLEST_FACE_SHARE = 0.08


class Box(Value):
    """A face in a picture, in pixels of that picture, as the cascade frames it (square)."""

    left_px: float
    top_px: float
    side_px: float

    @property
    def centre_px(self) -> tuple[float, float]:
        """The middle of the box, x then y."""
        return self.left_px + self.side_px / 2, self.top_px + self.side_px / 2


_of_this_thread = threading.local()


def cascade() -> Any:
    """Return the frontal face cascade that ships inside OpenCV's wheel.

    Each thread has its own: a classifier keeps what it works on in itself.

    Raises:
        MediaError: This OpenCV has none (version 5 dropped it).
    """
    if not hasattr(_of_this_thread, "cascade"):
        _of_this_thread.cascade = _loaded()
    return _of_this_thread.cascade


def _loaded() -> Any:
    import cv2  # noqa: PLC0415  0.2 s, and only detection needs it

    if not hasattr(cv2, "CascadeClassifier"):
        raise MediaError(f"OpenCV {cv2.__version__} ships no face cascade; install 4.10 to 4.x")
    # alt2: 96 ms a frame and the fewest false boxes of those that ship (measured).
    return cv2.CascadeClassifier(
        str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_alt2.xml")
    )


def find_faces(luma: Plane) -> tuple[Box, ...]:
    """Find the upright frontal faces of one picture, largest first.

    Args:
        luma: The picture's luma or grey plane, shape (height, width), the right way up.
    """
    import cv2  # noqa: PLC0415  see above

    short_px = min(luma.shape)
    shrink = min(1.0, SEARCH_SHORT_SIDE_PX / short_px)
    small = cv2.resize(luma, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    smallest_px = max(24, round(min(small.shape) * SMALLEST_FACE_SHARE))
    found = cascade().detectMultiScale(small, 1.1, 4, minSize=(smallest_px, smallest_px))
    boxes = [
        Box(left_px=x / shrink, top_px=y / shrink, side_px=max(w, h) / shrink)
        for x, y, w, h in (tuple(map(float, box)) for box in found)
    ]
    return tuple(sorted(boxes, key=lambda box: -box.side_px))


def look(video: Path, facts: VideoFacts, *, samples: int = 8) -> FaceFacts:
    """Look for faces in a few frames spread over a video.

    Args:
        video: The file the facts are about.
        facts: Its picture stream; rotation and sample aspect are undone before looking.
        samples: Frames to look at, evenly spread (the nearest keyframe before each).

    Returns:
        Faces in display pixels.

    Raises:
        MediaError: No frame of the file can be decoded.
    """
    heights_px: list[float] = []
    counts: list[int] = []
    for luma in _sampled(video, facts, samples):
        faces = find_faces(luma)
        counts.append(len(faces))
        heights_px += [faces[0].side_px] if faces else []
    if not counts:
        raise MediaError(f"{video}: no frame can be decoded; export the video again")
    return FaceFacts(
        sampled_frames=len(counts),
        frames_with_face=len(heights_px),
        most_faces=max(counts),
        face_height_px=round(median(heights_px)) if heights_px else 0,
    )


def _sampled(video: Path, facts: VideoFacts, samples: int) -> Iterator[Plane]:
    """Decode the luma of frames spread over the video, upright and with square samples."""
    try:
        # Only local files: a playlist must not make libav read anything else.
        with av.open(str(video), options={"protocol_whitelist": "file"}) as container:
            stream = next(s for s in container.streams.video if not _is_cover(s))
            found = 0
            for sample in range(samples):
                at_s = facts.duration_s * (sample + 0.5) / samples
                for luma in _frame_near(container, stream, at_s, facts):
                    found += 1
                    yield luma
        if not found:
            yield from _from_the_front(video, facts, samples)
    except (av.FFmpegError, StopIteration) as error:
        why = getattr(error, "strerror", None) or "no stream"
        raise MediaError(
            f"{video}: its picture cannot be decoded ({why}); export the video again"
        ) from error


def _from_the_front(video: Path, facts: VideoFacts, samples: int) -> Iterator[Plane]:
    """Decode forward instead of seeking: a transport stream may hold one keyframe, its first."""
    step = max(1, facts.frames // samples)
    with av.open(str(video), options={"protocol_whitelist": "file"}) as container:
        stream = next(s for s in container.streams.video if not _is_cover(s))
        for number, frame in enumerate(container.decode(stream)):
            if number % step == 0:
                yield upright(_luma(frame), facts)


def _luma(frame: Any) -> Plane:
    return np.asarray(frame.reformat(format="gray", threads=1).to_ndarray(), np.uint8)


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _frame_near(container: Any, stream: Any, at_s: float, facts: VideoFacts) -> Iterator[Plane]:
    """Seek to the keyframe before a moment and yield that one frame, upright."""
    offset = round(at_s / stream.time_base) + (stream.start_time or 0)
    container.seek(offset, stream=stream, backward=True)
    frame = next(container.decode(stream), None)
    if frame is not None:
        yield upright(_luma(frame), facts)


def upright(luma: Plane, facts: VideoFacts) -> Plane:
    """Turn a coded picture the way it is shown and give it its display size."""
    import cv2  # noqa: PLC0415  see above

    turned = np.ascontiguousarray(np.rot90(luma, -facts.rotation_deg // 90))
    size = (facts.display_width_px, facts.display_height_px)
    if (turned.shape[1], turned.shape[0]) == size:
        return turned
    return np.asarray(cv2.resize(turned, size, interpolation=cv2.INTER_AREA), np.uint8)
