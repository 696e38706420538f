"""Posters: one good picture of a dub, and a sheet of twelve, for whoever lists it."""

from collections.abc import Sequence

import cv2
import numpy as np

from lipsync.errors import MediaError
from lipsync.jpegs import Picture, coded, kept, scaled
from lipsync.media.moments import playing
from lipsync.pictures import PicturesRequest
from lipsync.store import Store
from lipsync.values import File

# Ours: twelve moments show a clip of any length, four beside each other.
COLUMNS, ROWS = 4, 3
CELL_PX = 320
# Ours: the room of a time under each picture, at this width.
CAPTION_PX = 28
QUALITY = 88
# Ours: a picture that is darker on average says nothing, however sharp it is.
DARK = 24.0


def make_pictures(request: PicturesRequest, store: Store) -> tuple[File, ...]:
    """Make a poster, a contact sheet, or both, in this order, as JPEG.

    Raises:
        MediaError: No picture can be read.
        StorageError: There is no room.
    """
    path = request.output.path
    poster: Picture | None = None
    best = -1.0
    cells: list[Picture] = []
    with playing(path) as film:
        for at_s, picture in film.at(_spread(film.length_s, COLUMNS * ROWS)):
            if (worth := _worth(picture)) > best:
                poster, best = picture, worth
            cells.append(_cell(picture, at_s))
    if poster is None:
        raise MediaError(f"{path}: has no picture to make a poster of; export it again")
    made = []
    if request.poster:
        made.append(kept([coded(poster, QUALITY)], store))
    if request.sheet:
        made.append(kept([coded(_tiled(cells), QUALITY)], store))
    return tuple(made)


def _spread(length_s: float, count: int) -> list[float]:
    """Spread moments evenly over a video.

    >>> _spread(8.0, 4)
    [1.0, 3.0, 5.0, 7.0]
    """
    return [length_s * (place + 0.5) / count for place in range(count)]


def _worth(picture: Picture) -> float:
    """Say how sharp a picture is; a dark one is worth nothing."""
    grey = cv2.cvtColor(scaled(picture, CELL_PX), cv2.COLOR_BGR2GRAY)
    if float(grey.mean()) < DARK:
        return 0.0
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())


def _cell(picture: Picture, at_s: float) -> Picture:
    """Put the time under a small picture."""
    small = scaled(picture, CELL_PX)
    caption = np.full((CAPTION_PX, CELL_PX, 3), 24, np.uint8)
    text = f"{int(at_s) // 60}:{at_s % 60:04.1f}"
    where = (8, CAPTION_PX - 8)
    cv2.putText(
        caption, text, where, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (230, 230, 230), 1, cv2.LINE_AA
    )
    return np.concatenate([small, caption])


def _tiled(cells: Sequence[Picture]) -> Picture:
    """Lay cells of one size out in rows, by moviepy; an empty place is dark."""
    from moviepy import ImageClip, clips_array  # noqa: PLC0415  0.4 s, for a sheet alone

    empty = np.full_like(cells[0], 24)
    every = [ImageClip(cell, duration=1) for cell in (*cells, *[empty] * (-len(cells) % COLUMNS))]
    rows = [every[at : at + COLUMNS] for at in range(0, len(every), COLUMNS)]
    return np.asarray(clips_array(rows).get_frame(0), np.uint8)
