"""Copying: closed groups of pictures out of a file, packet by packet."""

from collections.abc import Iterator

from lipsync.errors import MediaError
from lipsync.media.cut import Copied
from lipsync.media.encoder import Sample
from lipsync.media.h264 import sample, units_of
from lipsync.media.index import Index, picture_stream
from lipsync.media.opening import open_media


def copied(index: Index, piece: Copied) -> Iterator[Sample]:
    """Give the packets of a piece, untouched but for their framing.

    Raises:
        MediaError: The file is no longer what its index says.
    """
    length_bytes = index.sets.length_bytes if index.sets else 0
    first = piece.units[0].first
    wanted = [
        (unit.first + picture, place == 0)
        for unit in piece.units
        for place, picture in enumerate(unit.order)
    ]
    packets = _packets(index, piece)
    for number, key in wanted:
        ticks, data = next(packets, (None, b""))
        if index.number(ticks) != number:
            raise MediaError(
                f"{index.path}: frame {number} is not where it was; "
                "the file has changed while it was read, run again"
            )
        yield Sample(number - first, key, sample(units_of(data, length_bytes)))


def _packets(index: Index, piece: Copied) -> Iterator[tuple[int | None, bytes]]:
    """Give time and bytes of every packet from the first of the piece on."""
    begin = piece.units[0]
    for seek in (True, False):
        found = False
        with open_media(index.path) as container:
            stream = picture_stream(container, index.path)
            if seek and begin.first > 0:
                container.seek(begin.seek_ticks, stream=stream, backward=True)
            for packet in container.demux(stream):
                found = found or packet.pts == begin.first_ticks
                if found and packet.size:
                    yield packet.pts, bytes(packet)
        if found:
            return
