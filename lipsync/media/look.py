"""The look every conformed picture has, and the libav filters that give it to another one.

Upright, square samples, an even size, progressive, 8-bit 4:2:0, limited range, BT.709. An odd size
loses its last row or column: no row is invented and nothing is resampled.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.video.stream import VideoStream

from lipsync.facts import VideoFacts
from lipsync.media.frames import Numbered

# ITU-T H.273, tables 4 and following: matrix and range, as libav numbers them.
BT709, UNSPECIFIED, BT470BG, SMPTE170M, SMPTE240M, BT2020_NCL = 1, 2, 5, 6, 7, 9
FULL_RANGE = 2
_MATRICES = {BT470BG: "bt601", SMPTE170M: "bt601", SMPTE240M: "smpte240m", BT2020_NCL: "bt2020"}
# An untagged picture is read as BT.709 from 720 lines up and as BT.601 below, as players do.
HD_LINES = 720

_UPRIGHT = {
    0: (),
    90: ("transpose=clock",),
    180: ("hflip", "vflip"),
    270: ("transpose=cclock",),
}


@dataclass(frozen=True)
class Colour:
    """How a stream says its numbers are meant."""

    matrix: int
    full_range: bool
    transfer: int = UNSPECIFIED


@dataclass(frozen=True)
class Look:
    """What comes out, and the steps that lead there."""

    width_px: int
    height_px: int
    filters: tuple[str, ...]
    tagged: bool  # BT.709 is written into the stream; an untagged copied source stays untagged.
    tone_mapped: bool = False
    margin: int = 0  # Neighbouring pictures the filters look at.


def colour_of(stream: VideoStream) -> Colour:
    """Read the colour tags of a stream."""
    context = stream.codec_context
    full = int(context.color_range) == FULL_RANGE or str(context.pix_fmt).startswith("yuvj")
    return Colour(int(context.colorspace), full, int(context.color_trc))


def can_be_copied(facts: VideoFacts, colour: Colour) -> bool:
    """Whether the packets of a video already have the look (its groups are judged elsewhere)."""
    return (
        facts.codec == "h264"
        and facts.constant_rate
        and facts.pixel_format == "yuv420p"
        and colour.matrix in {BT709, UNSPECIFIED}
        and not (colour.full_range or facts.hdr or facts.interlaced)
        and not _geometry(facts)
    )


def look_of_copied(facts: VideoFacts, colour: Colour) -> Look:
    """The look of frames encoded between copied ones: the source's own."""
    return Look(facts.display_width_px, facts.display_height_px, (), colour.matrix == BT709)


def look_of(facts: VideoFacts, colour: Colour) -> Look:
    """The look of a video that is encoded throughout."""
    width, height = _even(facts.display_width_px), _even(facts.display_height_px)
    deinterlace = ("bwdif=mode=send_frame:deint=all",) if facts.interlaced else ()
    colours = () if facts.hdr else _to_bt709(facts, colour)
    filters = (*deinterlace, *_geometry(facts), *colours)
    return Look(width, height, filters, True, facts.hdr, 1 if facts.interlaced else 0)


def _even(size_px: int) -> int:
    return max(2, size_px - size_px % 2)


def _geometry(facts: VideoFacts) -> tuple[str, ...]:
    """Make samples square and the size even as coded, then turn it upright."""
    size = (_even(facts.display_width_px), _even(facts.display_height_px))
    width, height = size[::-1] if facts.rotation_deg in {90, 270} else size
    steps: tuple[str, ...] = ()
    if facts.sample_aspect != 1:
        steps = (f"scale={width}:{height}:flags=bicubic", "setsar=1")
    elif (width, height) != (facts.coded_width_px, facts.coded_height_px):
        steps = (f"crop={width}:{height}:0:0:exact=1",)
    return (*steps, *_UPRIGHT[facts.rotation_deg % 360])


def _to_bt709(facts: VideoFacts, colour: Colour) -> tuple[str, ...]:
    """Convert matrix, range and depth where they differ."""
    matrix = _MATRICES.get(colour.matrix, "bt709")
    lines = min(facts.display_width_px, facts.display_height_px)
    if colour.matrix == UNSPECIFIED and lines < HD_LINES:
        matrix = "bt601"
    if matrix == "bt709" and not colour.full_range and facts.pixel_format == "yuv420p":
        return ()
    ranges = f"in_range={'full' if colour.full_range else 'limited'}:out_range=limited"
    return (f"scale=in_color_matrix={matrix}:out_color_matrix=bt709:{ranges}", "format=yuv420p")


class Filtered:
    """A filter chain that keeps the number of every picture."""

    def __init__(self, filters: tuple[str, ...]) -> None:
        self._filters = filters

    def __call__(self, pictures: Iterator[Numbered]) -> Iterator[Numbered]:
        """Pass pictures through the chain."""
        if not self._filters:
            yield from pictures
            return
        graph: Any = None
        for number, frame in pictures:
            graph = graph or self._graph(frame)
            frame.pts, frame.time_base = number, Fraction(1)
            graph.push(frame)
            yield from _pulled(graph)
        if graph is not None:
            graph.push(None)
            yield from _pulled(graph)

    def _graph(self, frame: av.VideoFrame) -> Any:
        graph = av.filter.Graph()
        nodes: list[Any] = [
            graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=Fraction(1),
            )
        ]
        for step in self._filters:
            name, _, options = step.partition("=")
            nodes.append(graph.add(name, options))
        graph.link_nodes(*nodes, graph.add("buffersink"))
        graph.configure()
        return graph


def _pulled(graph: Any) -> Iterator[Numbered]:
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, EOFError):
            return
        # A deinterlacer doubles the time base; the time itself is the picture's number.
        yield round(frame.pts * frame.time_base), frame
