"""Media the API reads: MP4 for the video, WAV or MP3 for the voice; the rest is rewritten."""

from lipsync.store import Store
from lipsync.values import File

# ISO/IEC 14496-12 §4.3: a file begins with its type; QuickTime's own is "qt  ".
_QUICKTIME = b"qt  "
# MPEG-1/2 layer III (ISO/IEC 11172-3 §2.4.1.3): eleven bits set, any version, layer bits 01.
_SYNC, _VERSION, _LAYER, _LAYER_3 = 0xE0, 0x18, 0x06, 0x02
_RESERVED_VERSION = 0x08
# What is read of a file to know it by.
_HEAD_BYTES = 12


def container_of(head: bytes) -> str | None:
    r"""Tell MP4, WAV and MP3 by their first bytes; None is anything else.

    >>> container_of(b"RIFF\0\0\0\0WAVEfmt "), container_of(b"\0\0\0\x14ftypqt  ")
    ('wav', None)
    """
    if head[4:8] == b"ftyp":
        return None if head[8:12] == _QUICKTIME else "mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    return "mp3" if head[:3] == b"ID3" or _is_layer_3(head) else None


def sendable_video(file: File, store: Store) -> File:
    """Return a video as MP4: itself, or one with its picture copied into it.

    Raises:
        MediaError: It holds no picture that MP4 takes.
    """
    if _is_named_and_made(file, {"mp4"}):
        return file
    from lipsync.vendors.unified.rewrap import to_mp4  # noqa: PLC0415  PyAV, where it is needed

    with store.scratch(".mp4") as path:
        to_mp4(file.path, path)
        return store.keep(path, ".mp4")


def sendable_voice(file: File, store: Store) -> File:
    """Return a voice as WAV or MP3: itself, or decoded to 48 kHz 16-bit WAV.

    Raises:
        MediaError: It holds no sound that can be decoded.
    """
    if _is_named_and_made(file, {"wav", "mp3"}):
        return file
    from lipsync.vendors.unified.rewrap import to_wav  # noqa: PLC0415  the same

    with store.scratch(".wav") as path:
        to_wav(file.path, path)
        return store.keep(path, ".wav")


def _is_named_and_made(file: File, containers: set[str]) -> bool:
    """Say whether a file is what its name says, and that is one of these.

    The link ends as the file does, and a vendor may go by that.
    """
    with file.path.open("rb") as stream:
        made = container_of(stream.read(_HEAD_BYTES))
    return made in containers and file.path.suffix.lower() == f".{made}"


def _is_layer_3(head: bytes) -> bool:
    if len(head) < 2 or head[0] != 0xFF or head[1] & _SYNC != _SYNC:  # noqa: PLR2004  the sync
        return False
    return head[1] & _LAYER == _LAYER_3 and head[1] & _VERSION != _RESERVED_VERSION
