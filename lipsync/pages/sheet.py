"""The sheet of a batch: its page with a thumbnail of every dub that is there, put in its place."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from lipsync.errors import LipsyncError, StorageError
from lipsync.output import page_path, write_whole
from lipsync.pages.batch import batch_page, worst_first
from lipsync.pages.placing import is_foreign
from lipsync.pages.story import BatchRow, BatchStory
from lipsync.report import data_uri
from lipsync.requests import Stills
from lipsync.values import File
from lipsync.workshop import Workshop

log = logging.getLogger(__name__)

# Raised whenever a thumbnail of the same output looks different.
THUMB = 1
# Ours: each takes 10 to 30 ms the first time; nobody looks at more on one sheet.
MOST_PICTURES = 500


def put_batch_page(
    shop: Workshop, story: BatchStory, page: Path, outputs: Mapping[int, Path]
) -> Path | None:
    """Write the page of a batch, unless the same is there already.

    Args:
        shop: Where thumbnails are kept.
        story: Its rows need neither links nor thumbnails: they are found here.
        page: Where it goes; the links on it lead from there.
        outputs: By line, the dubs that are there.

    Returns:
        Where it is; None when it could not be put there, which fails no batch.
    """
    if is_foreign(page):
        log.warning("%s: exists and is no report of Dubline; it is left as it is", page)
        return None
    text = batch_page(story.model_copy(update={"rows": _shown(shop, story.rows, page, outputs)}))
    if page.is_file() and page.read_bytes() == text.encode():
        return page
    try:
        write_whole(page, lambda trial: trial.write_text(text, encoding="utf-8"))
    except StorageError as error:
        log.warning("no report page: %s", error)
        return None
    return page


def _shown(
    shop: Workshop, rows: tuple[BatchRow, ...], page: Path, outputs: Mapping[int, Path]
) -> tuple[BatchRow, ...]:
    """Give the rows their links, and as many thumbnails as a sheet has, what is wrong first."""
    pictured = [row.line for row in worst_first(rows) if row.line in outputs][:MOST_PICTURES]
    thumbs = {line: _thumb(shop, outputs[line]) for line in pictured}
    return tuple(
        _linked(row, page, outputs[row.line], thumbs.get(row.line)) if row.line in outputs else row
        for row in rows
    )


def _linked(row: BatchRow, page: Path, output: Path, thumb: str | None) -> BatchRow:
    own = page_path(output)
    links = {
        "output": beside(page, output),
        "page": beside(page, own) if own.is_file() else None,
        "thumb": thumb,
    }
    return row.model_copy(update=links)


def beside(page: Path, file: Path) -> str:
    """Say how a file is reached from a page, with slashes.

    >>> beside(Path("/a/week.html"), Path("/a/out/1.mp4"))
    'out/1.mp4'
    """
    return Path(os.path.relpath(file, page.parent)).as_posix()


def _thumb(shop: Workshop, output: Path) -> str | None:
    """Picture an output; None where nothing can be seen in it."""
    try:
        thumb = thumb_of(shop, shop.store.fingerprint(output))
        return None if thumb is None else data_uri(thumb.path.read_bytes())
    except (LipsyncError, OSError) as error:
        log.info("no thumbnail: %s", error)
        return None


def thumb_of(shop: Workshop, output: File, stills: Stills | None = None) -> File | None:
    """Picture an output, once; None where nothing can be seen in it, which fails nothing.

    Args:
        shop: Where it is kept.
        output: Which.
        stills: Of it, where they have just been made: then it need not be opened again.
    """
    from lipsync.thumb import (  # noqa: PLC0415  loads PyAV and OpenCV
        ThumbRequest,
        make_thumb,
        thumb_of_still,
    )

    request = ThumbRequest(output=output)

    def make() -> File:
        if stills is None:
            return make_thumb(request, shop.store)
        return thumb_of_still(stills, shop.store)

    try:
        return shop.cache.made("thumb", THUMB, request, File, make).value
    except (LipsyncError, OSError) as error:
        log.info("no thumbnail: %s", error)
        return None
