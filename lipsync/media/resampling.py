"""Resampling: sound from one rate, format and layout to another, and into frames of one size.

PyAV's own `AudioResampler` gives every filter graph a pool of threads, which audio filters do not
use: starting and ending them takes as long as a second of sound, a dozen times a dub.
"""

import errno
from collections.abc import Iterator

from av.audio.frame import AudioFrame
from av.error import FFmpegError
from av.filter import Graph
from av.filter.context import FilterContext


class Resampler:
    """Frames that all look alike in, frames of another look out."""

    def __init__(self, format_: str, layout: str, rate_hz: int, frame_size: int = 0) -> None:
        """Say what comes out.

        Args:
            format_: libav's name of a sample format, e.g. "fltp".
            layout: "mono" or "stereo".
            rate_hz: Samples per second.
            frame_size: Samples per frame; 0: as it comes.
        """
        self._wanted = f"sample_rates={rate_hz}:sample_fmts={format_}:channel_layouts={layout}"
        self._frame_size = frame_size
        self._graph: Graph | None = None
        self._sink: FilterContext | None = None

    def resample(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        """Take a frame, and let out what is ready."""
        graph = self._graph or self._made(frame)
        graph.push(frame)
        return self._ready()

    def rest(self) -> Iterator[AudioFrame]:
        """Let out what is still held; nothing can be taken afterwards."""
        if self._graph is None:
            return iter(())
        self._graph.push(None)
        return self._ready()

    def _made(self, frame: AudioFrame) -> Graph:
        """Build the graph for frames that look like this one."""
        graph = self._graph = Graph()
        graph.threads = 1
        source = graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format,
            layout=frame.layout.name,
            time_base=frame.time_base,
        )
        self._sink = graph.add("abuffersink")
        graph.link_nodes(source, graph.add("aformat", self._wanted), self._sink).configure()
        if self._frame_size:
            graph.set_audio_frame_size(self._frame_size)
        return graph

    def _ready(self) -> Iterator[AudioFrame]:
        assert self._sink is not None
        while True:
            try:
                frame = self._sink.pull()
            except EOFError:
                return
            except FFmpegError as error:
                if error.errno != errno.EAGAIN:
                    raise
                return
            assert isinstance(frame, AudioFrame)
            yield frame
