"""Finish: our voice on the delivered picture; the picture is copied, the voice encoded once."""

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal

from pydantic import Field

from lipsync.media.limiter import limit
from lipsync.media.meter import measure
from lipsync.media.mux import encode_aac, kept_tags, mux_picture_and_voice, read_tags
from lipsync.media.pcm import Samples
from lipsync.media.sound import AudioReader
from lipsync.store import Store
from lipsync.values import File, Value
from lipsync.voice import Loudness, LoudnessTarget

log = logging.getLogger(__name__)

# Encoding moves peaks, on speech at 192 kbit/s by up to 1 dB; each round encodes once more.
ROUNDS = 3
# So that the next round does not miss by a hair.
EXTRA_DB = 0.05

Suffix = Literal[".mp4", ".mov", ".mkv"]


class FinishRequest(Value):
    """What the finish stage is given."""

    picture: File = Field(description="The delivery; only its picture is used.")
    voice: File = Field(description="The fitted voice, 48 kHz WAV; its length is the output's.")
    frames: int = Field(gt=0, description="Predicted length.")
    rate: Fraction
    target: LoudnessTarget = LoudnessTarget()
    source: File | None = Field(default=None, description="The original video, for its tags.")
    title: str | None = None
    language: str | None = Field(
        default=None, pattern=r"^[a-z]{3}$", description="Of the voice, ISO 639-2, e.g. 'deu'."
    )
    suffix: Suffix = ".mp4"
    preview: bool = Field(default=False, description="Rendered by the embedded engine.")
    model: str | None = Field(default=None, description="Who made the lips; goes into the comment.")


class Finished(Value):
    """The output: what the user gets."""

    file: File
    loudness: Loudness = Field(description="Of the encoded voice, as decoded again.")
    audio_codec: str
    picture_packets: int = Field(description="Copied untouched.")
    notes: tuple[str, ...] = ()


def finish(request: FinishRequest, store: Store) -> Finished:
    """Mux the voice over the picture.

    The encoded voice is measured; where its true peak overshoots, the voice is limited a little
    lower and encoded again.

    Raises:
        MediaError: A file cannot be read, or the container does not take the picture's codec.
        StorageError: There is no room.
    """
    sound = ".mka" if request.suffix == ".mkv" else ".m4a"
    with store.scratch(sound) as encoded, store.scratch(request.suffix) as output:
        loudness, notes = _encode_below(request.voice.path, request.target, encoded)
        packets = mux_picture_and_voice(
            request.picture.path,
            encoded,
            output,
            tags=tags(request),
            language=request.language,
        )
        finished = Finished(
            file=store.keep(output, request.suffix),
            loudness=loudness,
            audio_codec="aac",
            picture_packets=packets,
            notes=notes,
        )
    measured = f"{loudness.integrated_lufs:.1f} LUFS, {loudness.true_peak_dbtp:.1f} dBTP"
    log.info("%s finished: %d packets copied, %s", finished.file.sha256[:8], packets, measured)
    return finished


def tags(request: FinishRequest) -> dict[str, str]:
    """Choose the output's tags: the source's own, the title if there is a new one, and a comment.

    The comment says that the lips are not as they were filmed.
    """
    kept = kept_tags(read_tags(request.source.path)) if request.source else {}
    by = request.model or ("the embedded engine" if request.preview else "a lip-sync model")
    kind = "Preview: lips drawn" if request.preview else "Lips re-generated"
    ours = {"comment": f"{kind} to match a dubbed voice by {by}, through Dubline."}
    if request.title:
        ours["title"] = request.title
    return {**kept, **ours}


def _encode_below(
    voice: Path, target: LoudnessTarget, encoded: Path
) -> tuple[Loudness, tuple[str, ...]]:
    """Encode until the true peak keeps its limit, as decoded again."""
    ceiling_dbtp: float | None = None
    for _ in range(ROUNDS):
        encode_aac(_below(AudioReader(voice).blocks(), ceiling_dbtp), encoded)
        loudness = measure(encoded)
        over_db = loudness.true_peak_dbtp - target.true_peak_dbtp
        if over_db <= 0:
            break
        start_dbtp = target.true_peak_dbtp if ceiling_dbtp is None else ceiling_dbtp
        ceiling_dbtp = start_dbtp - over_db - EXTRA_DB
    return loudness, _notes(loudness, target, ceiling_dbtp)


def _below(blocks: Iterator[Samples], ceiling_dbtp: float | None) -> Iterator[Samples]:
    """Limit samples to a ceiling, if there is one."""
    if ceiling_dbtp is None:
        return blocks
    return (samples for samples, _ in limit(blocks, 1.0, 10 ** (ceiling_dbtp / 20)))


def _notes(
    loudness: Loudness, target: LoudnessTarget, ceiling_dbtp: float | None
) -> tuple[str, ...]:
    """Say what the encoder made necessary."""
    if ceiling_dbtp is None:
        return ()
    if loudness.true_peak_dbtp > target.true_peak_dbtp:
        note = (
            f"the encoded voice peaks at {loudness.true_peak_dbtp:.2f} dBTP, over its limit of "
            f"{target.true_peak_dbtp:.1f}, after {ROUNDS} rounds"
        )
        return (note,)
    return (f"peaks limited to {ceiling_dbtp:.2f} dBTP so that AAC keeps its limit",)
