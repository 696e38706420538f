"""An album: the pictures of a dub's stills as they lie in their one file, one after the other."""

from typing import NamedTuple

from lipsync.requests import Span, Stills


class Shown(NamedTuple):
    """One moment of both clips, as JPEG."""

    at_s: float
    before: bytes
    after: bytes


def shown_in(stills: Stills) -> tuple[Shown, ...]:
    """Take the pictures out of their file, in order of time."""
    content = stills.file.path.read_bytes()

    def cut(span: Span) -> bytes:
        return content[span.first_byte : span.first_byte + span.size_bytes]

    return tuple(Shown(one.at_s, cut(one.before), cut(one.after)) for one in stills.moments)
