"""Muxing: our voice encoded once, the picture's packets copied as they are, one file."""

import heapq
import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import av
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from lipsync.errors import MediaError
from lipsync.media.opening import open_media
from lipsync.media.pcm import Samples, audio_frame, looked_at
from lipsync.voice import VOICE_RATE_HZ

# Quoted: PyAV's packets take a parameter only in its type stubs.
AnyPacket: TypeAlias = "Packet[Any]"

log = logging.getLogger(__name__)

# Transparent for speech, mono and stereo; what broadcasters and video platforms ask of AAC-LC
# in a delivery is 128 to 384 kbit/s.
AAC_BIT_RATE = 192_000
# Everything by which a box of one file would be mistaken for a fact about the other.
TECHNICAL_TAGS = frozenset(
    {"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "handler_name"}
)
FASTSTART = {"movflags": "faststart"}


def encode_aac(blocks: Iterable[Samples], path: Path) -> None:
    """Encode samples at 48 kHz to AAC-LC; the encoder's priming is marked to be skipped.

    Args:
        blocks: Shape (n, 1 or 2), any lengths.
        path: Where to write: .m4a, or .mka where the output is Matroska. Each family has its own
            mark for the priming (edit list, codec delay), and neither is turned into the other.
    """
    channels, blocks = looked_at(blocks)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=VOICE_RATE_HZ)
        stream.bit_rate = AAC_BIT_RATE
        stream.layout = "mono" if channels == 1 else "stereo"
        stream.codec_context.open()
        for packet in _encoded(stream, blocks):
            output.mux(packet)


def _encoded(stream: AudioStream, blocks: Iterable[Samples]) -> Iterator[AnyPacket]:
    """Cut the samples into the encoder's frames and encode them."""
    cutter = AudioResampler(
        stream.format, stream.layout, VOICE_RATE_HZ, stream.codec_context.frame_size
    )
    position = 0
    for block in blocks:
        for frame in cutter.resample(audio_frame(block, VOICE_RATE_HZ, position)):
            yield from stream.encode(frame)
        position += len(block)
    for frame in cutter.resample(None):
        yield from stream.encode(frame)
    yield from stream.encode(None)


def mux_picture_and_voice(
    picture: Path, voice: Path, output: Path, *, tags: dict[str, str], language: str | None
) -> int:
    """Put the picture of one file and the sound of another into a third, packets untouched.

    Both start at 0: a picture that starts late in its own file is moved to the front.

    Args:
        picture: Only its first moving picture is taken.
        voice: Only its first audio stream is taken.
        output: Its suffix names the container: .mp4, .mov or .mkv; MP4 and MOV get their index
            in front.
        tags: Container metadata.
        language: ISO 639-2 code of the voice, for the stream.

    Returns:
        How many picture packets were copied.

    Raises:
        MediaError: There is no picture, or this container does not take it as it is.
    """
    with ExitStack() as stack:
        seen = stack.enter_context(open_media(picture))
        heard = stack.enter_context(open_media(voice))
        video = _moving_picture(seen, picture)
        options = FASTSTART if output.suffix in {".mp4", ".mov"} else {}
        target = stack.enter_context(av.open(str(output), "w", options=options))
        target.metadata.update(tags)
        with _refused_codec(picture, video, output):
            video_out = target.add_stream_from_template(video)
            audio_out = target.add_stream_from_template(heard.streams.audio[0])
            # Matroska writes a frame's length from this, and one tick of the clock without it.
            rate = video.average_rate or video.guessed_rate
            if rate is not None:
                video_out.codec_context.framerate = rate
            _describe(video_out, audio_out, language)
            target.start_encoding()
        copies = heapq.merge(
            _showable(_moved(seen, video, video_out), picture, output),
            _moved(heard, heard.streams.audio[0], audio_out),
            key=_decoding_time,
        )
        return _mux(target, copies, video_out)


def _moving_picture(container: InputContainer, path: Path) -> VideoStream:
    """Take the first picture stream that is not cover art."""
    for stream in container.streams.video:
        if not stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails):
            return stream
    raise MediaError(f"{path}: the delivery has no picture; collect it again")


def _describe(video: VideoStream, audio: AudioStream, language: str | None) -> None:
    """Mark both streams as the ones to play, and name the voice's language."""
    video.disposition = audio.disposition = Disposition.default
    if language:
        audio.metadata["language"] = language


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
    container: InputContainer, source: Stream, target: Stream
) -> Iterator[tuple[AnyPacket, Stream]]:
    """Read the packets of a stream, moved so that its first shown moment is 0."""
    start = source.start_time or 0
    for packet in container.demux(source):
        if packet.dts is None:
            continue
        packet.dts -= start
        packet.pts = None if packet.pts is None else packet.pts - start
        yield packet, target


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
    with open_media(path) as container:
        return dict(container.metadata)
