"""H.264 as bytes: NAL units, parameter sets, and the record an MP4 keeps them in.

Two encodings can share one MP4 track when each has parameter sets of its own number: then both
sets stand in the track's record (ISO/IEC 14496-15, 5.3.3) and every access unit names its own.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# ITU-T H.264, table 7-1: NAL unit types.
IDR_SLICE, SPS, PPS, DELIMITER, FILLER = 5, 7, 8, 9, 12
# Profiles whose record ends with chroma format and bit depth (ISO/IEC 14496-15, 5.3.3.1.2).
HIGH = 100
# Highest number a parameter set of the encoder may carry (ITU-T H.264, 7.4.2.1.1).
LAST_SPS_ID = 31

_START_CODE = re.compile(rb"\x00\x00\x01")


@dataclass(frozen=True)
class ParameterSets:
    """The sequence and picture parameter sets of a stream, without start codes or lengths."""

    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    length_bytes: int = 0  # 0: units are separated by start codes

    @property
    def ids(self) -> set[int]:
        """Numbers taken by either kind."""
        return {_number(unit, 4) for unit in self.sps} | {_number(unit, 1) for unit in self.pps}

    def holds(self, unit: bytes) -> bool:
        """Whether a parameter set found in a packet is one of these."""
        return unit in self.sps or unit in self.pps

    def joined(self, other: "ParameterSets") -> "ParameterSets":
        """Put both streams' sets side by side; their numbers must differ."""
        return ParameterSets(self.sps + other.sps, self.pps + other.pps)


def parameter_sets(extradata: bytes) -> ParameterSets | None:
    """Read a decoder configuration: an MP4 record or units behind start codes.

    Returns:
        None when there is no such thing or it is cut short.
    """
    if extradata[:1] != b"\x01":
        units = list(units_of(extradata, 0))
        return _sorted_sets(units, 0)
    at, units = 5, []
    for mask in (0x1F, 0xFF):
        if at >= len(extradata):
            return None
        count, at = extradata[at] & mask, at + 1
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            units.append(extradata[at + 2 : at + 2 + size])
            at += 2 + size
    if at > len(extradata):
        return None
    return _sorted_sets(units, (extradata[4] & 3) + 1)


def units_of(data: bytes, length_bytes: int) -> Iterator[bytes]:
    """Split a packet into NAL units, by length prefixes or (0) by start codes."""
    if not length_bytes:
        for part in _START_CODE.split(data)[1:]:
            yield part.rstrip(b"\x00")
        return
    at = 0
    while at + length_bytes < len(data):
        size = int.from_bytes(data[at : at + length_bytes], "big")
        yield data[at + length_bytes : at + length_bytes + size]
        at += length_bytes + size


def unit_type(unit: bytes) -> int:
    """Say what a NAL unit is."""
    return unit[0] & 31 if unit else 0


def is_idr(units: Iterable[bytes]) -> bool:
    """Whether an access unit starts afresh.

    Nothing after an IDR picture refers to anything before it, in either order (ITU-T H.264,
    3.69), so what lies between two of them can be copied on its own.
    """
    return any(unit_type(unit) == IDR_SLICE for unit in units)


def changes_sets(units: Iterable[bytes], sets: ParameterSets) -> bool:
    """Whether an access unit brings a parameter set that is not one of `sets`."""
    return any(unit_type(unit) in {SPS, PPS} and not sets.holds(unit) for unit in units)


def sample(units: Iterable[bytes]) -> bytes:
    """Write units as one MP4 sample: four-byte lengths, parameter sets left to the record."""
    left_out = {SPS, PPS, DELIMITER, FILLER}
    kept = [unit for unit in units if unit and unit_type(unit) not in left_out]
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in kept)


def record(sets: ParameterSets) -> bytes:
    """Write the MP4 record (avcC) for 8-bit 4:2:0, four-byte lengths."""
    first = max(sets.sps, key=lambda unit: (unit[1], unit[3]))
    level = max(unit[3] for unit in sets.sps)
    head = bytes([1, first[1], first[2], level, 0xFF, 0xE0 | len(sets.sps)])
    body = b"".join(len(unit).to_bytes(2, "big") + unit for unit in sets.sps)
    body += bytes([len(sets.pps)])
    body += b"".join(len(unit).to_bytes(2, "big") + unit for unit in sets.pps)
    return head + body + (b"\xfd\xf8\xf8\x00" if first[1] >= HIGH else b"")


def free_id(taken: set[int]) -> int | None:
    """Find a number no parameter set has yet."""
    return next((number for number in range(LAST_SPS_ID + 1) if number not in taken), None)


def _sorted_sets(units: list[bytes], length_bytes: int) -> ParameterSets | None:
    sps = tuple(dict.fromkeys(unit for unit in units if unit_type(unit) == SPS))
    pps = tuple(dict.fromkeys(unit for unit in units if unit_type(unit) == PPS))
    if not sps or not pps or min(map(len, sps)) <= 4:  # noqa: PLR2004  header, profile, level, id
        return None
    return ParameterSets(sps, pps, length_bytes)


def _number(unit: bytes, at: int) -> int:
    r"""Read the first Exp-Golomb number (ITU-T H.264, 9.1) from byte `at` of a parameter set.

    >>> _number(b"\x67\x64\x00\x0b\x10", 4)
    7
    """
    bits = "".join(f"{byte:08b}" for byte in unit[at : at + 4])
    zeros = len(bits) - len(bits.lstrip("0"))
    return int(bits[zeros : 2 * zeros + 1] or "1", 2) - 1
