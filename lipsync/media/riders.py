"""Riders: subtitles, cover art, attachments and chapters of a source, copied into an output."""

import logging
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from lipsync.carrying import Stretch
from lipsync.languages import spelled

if TYPE_CHECKING:  # known to type checkers only
    from av.container.core import Chapter

AnyPacket: TypeAlias = "Packet[Any]"
log = logging.getLogger(__name__)

_STILL = Disposition.attached_pic | Disposition.timed_thumbnails
# RFC 9559 §21.1: cover art is an attachment called cover.jpg or cover.png.
_COVERS = {"mjpeg": "jpg", "png": "png"}
# What PyAV and libav say when a container does not take a stream.
_REFUSED = (ValueError, TypeError)


class Riders:
    """What of a source rides along into one output.

    Attributes:
        notes: What was left out, one sentence each.
    """

    def __init__(self, source: InputContainer, path: Path, stretch: Stretch) -> None:
        """Take them from an open source."""
        self._source, self._path, self._stretch = source, path, stretch
        self._streams: dict[int, Stream] = {}
        self.notes: list[str] = []

    def board(self, output: OutputContainer, suffix: str) -> None:
        """Add their streams and chapters to an output, behind its picture and voices."""
        for stream in self._source.streams:
            if stream.type == "subtitle":
                self._add(output, stream, suffix, f"subtitles ({_codec(stream)})")
            elif isinstance(stream, VideoStream) and stream.disposition & _STILL:
                self._cover(output, stream, suffix)
            elif stream.type == "attachment":
                self._attach(output, stream, suffix)
        chapters = carried_chapters(self._source.chapters(), self._stretch)
        if chapters:
            output.set_chapters(chapters)
        lost = len(self._source.chapters()) - len(chapters)
        if lost:
            self.notes.append(f"{lost} chapters of the source lie outside the dub")

    def timecode(self, suffix: str) -> str | None:
        """Read the timecode of the first picture, where the output still begins with that."""
        streams = self._source.streams
        found = [one.metadata["timecode"] for one in streams if "timecode" in one.metadata]
        if not found or suffix == ".mkv":
            return None
        if self._stretch.start_s > 0:
            self.notes.append(f"the source's timecode {found[0]} is not that of the dub's start")
            return None
        return found[0]

    def packets(self) -> Iterator[tuple[AnyPacket, Stream]]:
        """Copy their packets, moved to when they are due."""
        if not self._streams:
            return
        wanted = [self._source.streams[index] for index in self._streams]
        origin_s = float((self._source.start_time or 0) / 1_000_000)
        for packet in self._source.demux(*wanted):
            if packet.size and self._moved(packet, origin_s):
                yield packet, self._streams[packet.stream_index]

    def _moved(self, packet: AnyPacket, origin_s: float) -> bool:
        """Put a packet where it is due; say whether it is due at all."""
        base, ticks = packet.time_base or Fraction(1, 1000), packet.pts or 0
        if packet.stream.disposition & _STILL:
            packet.pts = packet.dts = 0
            return True
        start_s = float(ticks * base) - origin_s
        due = self._stretch.due(start_s, start_s + float((packet.duration or 0) * base))
        if due is None:
            return False
        packet.pts = packet.dts = round(due[0] / base)
        packet.duration = round((due[1] - due[0]) / base)
        return True

    def _add(self, output: OutputContainer, stream: Stream, suffix: str, what: str) -> None:
        try:
            added = output.add_stream_from_template(stream)
        except _REFUSED:
            other = ".mkv" if suffix != ".mkv" else ".mp4 or .mov"
            self.notes.append(
                f"{what} of the source were left out: {suffix} cannot carry them; {other} may"
            )
            return
        added.disposition = stream.disposition
        for name in ("language", "title", "name"):
            if name in stream.metadata:
                text = stream.metadata[name]
                text = spelled(text, suffix) if name == "language" else text
                added.metadata["title" if name == "name" else name] = text
        self._streams[stream.index] = added

    def _cover(self, output: OutputContainer, stream: VideoStream, suffix: str) -> None:
        """Take a cover: a stream in MP4, an attachment of a known name in Matroska."""
        kind = _COVERS.get(_codec(stream))
        if suffix == ".mp4" and kind:
            self._add(output, stream, suffix, "cover art")
            return
        packet = next((one for one in self._source.demux(stream) if one.size), None)
        self._source.seek(0)
        if suffix == ".mov" or kind is None or packet is None:
            self.notes.append(f"cover art ({_codec(stream)}) was left out: .mp4 may carry it")
            return
        mime = "image/jpeg" if kind == "jpg" else "image/png"
        output.add_attachment(f"cover.{kind}", mime, bytes(packet))

    def _attach(self, output: OutputContainer, stream: Any, suffix: str) -> None:
        name = Path(stream.metadata.get("filename", "attachment")).name
        if suffix != ".mkv":
            self.notes.append(f"the attachment {name} was left out: only .mkv can carry it")
            return
        kind = stream.metadata.get("mimetype", "application/octet-stream")
        output.add_attachment(name, kind, bytes(stream.data))


def _codec(stream: Stream) -> str:
    context = stream.codec_context
    return "unknown" if context is None else context.name


def carried_chapters(chapters: "Iterable[Chapter]", stretch: Stretch) -> "list[Chapter]":
    """Move chapters to where they are due; what lies outside is left out.

    Args:
        chapters: As PyAV gives them: id, start, end, time_base, metadata.
        stretch: What the output shows.
    """
    found: list[Chapter] = []
    for chapter in chapters:
        base = chapter["time_base"] or Fraction(1, 1000)
        due = stretch.due(float(chapter["start"] * base), float(chapter["end"] * base))
        if due is not None:
            start, end = (round(at_s / base) for at_s in due)
            moved: Chapter = {**chapter, "id": len(found), "start": start, "end": end}
            found.append(moved)
    return found
