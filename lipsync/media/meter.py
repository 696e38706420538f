"""The loudness meter: ITU-R BS.1770 by libav's own ebur128, in bounded memory."""

import math
from array import array
from pathlib import Path

import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph

from lipsync.media.pcm import Pcm16, Samples, audio_frame
from lipsync.media.sound import AudioReader
from lipsync.voice import VOICE_RATE_HZ, Loudness

# BS.1770-4: the absolute gate. Nothing below it counts, and no reading goes below it.
FLOOR_LUFS = -70.0
# BS.1770-4: one gating block; anything shorter has no integrated loudness.
SHORTEST_S = 0.4
# ebur128 takes its readings every 100 ms.
STEP = VOICE_RATE_HZ // 10


class Meter:
    """Integrated loudness, loudness range and true peak of 48 kHz samples as they go by.

    The true peak is read to three decimals of full scale: exact to 0.01 dB near the limits that
    matter here, to 0.5 dB at -40 dBTP.

    Attributes:
        momentary_lufs: Loudness of the 400 ms that end with each step of 100 ms (4 bytes each).
    """

    def __init__(self) -> None:
        """Start at the floor."""
        self.momentary_lufs = array("f")
        self._graph: Graph | None = None
        self._silence: Samples | Pcm16 = np.zeros((0, 1), np.float32)
        self._fed = 0
        self._tags: dict[str, str] = {}
        self._true_peak = 0.0

    def feed(self, samples: Samples | Pcm16) -> None:
        """Hear more samples, shape (n, channels)."""
        if self._graph is None:
            self._graph = _graph(samples.shape[1], samples.dtype == np.int16)
            self._silence = np.zeros((2 * STEP, samples.shape[1]), samples.dtype)
        self._push(self._graph, samples)
        self._fed += len(samples)
        self._pull(self._graph, self._fed)

    def read(self) -> Loudness:
        """Say how loud everything fed was; the meter is used up."""
        if self._graph is not None:
            self._close(self._graph)
        return Loudness(
            integrated_lufs=max(FLOOR_LUFS, float(self._tags.get("lavfi.r128.I", FLOOR_LUFS))),
            true_peak_dbtp=decibels(self._true_peak),
            range_lu=float(self._tags.get("lavfi.r128.LRA", 0)),
        )

    def _close(self, graph: Graph) -> None:
        """Push the last, unfinished step through with silence, for its true peak only.

        ebur128 tags no frame that it was not given whole, and BS.1770 counts no such block.
        """
        self._push(graph, self._silence[: -self._fed % STEP + STEP])
        self._pull(graph, self._fed)
        self._graph = None

    def _push(self, graph: Graph, samples: Samples | Pcm16) -> None:
        """Give samples to the filter."""
        graph.push(audio_frame(samples, VOICE_RATE_HZ, self._fed))

    def _pull(self, graph: Graph, counted: int) -> None:
        """Take the readings that are ready; loudness only from steps that end by `counted`."""
        while True:
            try:
                frame = graph.pull()
            except (BlockingIOError, EOFError):
                return
            tags = frame.metadata
            peak = tags.get("lavfi.r128.true_peak")
            self._true_peak = max(self._true_peak, float(peak) if peak else 0.0)
            if tags and isinstance(frame, AudioFrame) and _end(frame) <= counted:
                self._tags = tags
                self.momentary_lufs.append(float(tags.get("lavfi.r128.M", FLOOR_LUFS)))


def _end(frame: AudioFrame) -> int:
    """Say which sample follows a frame."""
    return (frame.pts or 0) + frame.samples


def _graph(channels: int, sixteen_bit: bool) -> Graph:
    """Build the filter graph: samples in, readings in the metadata of what comes out."""
    graph = Graph()
    graph.threads = 1
    source = graph.add_abuffer(
        sample_rate=VOICE_RATE_HZ,
        format="s16" if sixteen_bit else "flt",
        layout="mono" if channels == 1 else "stereo",
    )
    graph.link_nodes(
        source, graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")
    ).configure()
    return graph


def decibels(linear: float) -> float:
    """Express an amplitude in dB of full scale, no lower than the meter's floor."""
    return max(FLOOR_LUFS, 20 * math.log10(linear)) if linear > 0 else FLOOR_LUFS


def measure(path: Path, track: int = 0) -> Loudness:
    """Measure any audio stream of any file; more than two channels as their stereo downmix.

    Args:
        path: The file.
        track: Which audio stream, from 0.

    Raises:
        MediaError: The file cannot be read, or has no such audio stream.

    Source:
        ITU-R BS.1770-4 and EBU Tech 3342, as ffmpeg's ebur128 implements them.
    """
    meter = Meter()
    for block in AudioReader(path, track).blocks():
        meter.feed(block)
    return meter.read()
