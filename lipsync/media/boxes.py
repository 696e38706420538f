"""The boxes of an MP4 or MOV file, and room made for one more without harm to what is there.

Source: ISO/IEC 14496-12. A file says in `stco` and `co64` at which byte each chunk of media lies,
so whatever is put in front of the media moves those figures.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

# §4.2: 32-bit size and name; size 1: a 64-bit size follows; 0: to the end of the file.
_SHORT, _LONG = 8, 16
# §8: the boxes on the way to the chunk offsets.
_WAY = {"moov", "trak", "mdia", "minf", "stbl"}
# Boxes that say by other figures where something lies in the file: fragments and their indexes,
# encryption, items (in `meta`). Where one is, nothing is moved.
_OTHER_OFFSETS = frozenset({"moof", "mfra", "sidx", "ssix", "saio", "meta"})
_MAX_32 = 2**32 - 1


class Box(NamedTuple):
    """One box: its name, where it begins, how long its header and all of it are, in bytes."""

    name: str
    at: int
    header: int
    size: int

    @property
    def end(self) -> int:
        """The byte after its last."""
        return self.at + self.size


def boxes_of(stream: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """Walk the boxes between two bytes; a box that is cut off ends the walk."""
    at = start
    while at + _SHORT <= end:
        stream.seek(at)
        head = stream.read(_LONG)
        size, header = int.from_bytes(head[:4]), _SHORT
        if size == 1:
            size, header = int.from_bytes(head[8:16]), _LONG
        elif size == 0:
            size = end - at
        if size < header or at + size > end:
            return
        yield Box(head[4:8].decode("latin-1"), at, header, size)
        at += size


def free_box(payload: bytes, usertype: bytes) -> bytes:
    """Write a `uuid` box (§11.1): a name of 16 bytes that its owner made up, and its content."""
    size = _SHORT + len(usertype) + len(payload)
    return struct.pack(">I4s", size, b"uuid") + usertype + payload


def place_in_front(top: list[Box], inside: set[str]) -> int | None:
    """Say at which byte a new box goes: right behind the index; None: only the end is safe.

    Args:
        top: The boxes of the file.
        inside: Names of all boxes within its index (`moov`).
    """
    names = [box.name for box in top]
    if _OTHER_OFFSETS & {*names, *inside} or names.count("moov") != 1 or "mdat" not in names:
        return None
    index, media = top[names.index("moov")], top[names.index("mdat")]
    return index.end if index.at < media.at else None


def names_inside(moov: bytes) -> set[str]:
    """List the names in an index, as far down as chunk offsets lie."""
    return {name for name, _, _ in _leaves(moov, 0, len(moov))}


def moved(moov: bytes, from_byte: int, by_bytes: int) -> bytes | None:
    """Mend the chunk offsets of an index for media that moves.

    Args:
        moov: The whole box.
        from_byte: What lies before this byte of the file stays.
        by_bytes: How far the rest moves.

    Returns:
        The mended box, of the same length; None: an offset would need more than 32 bits.
    """
    mended = bytearray(moov)
    for name, start, end in _leaves(moov, 0, len(moov)):
        if name not in {"stco", "co64"}:
            continue
        kind = "I" if name == "stco" else "Q"
        count = int.from_bytes(moov[start + 4 : start + 8])
        form = f">{count}{kind}"
        if start + 8 + struct.calcsize(form) > end:
            return None
        offsets = struct.unpack_from(form, moov, start + 8)
        new = [offset + by_bytes if offset >= from_byte else offset for offset in offsets]
        if name == "stco" and max(new, default=0) > _MAX_32:
            return None
        struct.pack_into(form, mended, start + 8, *new)
    return bytes(mended)


def _leaves(data: bytes, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """Walk the boxes of an index: name, and where the content begins and ends."""
    at = start
    while at + _SHORT <= end:
        size, header = int.from_bytes(data[at : at + 4]), _SHORT
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16]), _LONG
        if size < header or at + size > end:
            return
        name = data[at + 4 : at + 8].decode("latin-1")
        yield name, at + header, at + size
        if name in _WAY:
            yield from _leaves(data, at + header, at + size)
        at += size
