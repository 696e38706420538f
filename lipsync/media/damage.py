"""Damage: a full decode, for when the packets look whole and the pictures may not be."""

from collections.abc import Callable
from pathlib import Path

import av
from pydantic import Field

from lipsync.media.opening import open_media, read_packets
from lipsync.media.threads import thread
from lipsync.values import Value


class Damage(Value):
    """What a full decode of the picture found."""

    decoded_frames: int = Field(ge=0, description="Pictures that came out, whole or not.")
    damaged_frames: int = Field(ge=0, description="Of those, marked as damaged by the decoder.")
    lost_packets: int = Field(ge=0, description="Packets that gave no picture at all.")

    @property
    def clean(self) -> bool:
        """Whether every picture is as it was encoded, as far as a decoder can tell."""
        return not (self.damaged_frames or self.lost_packets)


def damaged_frames(path: Path, see: Callable[[av.VideoFrame], object] | None = None) -> Damage:
    """Decode the pictures of a file and count what is broken.

    Costs a decode (about 780 frames per second at 720p), so it is asked on doubt, and of what is
    sent, once.

    Args:
        path: The file.
        see: Shown every picture on the way.

    Raises:
        MediaError: The file cannot be opened.
    """
    decoded = damaged = lost = 0
    with open_media(path) as container:
        known = [each for each in container.streams.video if each.codec_context is not None][:1]
        for stream in known:
            thread(stream)
        for packet in read_packets(container, known):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                lost += 1
                continue
            decoded += len(frames)
            damaged += sum(frame.is_corrupt for frame in frames)
            if see is not None:
                for frame in frames:
                    see(frame)
    return Damage(decoded_frames=decoded, damaged_frames=damaged, lost_packets=lost)
