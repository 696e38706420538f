"""HDR to SDR: decoded pictures go through the bundled ffmpeg's zscale and tonemap, one for one.

PyAV has no zscale. Only raw pictures pass the pipe, so ffmpeg never opens a file here.
"""

import os
import select
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import IO, Any

import av
import numpy as np

from lipsync.errors import MediaError
from lipsync.media.frames import Numbered

# ITU-T H.273, table 3: transfer characteristics of HLG; everything else here is PQ.
HLG = 18
# SDR reference white (ITU-R BT.2408 has 203 cd/m2; 100 is what zscale's examples and hable expect).
NOMINAL_PEAK = 100
# One picture takes about 50 ms at 1080p on two cores; a minute without any is a hung process.
PATIENCE_S = 60


@dataclass
class _Feed:
    """What the feeding thread shares with the reader."""

    numbers: deque[int] = field(default_factory=deque)
    failure: BaseException | None = None


class ToneMapped:
    """Turns PQ or HLG pictures (BT.2020) into 8-bit BT.709; keeps number, order and size."""

    def __init__(self, name: str, transfer: int, *, full_range: bool) -> None:
        self._name = name
        source = "arib-std-b67" if transfer == HLG else "smpte2084"
        given = f"color_primaries=bt2020:color_trc={source}:colorspace=bt2020nc"
        self._filters = (
            f"setparams={given}:range={'pc' if full_range else 'tv'},"
            f"zscale=t=linear:npl={NOMINAL_PEAK},format=gbrpf32le,zscale=p=bt709,"
            "tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=limited,format=yuv420p"
        )

    def __call__(self, pictures: Iterator[Numbered]) -> Iterator[Numbered]:
        """Pass pictures through.

        Raises:
            MediaError: ffmpeg fails or stands still.
        """
        head = next(pictures, None)
        if head is None:
            return
        frame, feed = head[1], _Feed()
        with tempfile.TemporaryFile() as complaints:
            process = subprocess.Popen(
                self._command(frame.width, frame.height),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                bufsize=0,
            )
            thread = threading.Thread(
                target=_feed, args=(process, feed, head, pictures), daemon=True
            )
            thread.start()
            try:
                yield from self._results(process, feed, thread, (frame.width, frame.height))
                self._judge(process, feed, complaints)
            finally:
                process.kill()
                thread.join()
                _close(process)

    def _command(self, width: int, height: int) -> list[str]:
        import imageio_ffmpeg  # noqa: PLC0415  only HDR needs the binary

        given = ["-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", f"{width}x{height}", "-r", "25"]
        return [
            imageio_ffmpeg.get_ffmpeg_exe(),
            *("-hide_banner", "-nostdin", "-loglevel", "error"),
            *("-protocol_whitelist", "file,pipe", *given, "-i", "pipe:0"),
            *("-vf", self._filters, "-f", "rawvideo", "pipe:1"),
        ]

    def _results(
        self, process: Any, feed: _Feed, thread: threading.Thread, size: tuple[int, int]
    ) -> Iterator[Numbered]:
        width, height = size
        # 4:2:0 with odd sides: chroma is rounded up.
        chroma = ((width + 1) // 2) * ((height + 1) // 2)
        while data := self._read(process.stdout, width * height + 2 * chroma):
            yield feed.numbers.popleft(), _frame(data, width, height)
        thread.join(PATIENCE_S)

    def _read(self, pipe: IO[bytes], size: int) -> bytes:
        parts, left = [], size
        while left:
            if not select.select([pipe], [], [], PATIENCE_S)[0]:
                raise MediaError(
                    f"{self._name}: tone mapping stands still; convert it to SDR first"
                )
            part = os.read(pipe.fileno(), left)
            if not part:
                return b""
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _judge(self, process: Any, feed: _Feed, complaints: IO[bytes]) -> None:
        if feed.failure is not None:
            raise feed.failure
        if process.wait(PATIENCE_S) or feed.numbers:
            complaints.seek(0)
            why = complaints.read().decode(errors="replace").strip().splitlines()[:1]
            raise MediaError(
                f"{self._name}: cannot be tone-mapped ({' '.join(why)}); convert it to SDR first"
            )


def _feed(process: Any, feed: _Feed, head: Numbered, pictures: Iterator[Numbered]) -> None:
    try:
        for number, frame in _chained(head, pictures):
            feed.numbers.append(number)
            process.stdin.write(_bytes(frame))
    except BrokenPipeError:
        pass  # the reader stopped early, or ffmpeg failed and says why itself
    except (MediaError, OSError, av.error.FFmpegError) as error:
        feed.failure = error
    finally:
        process.stdin.close()
        if isinstance(pictures, Generator):
            pictures.close()


def _chained(head: Numbered, pictures: Iterator[Numbered]) -> Iterator[Numbered]:
    yield head
    yield from pictures


def _bytes(frame: av.VideoFrame) -> bytes:
    """Read the planes without their padding, as 10-bit 4:2:0."""
    deep = frame.reformat(format="yuv420p10le")
    rows = []
    for plane in deep.planes:
        lines = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        rows.append(lines[:, : plane.width * 2].tobytes())
    return b"".join(rows)


def _frame(data: bytes, width: int, height: int) -> av.VideoFrame:
    frame, at = av.VideoFrame(width, height, "yuv420p"), 0
    for plane in frame.planes:
        size = plane.width * plane.height
        lines = np.zeros((plane.height, plane.line_size), np.uint8)
        part = np.frombuffer(data, np.uint8, size, at).reshape(plane.height, plane.width)
        lines[:, : plane.width] = part
        plane.update(lines.tobytes())
        at += size
    return frame


def _close(process: Any) -> None:
    process.wait()
    process.stdout.close()
