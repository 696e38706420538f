"""Claims: where a file is not what its header says, one sentence each with both figures."""

from collections.abc import Iterator

from av.container import InputContainer
from av.video.stream import VideoStream

from lipsync.media.scanning import Scan

# A header may round, and count a frame that an encoder announced and never wrote (AVI does).
HEADER_SLACK_FRAMES = 2
HEADER_SLACK_S = 0.1
# libav's own clock, AV_TIME_BASE: container durations are in microseconds.
LIBAV_CLOCK_HZ = 1_000_000
WAVES = {"wav", "w64"}
# Chunks beside the samples (bext, iXML, LIST) are a few kilobytes (EBU Tech 3285).
WAVE_EXTRA_BYTES = 65_536


def false_claims(
    container: InputContainer, picture: VideoStream | None, scan: Scan
) -> tuple[str, ...]:
    """Compare what a container claims with what was counted in it."""
    found = [*_wrong_length(container, scan), *_wrong_frames(picture, scan)]
    if container.format.name in WAVES:
        found += _wrong_wave(container, scan)
    elif damaged := sum(tally.damaged for tally in scan.tallies):
        found.append(f"Packets that are damaged or cut off: {damaged}.")
    return tuple(found)


def _wrong_length(container: InputContainer, scan: Scan) -> Iterator[str]:
    """Compare the length; a file without one (a live WebM) claims nothing."""
    claimed_s = (container.duration or 0) / LIBAV_CLOCK_HZ
    counted_s = float(scan.end_s - scan.start_s)
    if claimed_s and abs(claimed_s - counted_s) > HEADER_SLACK_S:
        yield f"Its header says {claimed_s:.2f} s, {counted_s:.2f} s are there."


def _wrong_frames(picture: VideoStream | None, scan: Scan) -> Iterator[str]:
    """Compare the number of coded frames, those included that an edit list hides."""
    if picture is None or scan.picture is None or not picture.frames:
        return
    if abs(picture.frames - scan.picture.coded) > HEADER_SLACK_FRAMES:
        yield f"Its header says {picture.frames} frames, {scan.picture.coded} are there."


def _wrong_wave(container: InputContainer, scan: Scan) -> Iterator[str]:
    """Find a WAV header that announces more or less sound than there is.

    libav marks the packet that a too long announcement cuts short as damaged; samples that a too
    short one leaves out are only seen in the size of the file.
    """
    read_bytes = sum(tally.size_bytes for tally in scan.sounds)
    left_bytes = container.size - read_bytes
    if any(tally.damaged for tally in scan.sounds):
        yield f"Its header has the wrong length; {float(scan.end_s):.2f} s are there."
    elif left_bytes > max(WAVE_EXTRA_BYTES, read_bytes // 10):
        yield f"Its header stops the sound {left_bytes} bytes before the end of the file."
