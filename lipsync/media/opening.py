"""Opening media from strangers: only plain files, only known containers, only what is inside.

Three locks, each enough on its own for a playlist that points elsewhere: the first bytes are looked
at, the demuxer must be on `CONTAINERS`, and libav may use no protocol but `file`.
"""

import errno
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from lipsync.errors import MediaError
from lipsync.media.sniffing import HEAD_BYTES, not_media

# Demuxers that read one file and never another (libavformat 62). Left out on purpose: hls, dash,
# concat, sdp, imf and every other list; image sequences; raw streams, which carry no times.
CONTAINERS = (
    "mov", "matroska", "avi", "mpegts", "mpeg", "flv", "asf", "ogg", "mxf", "gif",
    "wav", "w64", "aiff", "caf", "au", "mp3", "aac", "flac", "ac3", "eac3", "amr",
)  # fmt: skip
# 8192 x 8192. Twice the area of 8K UHD (7680 x 4320), far above what any model takes (4096).
MAX_PIXELS = 2**26
# Opening a WAV file, libav searches up to 5 MB of samples for DTS or S/PDIF, 12 ms long. They
# announce themselves in the first frames that are not silent, within this; it leaves 0.3 ms.
_WAV_PROBE_BYTES = 8192
# libavformat's `av_probe_input_buffer2` wants 2,048 bytes to know a container by, and
# `avformat_find_stream_info` stops at once: 0.5 ms instead of 1.3 of an MP4.
_HEADERS_ONLY = {"probesize": "2048", "analyzeduration": "0"}
# An error while writing is about the disk, never about the file that is read.
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@contextmanager
def open_media(
    path: Path, *, first_picture: bool = True, packets: bool = True
) -> Iterator[InputContainer]:
    """Open one media file for reading; libav's errors inside the block become MediaError.

    Any name that names a file works, also `-`, `%03d`, `http:x.mp4` and names with line breaks.

    Args:
        path: A plain file.
        first_picture: Whether libav decodes a picture while it opens the file, without which some
            headers do not tell the pixel format: 15 ms of a 1080p H.264 file.
        packets: Whether libav reads packets while it opens the file, without which some headers do
            not tell what a stream is; what the container says of itself needs none.

    Raises:
        MediaError: The path is not a plain, readable, non-empty file; it holds something else than
            video or audio; its container is not in `CONTAINERS`; its picture is larger than
            `MAX_PIXELS`; or it is damaged, when opened or while it is read.
    """
    head = read_head(path)
    if found := not_media(head):
        raise MediaError(f"{path}: is {found}; give a video or audio file")
    with media_errors(path), _opened(path, head, first_picture, packets) as container:
        for stream in container.streams.video:
            _guard(path, stream)
        yield container


@contextmanager
def media_errors(path: Path) -> Iterator[None]:
    """Turn libav's errors while reading or decoding `path` into one clear sentence.

    Raises:
        MediaError: In place of every libav error but a full or read-only disk, which stays what it
            is for `lipsync.store.disk_errors`.
    """
    try:
        yield
    except av.error.FFmpegError as error:
        if isinstance(error, OSError) and error.errno in _DISK:
            raise
        raise MediaError(
            f"{path}: cannot be decoded ({error.strerror}); "
            "it is damaged or uses a codec that is not known here, export it again as H.264 and AAC"
        ) from error


def read_packets(
    container: InputContainer, streams: Sequence[VideoStream | AudioStream]
) -> "Iterator[Packet[Any]]":
    """Read the packets of these streams to the end of the file.

    PyAV knows only the streams it met when opening, and answers a packet of a later one (a
    recording whose programme changes, a damaged transport stream) with an IndexError.

    Raises:
        MediaError: A stream begins in the middle of the file.
    """
    if not streams:  # to PyAV, none means all
        return
    packets = container.demux(*streams)
    count = 0
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except IndexError as error:
            raise MediaError(
                f"{container.name.removeprefix('file:')}: a new stream begins after {count} "
                "packets, or it is damaged there; export it again as MP4"
            ) from error
        count += 1
        yield packet


def read_head(path: Path) -> bytes:
    """Read the first bytes of a plain file.

    Raises:
        MediaError: It is missing, no plain file, not readable or empty.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = _KINDS.get(stat.S_IFMT(mode), "something special")
            raise MediaError(f"{path}: is {kind}, not a file; give the media file itself")
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except FileNotFoundError as error:
        raise MediaError(f"{path}: there is no such file; check the path") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MediaError(
            f"{path}: cannot be read ({reason}); check its permissions and its name"
        ) from error
    if not head:
        raise MediaError(f"{path}: is empty (0 bytes); copy or download it again")
    return head


@contextmanager
def _opened(
    path: Path, head: bytes, first_picture: bool, packets: bool
) -> Iterator[InputContainer]:
    """Let libav open the file by its absolute name, never as an address or a pattern."""
    options = {"protocol_whitelist": "file", "format_whitelist": ",".join(CONTAINERS)}
    if head[8:12] == b"WAVE":
        options["probesize"] = str(_sound_begins(path, head) + _WAV_PROBE_BYTES)
    if not packets:
        options |= _HEADERS_ONLY
    try:
        container = av.open(
            f"file:{path.absolute()}",
            mode="r",
            container_options=options,
            options={} if first_picture else {"skip_frame": "all"},  # of the decoder that looks
            metadata_errors="replace",  # a title in Latin-1 is no reason to refuse a video
        )
    except av.error.FFmpegError as error:
        raise MediaError(f"{path}: {_why_not(path, head)}") from error
    with container:
        yield container


def _sound_begins(path: Path, head: bytes) -> int:
    """Say where the first sample of a WAV file is that is not digital silence, in bytes."""
    at = max(0, head.find(b"data")) + 8
    with path.open("rb") as stream:
        stream.seek(at)
        while block := stream.read(2**16):
            if rest := block.lstrip(b"\0"):
                return at + len(block) - len(rest)
            at += len(block)
    return at


def _guard(path: Path, stream: VideoStream) -> None:
    """Refuse a picture that would take absurd memory, now or when its size changes later."""
    if stream.codec_context is None:
        return
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MAX_PIXELS:
        raise MediaError(
            f"{path}: its picture is {width}x{height} pixels, more than {MAX_PIXELS} in all; "
            "scale it down first"
        )
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}


def _why_not(path: Path, head: bytes) -> str:
    """Say why libav did not open a file, and the way out."""
    size = path.stat().st_size
    if head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}:
        boxes, missing = top_boxes(path)
        if "moov" not in boxes:
            return (
                f"is cut off: its index (moov) is missing after {size} bytes"
                f"{f', {missing} more are announced' if missing else ''}; "
                "copy or download it again, or let the camera repair it"
            )
    return (
        f"is not a media file that can be read here ({size} bytes); "
        "give MP4, MOV, WebM, MKV, AVI, TS, WAV, MP3, M4A, FLAC or Ogg"
    )


def top_boxes(path: Path) -> tuple[list[str], int]:
    """List the top-level boxes of an MP4 or MOV file.

    Returns:
        Their four-letter names, and by how many bytes the last one runs past the end of the file.

    Source:
        ISO/IEC 14496-12 §4.2: 32-bit size and name; size 1: a 64-bit size follows; 0: to the end.
    """
    names: list[str] = []
    end, at = path.stat().st_size, 0
    with path.open("rb") as stream:
        while at + 8 <= end:
            stream.seek(at)
            header = stream.read(16)
            length = int.from_bytes(header[:4])
            if length == 1:
                length = int.from_bytes(header[8:16])
            names.append(header[4:8].decode("latin-1"))
            at = end if length == 0 else at + max(length, 8)
    return names, max(0, at - end)
