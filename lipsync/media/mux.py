"""Muxing: one picture and its voices in one file, every packet copied as it is."""

import heapq
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from lipsync.carrying import Stretch
from lipsync.errors import MediaError
from lipsync.languages import spelled
from lipsync.media.opening import open_media
from lipsync.media.riders import Riders

# Quoted: PyAV's packets take a parameter only in its type stubs.
AnyPacket: TypeAlias = "Packet[Any]"

log = logging.getLogger(__name__)

# Everything by which a box of one file would be mistaken for a fact about the other.
TECHNICAL_TAGS = frozenset(
    {"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "handler_name"}
)
FASTSTART = {"movflags": "faststart"}


@dataclass(frozen=True)
class Track:
    """A voice that goes into an output: the first audio stream of a file.

    Attributes:
        path: The file.
        language: ISO 639-2 code; None: unknown.
        title: What players show; None: nothing.
        default: Whether it plays where nobody chooses.
        forced: Whether it must not be passed by; players take it so for a language.
    """

    path: Path
    language: str | None = None
    title: str | None = None
    default: bool = True
    forced: bool = False


@dataclass(frozen=True)
class Muxed:
    """What went into an output.

    Attributes:
        picture_packets: How many were copied.
        notes: What of the source was left out.
    """

    picture_packets: int
    notes: tuple[str, ...] = ()


def mux(  # noqa: PLR0913  each is another part of the file
    picture: Path,
    voices: Sequence[Track],
    output: Path,
    *,
    tags: dict[str, str],
    source: Path | None = None,
    stretch: Stretch | None = None,
) -> Muxed:
    """Put the picture of one file and the sound of others into a new one, packets untouched.

    All start at 0: a picture that starts late in its own file is moved to the front.

    Args:
        picture: Only its first moving picture is taken.
        voices: In order; of each only the first audio stream is taken.
        output: Its suffix names the container: .mp4, .mov or .mkv; MP4 and MOV get their index
            in front.
        tags: Container metadata.
        source: Whose subtitles, chapters and attachments ride along; None: nobody's.
        stretch: Which stretch of the source the picture shows; needed with a source.

    Raises:
        MediaError: There is no picture, or this container does not take it as it is.
    """
    with ExitStack() as stack:
        seen = stack.enter_context(open_media(picture))
        heard = [
            stack.enter_context(open_media(voice.path, first_picture=False)) for voice in voices
        ]
        riders = _riders(stack, source, stretch)
        video = _moving_picture(seen, picture)
        options = FASTSTART if output.suffix in {".mp4", ".mov"} else {}
        target = stack.enter_context(av.open(str(output), "w", options=options))
        target.metadata.update(tags)
        with _refused_codec(picture, video, output):
            video_out = _picture_out(target, video)
            sounds = [
                (one, _voice_out(target, one, voice, output.suffix))
                for one, voice in zip(heard, voices, strict=True)
            ]
            if riders is not None:
                riders.board(target, output.suffix)
                if (timecode := riders.timecode(output.suffix)) is not None:
                    video_out.metadata["timecode"] = timecode
            target.start_encoding()
        late_ticks = _late_ticks(picture) if video.codec_context.has_b_frames else 0
        copies = heapq.merge(
            _showable(_moved(seen, video, video_out, late_ticks), picture, output),
            *(_moved(one, one.streams.audio[0], out) for one, out in sounds),
            *([riders.packets()] if riders is not None else []),
            key=_decoding_time,
        )
        count = _mux(target, copies, video_out)
    lost = _untagged(voices, output)
    return Muxed(count, (*lost, *(riders.notes if riders is not None else ())))


def mux_picture_and_voice(
    picture: Path, voice: Path, output: Path, *, tags: dict[str, str], language: str | None
) -> int:
    """Put one voice on one picture.

    Returns:
        How many picture packets were copied.

    Raises:
        MediaError: As `mux`.
    """
    voices = [Track(voice, language=language)]
    return mux(picture, voices, output, tags=tags).picture_packets


def _untagged(voices: Sequence[Track], output: Path) -> tuple[str, ...]:
    """Say what of the voices a container has no place for: MOV knows a hundred languages."""
    lost = []
    if any(voice.language not in {None, "und"} for voice in voices):
        with open_media(output, first_picture=False) as written:
            found = [stream.metadata.get("language", "und") for stream in written.streams.audio]
        lost = [
            f"{output.suffix} has no code for the language {voice.language}; choose .mp4 or .mkv"
            for voice, language in zip(voices, found, strict=True)
            if voice.language not in {None, "und"} and language == "und"
        ]
    if output.suffix == ".mov" and any(voice.forced for voice in voices):
        lost.append(".mov has no forced flag; choose .mp4 or .mkv")
    return tuple(lost)


def _riders(stack: ExitStack, source: Path | None, stretch: Stretch | None) -> Riders | None:
    if source is None or stretch is None:
        return None
    # Of a Matroska film without a picture decoded, libav does not say when it starts.
    return Riders(stack.enter_context(open_media(source)), source, stretch)


def _picture_out(target: OutputContainer, video: VideoStream) -> VideoStream:
    """Add the picture's stream."""
    added = target.add_stream_from_template(video)
    # Matroska writes a frame's length from this, and one tick of the clock without it.
    rate = video.average_rate or video.guessed_rate
    if rate is not None:
        added.codec_context.framerate = rate
    added.disposition = Disposition.default
    return added


def _voice_out(
    target: OutputContainer, heard: InputContainer, voice: Track, suffix: str
) -> AudioStream:
    """Add a voice's stream with its language, title and flags."""
    added = target.add_stream_from_template(heard.streams.audio[0])
    flags = Disposition.default if voice.default else Disposition(0)
    added.disposition = flags | (Disposition.forced if voice.forced else Disposition(0))
    if voice.language:
        added.metadata["language"] = spelled(voice.language, suffix)
    if voice.title:
        added.metadata["title"] = voice.title
        added.metadata["handler_name"] = voice.title  # where MP4's players look for it
    return added


def _moving_picture(container: InputContainer, path: Path) -> VideoStream:
    """Take the first picture stream that is not cover art."""
    for stream in container.streams.video:
        if not stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails):
            return stream
    raise MediaError(f"{path}: the delivery has no picture; collect it again")


@contextmanager
def _refused_codec(picture: Path, video: VideoStream, output: Path) -> Iterator[None]:
    """Say in one sentence that a container does not take a codec.

    Raises:
        MediaError: In place of what PyAV and libav say when the output's header is made.
    """
    try:
        yield
    except (ValueError, av.error.FFmpegError) as error:
        if isinstance(error, OSError):
            raise
        raise MediaError(
            f"{picture}: its {video.codec_context.name} picture cannot be put into "
            f"{output.suffix}; choose .mov or .mkv"
        ) from error


def _moved(
    container: InputContainer, source: Stream, target: Stream, late_ticks: int = 0
) -> Iterator[tuple[AnyPacket, Stream]]:
    """Read the packets of a stream, moved so that its first shown moment is 0.

    Args:
        container: An open file.
        source: One of its streams.
        target: Where they go.
        late_ticks: By how much they are decoded earlier than the file says.
    """
    start = source.start_time or 0
    for packet in _dated(packet for packet in container.demux(source) if packet.size):
        packet.dts = None if packet.dts is None else packet.dts - start - late_ticks
        packet.pts = None if packet.pts is None else packet.pts - start
        yield packet, target


def _late_ticks(picture: Path) -> int:
    """Measure by how much pictures are decoded after they are shown, as libav reads some files.

    Where composition offsets are signed, its demuxer makes room for the negative ones before the
    first picture, but does not see those in the last two entries of the table (libavformat,
    `mov_read_ctts`): a clip with one B picture and none after it.
    """
    with open_media(picture, first_picture=False) as container:
        if "mp4" not in container.format.name:
            return 0
        late = (
            packet.dts - packet.pts
            for packet in container.demux(_moving_picture(container, picture))
            if packet.dts is not None and packet.pts is not None
        )
        return max(0, max(late, default=0))


def _dated(packets: Iterator[AnyPacket]) -> Iterator[AnyPacket]:
    """Give the first packets their decoding time, which Matroska does not keep, back from the next.

    Without it they would be late in the order, or lost: the pictures that all others refer to.
    """
    waiting: list[AnyPacket] = []
    for packet in packets:
        if packet.dts is None:
            waiting.append(packet)
            continue
        for place, earlier in enumerate(reversed(waiting), start=1):
            earlier.dts = packet.dts - place * (earlier.duration or packet.duration or 1)
        yield from waiting
        waiting = []
        yield packet
    yield from waiting


def _showable(
    copies: Iterator[tuple[AnyPacket, Stream]], picture: Path, output: Path
) -> Iterator[tuple[AnyPacket, Stream]]:
    """Let packets through, unless one is hidden by an edit list and the output has none.

    Raises:
        MediaError: Hidden pictures would be shown, and move all others.
    """
    for packet, stream in copies:
        if packet.is_discard and output.suffix == ".mkv":
            raise MediaError(
                f"{picture}: an edit list hides its first pictures, which Matroska would show; "
                "choose .mp4"
            )
        yield packet, stream


def _decoding_time(item: tuple[AnyPacket, Stream]) -> float:
    """Order packets of two streams by when they are needed."""
    packet, _ = item
    return float((packet.dts or 0) * packet.time_base)


def _mux(
    target: OutputContainer, copies: Iterable[tuple[AnyPacket, Stream]], counted: Stream
) -> int:
    """Write the packets; count those of one stream."""
    count = 0
    for packet, stream in copies:
        packet.stream = stream
        target.mux_one(packet)
        count += stream is counted
    return count


def kept_tags(source: dict[str, str]) -> dict[str, str]:
    """Keep what a source says about the work, not about the file it came in."""
    return {name: text for name, text in source.items() if name.lower() not in TECHNICAL_TAGS}


def read_tags(path: Path) -> dict[str, str]:
    """Read the container metadata of a file.

    Raises:
        MediaError: It cannot be read.
    """
    with open_media(path, first_picture=False, packets=False) as container:
        return dict(container.metadata)
