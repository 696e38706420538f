"""What a media file is: the facts every later decision is made from."""

from fractions import Fraction

from pydantic import Field

from lipsync.errors import MediaError
from lipsync.values import File, Value


class VideoFacts(Value):
    """The one picture stream of a file (cover art is not a picture stream)."""

    codec: str = Field(description="Codec name as libav has it, e.g. 'h264', 'hevc', 'prores'.")
    pixel_format: str
    bit_depth: int
    hdr: bool = Field(description="PQ or HLG transfer: must be tone-mapped before sending.")
    interlaced: bool
    coded_width_px: int
    coded_height_px: int
    display_width_px: int = Field(description="After sample aspect and rotation.")
    display_height_px: int
    sample_aspect: Fraction = Field(description="Width over height of one sample; 1 is square.")
    rotation_deg: int = Field(description="Clockwise turn that shows it upright: 0, 90, 180, 270.")
    rate: Fraction = Field(
        description="Frames per second; exact when constant_rate, else the rate to conform to."
    )
    constant_rate: bool
    frames: int = Field(ge=0, description="Frames shown (coded and not discarded by an edit list).")
    duration_s: float = Field(ge=0, description="First shown frame to the end of the last.")
    start_s: float = Field(description="Start of the stream after the start of the container.")


class AudioFacts(Value):
    """One audio stream of a file."""

    track: int = Field(ge=0, description="Position among the audio streams, from 0.")
    codec: str
    sample_rate_hz: int
    channels: int
    duration_s: float = Field(ge=0)
    start_s: float = Field(description="Start of the stream after the start of the container.")
    language: str | None = None


class MediaFacts(Value):
    """Everything that was learnt from one open of one file."""

    file: File
    container: str = Field(
        description="Container name as libav has it, e.g. 'mov,mp4,m4a,3gp,3g2,mj2'."
    )
    duration_s: float = Field(ge=0, description="Longest stream, in seconds.")
    video: VideoFacts | None
    audio: tuple[AudioFacts, ...]
    missing: str | None = Field(
        default=None, description="What it announces and does not hold; None: it is whole."
    )
    warnings: tuple[str, ...] = Field(
        default=(), description="Oddities that were worked around, one sentence each."
    )


class FaceFacts(Value):
    """What a look at sampled frames says about the faces in a video."""

    sampled_frames: int = Field(ge=1)
    frames_with_face: int = Field(ge=0)
    most_faces: int = Field(ge=0, description="Most faces seen in one sampled frame.")
    face_height_px: int = Field(
        ge=0, description="Median height of the largest face, display pixels; 0 if none."
    )


def picture_of(facts: MediaFacts) -> VideoFacts:
    """Return the picture of a file that is given as the video.

    Raises:
        MediaError: It holds none.
    """
    if facts.video is None:
        raise MediaError(
            f"{facts.file.path}: holds no pictures, only sound ({facts.duration_s:.2f} s of "
            f"{facts.audio[0].codec}); give a video file"
        )
    return facts.video


def voice_of(facts: MediaFacts, track: int = 0) -> AudioFacts:
    """Return one sound track of a file that is given as the voice.

    Args:
        facts: What `probe` said.
        track: Position among the audio streams, from 0.

    Raises:
        MediaError: It holds no sound, or no such track.
    """
    if not facts.audio:
        raise MediaError(
            f"{facts.file.path}: holds no sound, only pictures ({facts.duration_s:.2f} s); "
            "give an audio file, or a video with sound"
        )
    found = next((audio for audio in facts.audio if audio.track == track), None)
    if found is None:
        known = ", ".join(str(audio.track) for audio in facts.audio)
        raise MediaError(f"{facts.file.path}: has no audio track {track}; choose from {known}")
    return found
