"""Rewrapping: the same picture as MP4, the same sound as WAV."""

from pathlib import Path

import av
from av.video.stream import VideoStream

from lipsync.errors import MediaError
from lipsync.media.opening import open_media
from lipsync.media.pcm import looked_at, to_pcm16, wav_writer
from lipsync.media.sound import AudioReader


def to_mp4(source: Path, target: Path) -> None:
    """Copy the picture of a file into an MP4, packets untouched, without its sound.

    Raises:
        MediaError: There is no picture, or MP4 does not take it as it is.
    """
    with open_media(source) as container:
        if not container.streams.video:
            raise MediaError(f"{source}: has no picture; give a video file")
        picture = container.streams.video[0]
        try:
            _copy(container, picture, target)
        except (ValueError, av.error.FFmpegError) as error:
            if isinstance(error, OSError):
                raise
            raise MediaError(
                f"{source}: its {picture.codec_context.name} picture cannot be put into an MP4, "
                "which is all this vendor reads; export it as H.264"
            ) from error


def to_wav(source: Path, target: Path) -> None:
    """Decode the first sound track of a file to 48 kHz 16-bit WAV.

    Raises:
        MediaError: There is no sound that can be decoded.
    """
    channels, blocks = looked_at(AudioReader(source).blocks())
    with wav_writer(target, channels) as output:
        for block in blocks:
            output.writeframes(to_pcm16(block).tobytes())


def _copy(container: av.container.InputContainer, picture: VideoStream, target: Path) -> None:
    with av.open(str(target), "w", options={"movflags": "faststart"}) as output:
        copy = output.add_stream_from_template(picture)
        for packet in container.demux(picture):
            if packet.dts is not None:
                packet.stream = copy
                output.mux(packet)
