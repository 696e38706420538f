"""Whole: does a file hold all it announces? A cut-off download would be dubbed in part."""

from pathlib import Path

from lipsync.media.opening import top_boxes

# A pipe cannot know its length: ffmpeg and most others announce 0 or 2**32 - 1, SoX 2**31 - 4096
# and 36 bytes of header less. From here on a size says nothing.
UNKNOWN_BYTES = 2**31 - 8192
# Chunks after the sound (bext, iXML, LIST) are a few kilobytes (EBU Tech 3285).
WAVE_EXTRA_BYTES = 65_536


def shortfall(path: Path, container: str) -> str | None:
    """Say what is missing of an MP4, MOV or WAV; None when nothing is, or nobody can know.

    Args:
        path: A file that could be opened.
        container: Its demuxer, as libav names it.
    """
    if "mov" in container.split(","):
        _, missing_bytes = top_boxes(path)
        return f"its last {missing_bytes} bytes are missing" if missing_bytes > 0 else None
    return _of_wave(path) if container == "wav" else None


def _of_wave(path: Path) -> str | None:
    """Compare the length of the sound that a RIFF header announces with the file's."""
    data = _data_chunk(path)
    if data is None:
        return None
    announced_bytes, there_bytes = data
    if not 0 < announced_bytes < UNKNOWN_BYTES:
        return None
    if announced_bytes > there_bytes + 1:  # a chunk may be padded to an even length, or not
        return f"its header announces {announced_bytes} bytes of sound, {there_bytes} are there"
    extra_bytes = there_bytes - announced_bytes
    if extra_bytes > max(WAVE_EXTRA_BYTES, announced_bytes // 10):
        return f"its header ends the sound {extra_bytes} bytes before the file does"
    return None


def _data_chunk(path: Path) -> tuple[int, int] | None:
    """Find how long the chunk `data` says it is, and how much of the file is left for it."""
    end = path.stat().st_size
    with path.open("rb") as stream:
        if stream.read(4) != b"RIFF":
            return None
        at = 12  # RIFF, its size, WAVE; then chunks of a name, a size and an even number of bytes
        while at + 8 <= end:
            stream.seek(at)
            header = stream.read(8)
            size = int.from_bytes(header[4:], "little")
            if header[:4] == b"data":
                return size, end - at - 8
            at += 8 + size + size % 2
    return None
