"""Scratch sound: decoded once to float samples on disk, read as often as a stage needs."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lipsync.media.edges import Span
from lipsync.media.pcm import BLOCK_S, Samples
from lipsync.voice import VOICE_RATE_HZ

BLOCK = BLOCK_S * VOICE_RATE_HZ


class ScratchPcm:
    """Interleaved float32 samples at 48 kHz in a file, without a header."""

    def __init__(self, path: Path, channels: int) -> None:
        """Name the file; it need not exist yet."""
        self.path = path
        self.channels = channels
        self._frame_bytes = channels * np.dtype(np.float32).itemsize

    def append(self, blocks: Iterator[Samples]) -> Iterator[Samples]:
        """Write blocks as they pass through.

        Raises:
            OSError: The disk is full; the errno says so.
        """
        with self.path.open("ab") as stream:
            for block in blocks:
                stream.write(np.ascontiguousarray(block).data)
                yield block

    def read(self, span: Span) -> Iterator[Samples]:
        """Read a stretch in blocks of a second."""
        with self.path.open("rb") as stream:
            stream.seek(span.start * self._frame_bytes)
            for start in range(span.start, span.end, BLOCK):
                count = min(BLOCK, span.end - start) * self.channels
                yield np.fromfile(stream, np.float32, count).reshape(-1, self.channels)

    def replace(self, start: int, samples: Samples) -> None:
        """Write over the samples from `start`."""
        with self.path.open("r+b") as stream:
            stream.seek(start * self._frame_bytes)
            stream.write(np.ascontiguousarray(samples).data)
