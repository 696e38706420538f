"""JPEGs: pictures made small and put into the store, for pages and for whoever lists a dub."""

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from lipsync.errors import MediaError
from lipsync.store import Store
from lipsync.values import File

# Shape (height, width, 3), in OpenCV's order: blue, green, red.
Picture = npt.NDArray[np.uint8]


def scaled(picture: Picture, width_px: int) -> Picture:
    """Scale a picture to a width, its shape kept."""
    height, width = picture.shape[:2]
    return _resized(picture, (width_px, max(1, round(height * width_px / width))))


def as_high(picture: Picture, height_px: int) -> Picture:
    """Scale a picture to a height exactly, its shape kept to a sample."""
    height, width = picture.shape[:2]
    return _resized(picture, (max(1, round(width * height_px / height)), height_px))


def _resized(picture: Picture, size: tuple[int, int]) -> Picture:
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def coded(picture: Picture, quality: int) -> bytes:
    """Encode a picture as JPEG; the quality is 1 to 100 on libjpeg's scale."""
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return jpeg.tobytes()


def decoded(jpeg: bytes) -> Picture:
    """Decode a JPEG that we wrote.

    Raises:
        MediaError: It is none.
    """
    content = np.frombuffer(jpeg, np.uint8)
    picture = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    if picture is None:
        raise MediaError("a still is no picture; run again")
    return picture.astype(np.uint8, copy=False)


def kept(jpegs: Iterable[bytes], store: Store) -> File:
    """Keep JPEGs in one file; a power cut may take it, for it is quickly made again.

    Raises:
        StorageError: There is no room.
    """
    with store.scratch(".jpg") as scratch:
        scratch.write_bytes(b"".join(jpegs))
        return store.keep(scratch, ".jpg", lasting=False)
