"""Pictures: the luma of a video frame by frame, decoded once and never kept."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np

from lipsync.errors import MediaError
from lipsync.faces import Plane
from lipsync.media.index import picture_stream
from lipsync.media.look import Colour, colour_of
from lipsync.media.opening import open_media
from lipsync.media.threads import thread

Pictures = Generator[Plane, None, None]


def lumas(path: Path) -> Pictures:
    """Yield the luma of every shown frame: 8 bits, shape (height, width).

    Raises:
        MediaError: The file cannot be opened or decoded to its end, or has no picture.
    """
    with open_media(path, first_picture=False) as container:
        stream = picture_stream(container, path)
        thread(stream)
        try:
            for frame in container.decode(stream):
                yield luma_of(frame)
        except av.error.FFmpegError as error:
            raise MediaError(
                f"{path}: its picture cannot be decoded to the end ({error.strerror}); "
                "have it made again"
            ) from error


def ahead(pictures: Pictures) -> Pictures:
    """Decode the next picture in a thread of its own while the last one is looked at."""
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="decoder") as pool:
            coming = pool.submit(next, pictures, None)
            while (picture := coming.result()) is not None:
                coming = pool.submit(next, pictures, None)
                yield picture
    finally:
        pictures.close()


def luma_of(frame: av.VideoFrame) -> Plane:
    """Look at the luma of a frame without copying it, where it is 8-bit planar."""
    if frame.format.name not in {"yuv420p", "yuvj420p", "yuv422p", "yuv444p", "nv12", "gray"}:
        return np.asarray(frame.reformat(format="gray", threads=1).to_ndarray(), np.uint8)
    plane: Any = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8)[: plane.line_size * frame.height]
    return np.asarray(rows.reshape(frame.height, plane.line_size)[:, : frame.width], np.uint8)


def tags_of(colour: Colour) -> tuple[int, bool]:
    """Name of a picture's tags what is judged: matrix (ITU-T H.273), and if its range is full."""
    return colour.matrix, colour.full_range


def tags_in(path: Path) -> tuple[int, bool]:
    """Read them in a file.

    Raises:
        MediaError: The file cannot be opened or has no picture.
    """
    with open_media(path) as container:
        return tags_of(colour_of(picture_stream(container, path)))
