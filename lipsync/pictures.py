"""Pictures: the poster and the contact sheet beside an output, when they are asked for."""

import logging
from pathlib import Path

from lipsync.cache import Made
from lipsync.errors import LipsyncError, UsageError
from lipsync.output import is_in_place, place, recorded
from lipsync.params import DubParams
from lipsync.requests import Finished
from lipsync.values import File, Value
from lipsync.workshop import Workshop

# Raised whenever the same output gives other pictures.
PICTURES = 1

log = logging.getLogger(__name__)


class PicturesRequest(Value):
    """What is made of an output."""

    output: File
    poster: bool
    sheet: bool


def pictures_of(params: DubParams, output: Path) -> tuple[Path, ...]:
    """Say which pictures lie beside an output: the poster, then the contact sheet.

    >>> asked = DubParams(video=Path("a.mp4"), voice=Path("b.wav"), contact_sheet=True)
    >>> [path.name for path in pictures_of(asked, Path("out/talk.mp4"))]
    ['talk.mp4.sheet.jpg']
    """
    wanted = ((params.poster, "poster"), (params.contact_sheet, "sheet"))
    return tuple(output.with_name(f"{output.name}.{word}.jpg") for asked, word in wanted if asked)


def refuse_foreign_pictures(params: DubParams, output: Path) -> None:
    """Keep a picture that is there and was not put there with this output.

    Raises:
        UsageError: There is one.
    """
    for path in pictures_of(params, output):
        if path.exists() and not params.overwrite and recorded(output) is None:
            raise UsageError(
                f"{path}: exists, and would be written over; move it, or --overwrite it"
            )


def put_pictures(shop: Workshop, params: DubParams, output: Path, finished: Finished) -> None:
    """Put what is asked for beside an output; what cannot be made costs nobody the dub."""
    places = pictures_of(params, output)
    if not places:
        return
    request = PicturesRequest(
        output=finished.file, poster=params.poster, sheet=params.contact_sheet
    )
    try:
        made = _made(shop, request)
        for path, file in zip(places, made.value, strict=True):
            if not is_in_place(shop.store, path, file):
                place(file, path)
    except LipsyncError as error:
        log.warning("no poster or contact sheet: %s", error)


def _made(shop: Workshop, request: PicturesRequest) -> Made[tuple[File, ...]]:
    def make() -> tuple[File, ...]:
        from lipsync.posters import make_pictures  # noqa: PLC0415  loads OpenCV

        return make_pictures(request, shop.store)

    return shop.cache.made("pictures", PICTURES, request, tuple[File, ...], make)
