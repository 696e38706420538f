"""Probe: one open of one file, every packet counted, and what the counts mean."""

import logging
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lipsync.cadence import cadence_of, display_size, length_s, turn_of
from lipsync.errors import MediaError
from lipsync.facts import AudioFacts, MediaFacts, VideoFacts
from lipsync.media.claims import false_claims
from lipsync.media.look import Colour, colour_of
from lipsync.media.opening import open_media
from lipsync.media.scanning import PictureTally, Scan, scan
from lipsync.media.whole import shortfall
from lipsync.values import File

logger = logging.getLogger(__name__)

# ITU-T H.273 table 3: transfer characteristics 16 is PQ (SMPTE ST 2084), 18 is HLG (ARIB STD-B67).
HDR_TRANSFERS = {16, 18}


class Probed(NamedTuple):
    """What one open of a file tells.

    Attributes:
        facts: What it is.
        times: How many different times its pictures have; 0: none that can be used.
        colour: How its picture is tagged; None: it has none.
    """

    facts: MediaFacts
    times: int
    colour: Colour | None


def probe(file: File) -> MediaFacts:
    """Learn everything about a file from one open: headers, every packet, and the first picture.

    Lengths are what the packets say, never what the header claims; where the two differ, a warning
    names both. Pictures after the first are not decoded: see `damaged_frames` for that.

    Raises:
        MediaError: It cannot be opened (see `open_media`), or holds neither pictures nor sound.
    """
    return probed(file).facts


def probed(file: File) -> Probed:
    """Probe a file that is to be judged.

    Raises:
        MediaError: As `probe`.
    """
    with open_media(file.path) as container:
        picture, sounds, warnings = _streams(container)
        result = scan(container, picture, sounds)
        video = _video(file, picture, result)
        audio = _audio(container, sounds, result)
        lengths_s = [video.duration_s] if video else []
        lengths_s += [sound.duration_s for sound in audio]
        logger.info("%s probed: %s, %s s", file.sha256[:8], container.format.name, lengths_s)
        if not lengths_s:
            raise MediaError(
                f"{file.path}: holds neither pictures nor sound (0 packets in "
                f"{len(container.streams)} streams, {file.size_bytes} bytes); give another file"
            )
        facts = MediaFacts(
            file=file,
            container=container.format.name,
            duration_s=max(lengths_s),
            video=video,
            audio=audio,
            missing=shortfall(file.path, container.format.name),
            warnings=(*warnings, *false_claims(container, picture, result), *_mirrored(result)),
        )
        times = result.picture.different_times if result.picture else 0
        return Probed(facts, times, colour_of(picture) if picture else None)


def _streams(
    container: InputContainer,
) -> tuple[VideoStream | None, list[AudioStream], list[str]]:
    """Pick the one picture stream (never cover art) and the sound streams that can be decoded."""
    still = Disposition.attached_pic | Disposition.timed_thumbnails
    moving = [stream for stream in container.streams.video if not stream.disposition & still]
    known = [stream for stream in moving if stream.codec_context is not None]
    sounds = [
        stream
        for stream in container.streams.audio
        if stream.codec_context is not None and stream.sample_rate
    ]
    warnings = []
    if len(known) > 1:
        warnings.append(f"It has {len(known)} video streams; the first is used.")
    unknown = len(moving) - len(known) + len(container.streams.audio) - len(sounds)
    if unknown:
        warnings.append(f"{unknown} of its streams cannot be read: unknown codec, or too late.")
    return next(iter(known), None), sounds, warnings


def _video(file: File, stream: VideoStream | None, result: Scan) -> VideoFacts | None:
    """Say what the picture is; None when the stream holds nothing at all."""
    tally = result.picture
    if stream is None or tally is None or not tally.shown:
        return None
    frame = _first_frame(file, stream, tally)
    ticks = np.sort(np.frombuffer(tally.times, dtype=np.int64))
    claims = [rate for rate in (stream.guessed_rate, stream.average_rate) if rate]
    cadence = cadence_of(ticks, tally.time_base, claims)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    turn, _ = _turn(frame)
    wide, high = display_size(frame.width, frame.height, aspect, turn)
    return VideoFacts(
        codec=stream.codec.canonical_name,
        pixel_format=frame.format.name,
        bit_depth=max(part.bits for part in frame.format.components),
        hdr=bool({frame.color_trc, stream.codec_context.color_trc} & HDR_TRANSFERS),
        interlaced=frame.interlaced_frame,
        coded_width_px=frame.width,
        coded_height_px=frame.height,
        display_width_px=wide,
        display_height_px=high,
        sample_aspect=aspect,
        rotation_deg=turn,
        rate=cadence.rate,
        constant_rate=cadence.constant,
        frames=len(ticks),
        duration_s=float(length_s(ticks, tally.end or 0, tally.time_base, cadence)),
        start_s=float(tally.start_s - result.start_s),
    )


def _first_frame(file: File, stream: VideoStream, tally: PictureTally) -> VideoFrame:
    """Return the first picture that could be decoded."""
    if tally.first_frame is None:
        raise MediaError(
            f"{file.path}: not one of its {tally.shown} pictures can be decoded "
            f"({stream.codec.canonical_name}); it is damaged or encrypted, export it again"
        )
    return tally.first_frame


def _turn(frame: VideoFrame) -> tuple[int, bool]:
    """Read the display matrix that comes with a picture: its turn, and whether it mirrors."""
    found = frame.side_data.get("DISPLAYMATRIX")
    return turn_of(bytes(found) if isinstance(found, SideData) else None)


def _mirrored(result: Scan) -> list[str]:
    """Name the one wish of a display matrix that is not followed."""
    frame = result.picture.first_frame if result.picture else None
    if frame is None or not _turn(frame)[1]:
        return []
    return ["It asks to be shown mirrored, which is not done."]


def _audio(
    container: InputContainer, streams: list[AudioStream], result: Scan
) -> tuple[AudioFacts, ...]:
    """Say what each sound stream is; one without a single packet is not a sound."""
    tracks = [stream.index for stream in container.streams.audio]
    return tuple(
        AudioFacts(
            track=tracks.index(stream.index),
            codec=stream.codec.canonical_name,
            sample_rate_hz=stream.sample_rate,
            channels=stream.channels,
            duration_s=float(tally.duration_s),
            start_s=float(tally.start_s - result.start_s),
            language=stream.language if stream.language != "und" else None,
        )
        for stream, tally in zip(streams, result.sounds, strict=True)
        if tally.shown
    )
