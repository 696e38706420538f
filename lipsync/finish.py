"""Finish: our voice on the delivered picture; the picture is copied, the voice encoded once."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from functools import lru_cache
from typing import NamedTuple

from pydantic import Field

from lipsync.disclosure import Notice, SourceType, notice_of
from lipsync.marking import mark, read_mark, tags_of
from lipsync.media.dialogue import Mask, levels_of, measure_gated, speech_steps
from lipsync.media.limiter import limit
from lipsync.media.meter import FLOOR_LUFS
from lipsync.media.mixing import Mix
from lipsync.media.mux import Track, kept_tags, mux, read_tags
from lipsync.media.pcm import Samples
from lipsync.media.sound import AudioReader
from lipsync.media.soundtrack import encode, scratch_suffix
from lipsync.remarks import remarks
from lipsync.requests import Finished, FinishRequest, SoundRequest, Soundtrack
from lipsync.store import Store
from lipsync.values import File, Value
from lipsync.voice import (
    TOLERANCE_LU,
    Gate,
    Loudness,
    LoudnessTarget,
    by_dialogue,
)

log = logging.getLogger(__name__)

# Encoding moves peaks, of noise at 192 kbit/s by up to 1 dB; each round encodes once more.
ROUNDS = 4
# Speech at 192 kbit/s gains up to 0.06 dB (measured on five voices): with this much room one
# encoding is enough.
ROOM_DB = 0.1
# So that the next round does not miss by a hair.
EXTRA_DB = 0.05
# Retiming takes up to 0.4 LU from a voice, and a bed adds up to 3 (both measured); more than this
# is not ours to mend here.
GAIN_MAX_DB = 4.0


class Setting(Value):
    """What a voice is put through before it is encoded: one gain and a true-peak limiter."""

    gain_db: float = 0.0
    ceiling_dbtp: float | None = Field(default=None, description="None: not limited.")


def finish(request: FinishRequest, store: Store, soundtrack: Soundtrack | None = None) -> Finished:
    """Mux the voice over the picture.

    Args:
        request: What the output is made of.
        store: Where it goes.
        soundtrack: Of this very request, if it is there already; None: it is encoded now.

    Raises:
        MediaError: A file cannot be read, or the container does not take the picture's codec.
        StorageError: There is no room.
    """
    notice = notice_for(request)
    heard = soundtrack or encoded(request.soundtrack, store)
    with store.scratch(request.suffix) as muxed, store.scratch(request.suffix) as output:
        done = mux(
            request.picture.path,
            [Track(heard.file.path, language=request.language)],
            muxed,
            tags=tags(request, notice),
            source=request.source.path if request.source else None,
            stretch=request.stretch,
        )
        mark(muxed, output, notice)
        finished = Finished(
            file=store.keep(output, request.suffix),
            loudness=heard.loudness,
            audio_codec=request.sound.codec,
            picture_packets=done.picture_packets,
            notes=(*heard.notes, *done.notes),
            bed=heard.bed,
            notice=notice,
        )
    log.info("%s finished: %s", finished.file.sha256[:8], _summary(finished, heard.target))
    return finished


def _summary(finished: Finished, target: LoudnessTarget) -> str:
    """Say in a line what was done."""
    loudness = finished.loudness
    return (
        f"{finished.picture_packets} packets copied, {loudness.by(target.gate):.1f} LUFS "
        f"({target.gate}-gated), {loudness.true_peak_dbtp:.1f} dBTP"
    )


class _Said(NamedTuple):
    """What a source says of itself: its tags, and whether it was generated."""

    tags: dict[str, str]
    mark: SourceType | None


# Ours: of one video many dubs are made, one after the other.
@lru_cache(maxsize=16)
def _said_by(source: File) -> _Said:
    return _Said(read_tags(source.path), read_mark(source.path))


def notice_for(request: FinishRequest) -> Notice:
    """Say what the output is; a source that says it was generated is believed."""
    source = _said_by(request.source).mark if request.source else None
    return notice_of(preview=request.preview, model=request.model, source=source)


def tags(request: FinishRequest, notice: Notice) -> dict[str, str]:
    """Choose the output's tags: the source's own, the title if there is a new one, and the notice.

    It says that the lips are not as they were filmed.
    """
    kept = kept_tags(_said_by(request.source).tags) if request.source else {}
    title = {"title": request.title} if request.title else {}
    return {**kept, **title, **tags_of(notice, request.suffix)}


def encoded(request: SoundRequest, store: Store) -> Soundtrack:
    """Encode a voice until true peak and level are right, as decoded again.

    What is encoded is measured; where its true peak overshoots, or where retiming, limiting and a
    bed have moved its level, it is set a little differently and encoded again.

    Raises:
        MediaError: A file cannot be read.
        StorageError: There is no room.
    """
    speech = _speech(request)
    suffix = scratch_suffix(request.suffix, request.sound)
    with ExitStack() as stack:
        trial = stack.enter_context(store.scratch(suffix))
        mix = None
        if request.bed is not None:
            scratch = stack.enter_context(store.scratch(".f32"))
            mix = Mix(request.voice.path, request.bed, scratch)
        setting: Setting | None = first_setting(request)
        for _ in range(ROUNDS):
            if setting is None:
                break
            used = setting
            blocks = mix.blocks() if mix else AudioReader(request.voice.path).blocks()
            encode(_set(blocks, used), trial, request.sound)
            loudness = measure_gated(trial, speech)
            target, level_lufs = aimed_at(request, loudness)
            setting = next_setting(
                used, loudness, target.true_peak_dbtp, level_lufs, gate=target.gate
            )
        bed = mix.measured(used.gain_db) if mix else None
        return Soundtrack(
            file=store.keep(trial, suffix, lasting=False),
            loudness=loudness,
            target=target,
            notes=remarks(request, loudness, target, used.ceiling_dbtp, bed),
            bed=bed,
        )


def _speech(request: SoundRequest) -> Mask | None:
    """Find where the voice speaks, for a target that is gated on it."""
    if request.target.gate is Gate.PROGRAMME:
        return None
    return speech_steps(levels_of(request.voice.path))


def aimed_at(request: SoundRequest, loudness: Loudness) -> tuple[LoudnessTarget, float | None]:
    """Say by which gate an output is measured, and where it should land by that.

    By the programme it is where the voice was before it was fitted: what its peaks had no room for
    then, they have no room for now. One too short to be measured has no level to be held to.
    """
    if request.target.gate is Gate.PROGRAMME:
        level_lufs = request.level_lufs
        unmeasured = level_lufs is None or level_lufs <= FLOOR_LUFS
        return request.target, None if unmeasured else level_lufs
    target = by_dialogue(request.target, loudness.dialogue_share or 0.0)
    return target, target.integrated_lufs


def first_setting(request: SoundRequest) -> Setting:
    """Choose what to encode with first: what an encoder usually adds to a peak is left to it.

    PCM adds nothing.
    """
    if request.sound.codec != "aac":
        return Setting()
    return Setting(ceiling_dbtp=round(request.target.true_peak_dbtp - ROOM_DB, 3))


def next_setting(
    used: Setting,
    loudness: Loudness,
    limit_dbtp: float,
    level_lufs: float | None,
    *,
    gate: Gate = Gate.PROGRAMME,
) -> Setting | None:
    """Decide what to encode with next; None when what was measured is right.

    >>> heard = Loudness(integrated_lufs=-16.4, true_peak_dbtp=-0.6, range_lu=1)
    >>> next_setting(Setting(), heard, -1.0, -16.0)
    Setting(gain_db=0.4, ceiling_dbtp=-1.45)
    >>> right = Loudness(integrated_lufs=-16.05, true_peak_dbtp=-1.1, range_lu=1)
    >>> next_setting(Setting(gain_db=0.4, ceiling_dbtp=-1.45), right, -1.0, -16.0) is None
    True
    """
    over_db = loudness.true_peak_dbtp - limit_dbtp
    miss_lu = 0.0 if level_lufs is None else level_lufs - loudness.by(gate)
    gain_db = min(max(used.gain_db + miss_lu, -GAIN_MAX_DB), GAIN_MAX_DB)
    if abs(miss_lu) <= TOLERANCE_LU:
        gain_db = used.gain_db
    if over_db <= 0 and gain_db == used.gain_db:
        return None
    ceiling_dbtp = used.ceiling_dbtp
    if over_db > 0:
        start_dbtp = limit_dbtp if ceiling_dbtp is None else ceiling_dbtp
        ceiling_dbtp = start_dbtp - over_db - EXTRA_DB
    elif gain_db > used.gain_db and ceiling_dbtp is None:
        ceiling_dbtp = limit_dbtp
    rounded = None if ceiling_dbtp is None else round(ceiling_dbtp, 3)
    return Setting(gain_db=round(gain_db, 3), ceiling_dbtp=rounded)


def _set(blocks: Iterator[Samples], setting: Setting) -> Iterator[Samples]:
    """Apply a setting to samples; the plain one leaves them alone."""
    if setting == Setting():
        return blocks
    ceiling = 1.0 if setting.ceiling_dbtp is None else 10 ** (setting.ceiling_dbtp / 20)
    return (samples for samples, _ in limit(blocks, 10 ** (setting.gain_db / 20), ceiling))
