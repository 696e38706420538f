"""Finish: our voice on the delivered picture; the picture is copied, the voice encoded once."""

import logging
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from lipsync.disclosure import Notice, notice_of
from lipsync.marking import mark, read_mark, tags_of
from lipsync.media.limiter import limit
from lipsync.media.meter import measure
from lipsync.media.mux import encode_aac, kept_tags, mux_picture_and_voice, read_tags
from lipsync.media.pcm import Samples
from lipsync.media.sound import AudioReader
from lipsync.requests import Finished, FinishRequest
from lipsync.store import Store
from lipsync.values import Value
from lipsync.voice import TOLERANCE_LU, Loudness, LoudnessTarget

log = logging.getLogger(__name__)

# Encoding moves peaks, on speech at 192 kbit/s by up to 1 dB; each round encodes once more.
ROUNDS = 4
# So that the next round does not miss by a hair.
EXTRA_DB = 0.05
# Retiming takes up to 0.4 LU from a voice (measured); more than this is not ours to mend here.
GAIN_MAX_DB = 3.0


class Setting(Value):
    """What a voice is put through before it is encoded: one gain and a true-peak limiter."""

    gain_db: float = 0.0
    ceiling_dbtp: float | None = Field(default=None, description="None: not limited.")


def finish(request: FinishRequest, store: Store) -> Finished:
    """Mux the voice over the picture.

    The encoded voice is measured; where its true peak overshoots, or where retiming and limiting
    have taken from its level, it is set a little differently and encoded again.

    Raises:
        MediaError: A file cannot be read, or the container does not take the picture's codec.
        StorageError: There is no room.
    """
    sound = ".mka" if request.suffix == ".mkv" else ".m4a"
    notice = notice_for(request)
    with (
        store.scratch(sound) as encoded,
        store.scratch(request.suffix) as muxed,
        store.scratch(request.suffix) as output,
    ):
        loudness, notes = _encode_right(request, encoded)
        packets = mux_picture_and_voice(
            request.picture.path,
            encoded,
            muxed,
            tags=tags(request, notice),
            language=request.language,
        )
        mark(muxed, output, notice)
        finished = Finished(
            file=store.keep(output, request.suffix),
            loudness=loudness,
            audio_codec="aac",
            picture_packets=packets,
            notes=notes,
            notice=notice,
        )
    measured = f"{loudness.integrated_lufs:.1f} LUFS, {loudness.true_peak_dbtp:.1f} dBTP"
    log.info("%s finished: %d packets copied, %s", finished.file.sha256[:8], packets, measured)
    return finished


def notice_for(request: FinishRequest) -> Notice:
    """Say what the output is; a source that says it was generated is believed."""
    source = read_mark(request.source.path) if request.source else None
    return notice_of(preview=request.preview, model=request.model, source=source)


def tags(request: FinishRequest, notice: Notice) -> dict[str, str]:
    """Choose the output's tags: the source's own, the title if there is a new one, and the notice.

    It says that the lips are not as they were filmed.
    """
    kept = kept_tags(read_tags(request.source.path)) if request.source else {}
    title = {"title": request.title} if request.title else {}
    return {**kept, **title, **tags_of(notice, request.suffix)}


def _encode_right(request: FinishRequest, encoded: Path) -> tuple[Loudness, tuple[str, ...]]:
    """Encode until true peak and level are right, as decoded again."""
    setting: Setting | None = Setting()
    for _ in range(ROUNDS):
        if setting is None:
            break
        used = setting
        encode_aac(_set(AudioReader(request.voice.path).blocks(), used), encoded)
        loudness = measure(encoded)
        setting = next_setting(used, loudness, request.target.true_peak_dbtp, request.level_lufs)
    return loudness, _notes(loudness, request.target, used)


def next_setting(
    used: Setting, loudness: Loudness, limit_dbtp: float, level_lufs: float | None
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
    miss_lu = 0.0 if level_lufs is None else level_lufs - loudness.integrated_lufs
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


def _notes(loudness: Loudness, target: LoudnessTarget, used: Setting) -> tuple[str, ...]:
    """Say what the encoder made necessary."""
    if loudness.true_peak_dbtp > target.true_peak_dbtp:
        note = (
            f"the encoded voice peaks at {loudness.true_peak_dbtp:.2f} dBTP, over its limit of "
            f"{target.true_peak_dbtp:.1f}, after {ROUNDS} rounds"
        )
        return (note,)
    if used.ceiling_dbtp is None or used.ceiling_dbtp >= target.true_peak_dbtp:
        return ()
    return (f"peaks limited to {used.ceiling_dbtp:.2f} dBTP so that AAC keeps its limit",)
