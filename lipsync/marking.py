"""Marking: a notice goes into the file itself, and is read back from there.

Where it goes is where each container's readers look for it: in MP4 an XMP packet in a `uuid` box,
in MOV an XMP packet in the movie's user data, in Matroska, which has no place for XMP, a tag.
Picture and sound stay as they are, byte for byte, and the index stays in front.
"""

import logging
import shutil
from pathlib import Path

from lipsync.disclosure import Notice, SourceType, known_term, strongest
from lipsync.media.boxes import Box, boxes_of, free_box, moved, names_inside, place_in_front
from lipsync.media.opening import open_media
from lipsync.xmp import packet, term_in

log = logging.getLogger(__name__)

# Adobe XMP Specification Part 3, MPEG-4: the box's user type.
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
# Ours: no XMP packet is larger that is meant to be read.
_PACKET_MAX_BYTES = 4 * 2**20
# A tag of Matroska's free names (RFC 9559 §5.1.8), in its spelling.
MATROSKA_TAG = "DIGITAL_SOURCE_TYPE"
# How libav calls an XMP packet in the user data of a MOV file, which it writes and reads.
MOV_TAG = "xmp"


def tags_of(notice: Notice, suffix: str) -> dict[str, str]:
    """Say which tags of the container carry the notice; for MP4 none can."""
    tags = {"comment": notice.statement}
    if suffix == ".mov":
        tags[MOV_TAG] = packet(notice).decode()
    if suffix == ".mkv":
        tags[MATROSKA_TAG] = notice.source_type.value
    return tags


def mark(source: Path, output: Path, notice: Notice) -> None:
    """Put the notice into a muxed file, which becomes `output`.

    Only MP4 has to be copied for it; the other containers have it in their tags already.

    The box goes right behind the index, so that whoever reads only the beginning finds it; where
    that would take more than mending the index, it goes to the end.
    """
    if source.suffix != ".mp4":
        source.replace(output)
        return
    box = free_box(packet(notice), XMP_UUID)
    with source.open("rb") as read, output.open("wb") as write:
        top = list(boxes_of(read, 0, source.stat().st_size))
        index = next((one for one in top if one.name == "moov"), None)
        moov = b"" if index is None else _bytes_of(source, index)
        place = place_in_front(top, names_inside(moov))
        mended = None if place is None else moved(moov, place, len(box))
        read.seek(0)
        if index is not None and place is not None and mended is not None:
            write.write(read.read(index.at))
            write.write(mended)
            write.write(box)
            read.seek(place)
            shutil.copyfileobj(read, write, 2**20)
            return
        shutil.copyfileobj(read, write, 2**20)
        write.write(box)


def read_mark(path: Path) -> SourceType | None:
    """Say what a file says it is; None: nothing that matters here. Of several marks the strongest.

    Raises:
        MediaError: It cannot be opened.
    """
    with open_media(path, first_picture=False, packets=False) as container:
        tags = {name.lower(): text for name, text in container.metadata.items()}
        kind = container.format.name
    tagged = known_term(tags.get(MATROSKA_TAG.lower()))
    return strongest((tagged, *_packets_say(path))) if "mp4" in kind else tagged


def _packets_say(path: Path) -> list[SourceType | None]:
    """Read every XMP packet of an MP4 or MOV file."""
    with path.open("rb") as stream:
        top = list(boxes_of(stream, 0, path.stat().st_size))
        found = [box for box in top if box.name == "uuid" and box.size <= _PACKET_MAX_BYTES]
        for index in (box for box in top if box.name == "moov"):
            inside = boxes_of(stream, index.at + index.header, index.end)
            for data in [box for box in inside if box.name == "udta"]:
                below = boxes_of(stream, data.at + data.header, data.end)
                found += [box for box in below if box.name == "XMP_"]
    contents = [_bytes_of(path, box)[box.header :] for box in found]
    return [term_in(text) for text in contents if _is_xmp(text)]


def _is_xmp(content: bytes) -> bool:
    return content.startswith(XMP_UUID) or b"xmpmeta" in content[:512]


def _bytes_of(path: Path, box: Box) -> bytes:
    with path.open("rb") as stream:
        stream.seek(box.at)
        return stream.read(box.size)
