"""JPEGs: pictures made small and put into the store, for pages and for whoever lists a dub."""

import cv2
import numpy as np
import numpy.typing as npt

from lipsync.store import Store
from lipsync.values import File

# Shape (height, width, 3), in OpenCV's order: blue, green, red.
Picture = npt.NDArray[np.uint8]


def scaled(picture: Picture, width_px: int) -> Picture:
    """Scale a picture to a width, its shape kept."""
    height, width = picture.shape[:2]
    size = (width_px, max(1, round(height * width_px / width)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def kept(picture: Picture, quality: int, store: Store) -> File:
    """Keep a picture as JPEG; a power cut may take it, for it is quickly made again.

    Args:
        picture: What to keep.
        quality: 1 to 100, libjpeg's scale.
        store: Where to.

    Raises:
        StorageError: There is no room.
    """
    with store.scratch(".jpg") as scratch:
        _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        scratch.write_bytes(coded.tobytes())
        return store.keep(scratch, ".jpg", lasting=False)
