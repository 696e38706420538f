"""Normalize: the voice at its target loudness, without silent edges, as 48 kHz 16-bit WAV.

One static gain and a true-peak limiter: the voice keeps its own dynamics, nothing is pumped. It is
decoded once; what is measured afterwards is the file that was written.
"""

import logging
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lipsync.errors import MediaError
from lipsync.media.edges import FADE_MS, Levels, Span, fade, levels, speech_span
from lipsync.media.limiter import limit
from lipsync.media.meter import FLOOR_LUFS, SHORTEST_S, Meter
from lipsync.media.pcm import Samples, looked_at, regrouped, to_pcm16, wav_writer
from lipsync.media.scratch import BLOCK, ScratchPcm
from lipsync.media.sound import AudioReader
from lipsync.store import Store
from lipsync.voice import (
    GAIN_MAX_DB,
    TOLERANCE_LU,
    VOICE_RATE_HZ,
    Loudness,
    LoudnessTarget,
    NormalizeRequest,
    Voice,
    first_gain_db,
    next_gain_db,
)

log = logging.getLogger(__name__)

# Room for the last half step of 16 bits, and for what another meter's interpolator sees.
PEAK_MARGIN_DB = 0.1
# The meter reads true peak to 0.01 dB at full scale.
PEAK_READING_DB = 0.01
# The RIFF header counts bytes in 32 bits, its own 36 included.
WAV_BYTES_MAX = 2**32 - 1 - 36
# Ours: from here on a limiter can be heard at work on speech.
DEEP_LIMITING_DB = 6.0


@dataclass(frozen=True)
class Heard:
    """The whole voice as it came, decoded."""

    pcm: ScratchPcm
    samples: int
    loudness: Loudness
    levels: Levels
    damaged_packets: int


@dataclass(frozen=True)
class Rendered:
    """The voice as it was written."""

    gain_db: float
    loudness: Loudness
    reduction_db: float


def normalize(request: NormalizeRequest, store: Store) -> Voice:
    """Bring a voice to its loudness target.

    Below 0.4 s there is no integrated loudness: the level is left alone, with a warning. At most
    30 dB are added. A voice that already conforms comes out with the samples it had.

    Raises:
        MediaError: The file cannot be read, has no such audio track, or the voice is silent or
            longer than a WAV file holds (6.2 h in stereo).
        StorageError: There is no room for the samples.
    """
    with store.scratch(".f32") as samples_path, store.scratch(".wav") as wav_path:
        heard = _listen(request.source.path, request.track, samples_path)
        _refuse_silence(heard, request.source.path)
        keep = _kept(heard, request)
        _refuse_too_long(keep, heard.pcm.channels, request.source.path)
        _soften(heard.pcm, keep, heard.samples, request.pad_s)
        rendered = _to_target(heard, keep, request.target, wav_path)
        voice = Voice(
            file=store.keep(wav_path, ".wav"),
            samples=keep.length,
            channels=heard.pcm.channels,
            lead_trimmed_s=keep.start / VOICE_RATE_HZ,
            tail_trimmed_s=(heard.samples - keep.end) / VOICE_RATE_HZ,
            before=heard.loudness,
            after=rendered.loudness,
            gain_db=rendered.gain_db,
            limited=rendered.reduction_db > 0,
            warnings=_warnings(heard, rendered, request.target),
        )
    log.info("%s normalized: %s", request.source.sha256[:8], _summary(voice))
    return voice


def _listen(source: Path, track: int, scratch: Path) -> Heard:
    """Decode once: to scratch, through the meter, and to the levels of each 10 ms."""
    reader = AudioReader(source, track)
    channels, blocks = looked_at(regrouped(reader.blocks(), BLOCK))
    pcm = ScratchPcm(scratch, channels)
    meter = Meter()
    samples = 0
    heard: list[Levels] = []
    for block in pcm.append(blocks):
        meter.feed(block)
        heard.append(levels(block))
        samples += len(block)
    return Heard(pcm, samples, meter.read(), np.concatenate(heard), reader.damaged_packets)


def _refuse_silence(heard: Heard, path: Path) -> None:
    """Stop at a voice that says nothing."""
    too_short = heard.samples < SHORTEST_S * VOICE_RATE_HZ
    loudest = float(heard.levels.max()) if too_short else heard.loudness.integrated_lufs
    if loudest <= FLOOR_LUFS:
        raise MediaError(
            f"{path}: the voice is silent ({FLOOR_LUFS:.0f} LUFS or less over "
            f"{heard.samples / VOICE_RATE_HZ:.2f} s); choose another track or export it again"
        )


def _refuse_too_long(keep: Span, channels: int, path: Path) -> None:
    """Stop at a voice that its own format could not hold."""
    if keep.length * channels * 2 > WAV_BYTES_MAX:
        raise MediaError(
            f"{path}: the voice lasts {keep.length / VOICE_RATE_HZ / 3600:.1f} h, more than a "
            "48 kHz WAV file holds; split it into parts"
        )


def _kept(heard: Heard, request: NormalizeRequest) -> Span:
    """Decide what stays of the voice."""
    whole = Span(0, heard.samples)
    if not request.trim_silence or heard.loudness.integrated_lufs <= FLOOR_LUFS:
        return whole
    return speech_span(heard.levels, heard.samples, heard.loudness.integrated_lufs, request.pad_s)


def _soften(pcm: ScratchPcm, keep: Span, samples: int, pad_s: float) -> None:
    """Fade what was cut, inside the silence that was left; without a pad there is no fade."""
    count = round(min(FADE_MS / 1000, pad_s) * VOICE_RATE_HZ)
    if keep.start > 0:
        edge = Span(keep.start, min(keep.start + count, keep.end))
        pcm.replace(edge.start, fade(_joined(pcm, edge), into=True))
    if keep.end < samples:
        edge = Span(max(keep.start, keep.end - count), keep.end)
        pcm.replace(edge.start, fade(_joined(pcm, edge), into=False))


def _joined(pcm: ScratchPcm, span: Span) -> Samples:
    """Read a short stretch as one array."""
    return np.concatenate(list(pcm.read(span)))


def _to_target(heard: Heard, keep: Span, target: LoudnessTarget, wav: Path) -> Rendered:
    """Render, measure and correct until the voice is where it should be."""
    measured = heard.loudness
    if measured.integrated_lufs <= FLOOR_LUFS:
        return _render(heard.pcm, keep, 0.0, target, wav)
    if target.keep_level:
        target = target.model_copy(update={"integrated_lufs": measured.integrated_lufs})
    headroom_db = target.true_peak_dbtp - PEAK_MARGIN_DB - measured.true_peak_dbtp
    gain_db = first_gain_db(measured, target.integrated_lufs, headroom_db)
    if gain_db == 0 and measured.true_peak_dbtp <= target.true_peak_dbtp + PEAK_READING_DB:
        return _copy(heard, keep, wav)
    tried: list[tuple[float, float]] = []
    while True:
        rendered = _render(heard.pcm, keep, gain_db, target, wav)
        tried.append((gain_db, rendered.loudness.integrated_lufs))
        following_db = next_gain_db(
            tried, target.integrated_lufs, before=measured, headroom_db=headroom_db
        )
        if following_db is None or rendered.loudness.integrated_lufs <= FLOOR_LUFS:
            return rendered
        gain_db = following_db


def _render(
    pcm: ScratchPcm, keep: Span, gain_db: float, target: LoudnessTarget, wav: Path
) -> Rendered:
    """Write the voice with this gain under the ceiling, and measure what is written."""
    ceiling = 10 ** ((target.true_peak_dbtp - PEAK_MARGIN_DB) / 20)
    meter = Meter()
    lowest = 1.0
    with wav_writer(wav, pcm.channels) as file:
        for block, bent in limit(pcm.read(keep), 10 ** (gain_db / 20), ceiling):
            written = to_pcm16(block)
            file.writeframesraw(written.tobytes())
            meter.feed(written)
            lowest = min(lowest, bent)
    return Rendered(gain_db, meter.read(), max(0.0, -20 * math.log10(lowest)))


def _copy(heard: Heard, keep: Span, wav: Path) -> Rendered:
    """Write the samples as they are; only where something was cut is there news to measure."""
    cut = keep.length < heard.samples
    meter = Meter()
    with wav_writer(wav, heard.pcm.channels) as file:
        for block in heard.pcm.read(keep):
            written = to_pcm16(block)
            file.writeframesraw(written.tobytes())
            if cut:
                meter.feed(written)
    return Rendered(0.0, meter.read() if cut else heard.loudness, 0.0)


def _warnings(heard: Heard, rendered: Rendered, target: LoudnessTarget) -> tuple[str, ...]:
    """Say what the user should know, one sentence each."""
    found = []
    reached_lufs = rendered.loudness.integrated_lufs
    if heard.damaged_packets:
        found.append(f"{heard.damaged_packets} damaged packets of the voice were left out")
    if heard.loudness.integrated_lufs <= FLOOR_LUFS:
        found.append(f"the voice is shorter than {SHORTEST_S} s: its level was left as it is")
    elif rendered.gain_db >= GAIN_MAX_DB:
        found.append(
            f"the voice is very quiet ({heard.loudness.integrated_lufs:.1f} LUFS): "
            f"raised by {GAIN_MAX_DB:.0f} dB, the most that is done, to {reached_lufs:.1f} LUFS"
        )
    elif not target.keep_level and abs(reached_lufs - target.integrated_lufs) > TOLERANCE_LU:
        found.append(
            f"the voice reached {reached_lufs:.1f} LUFS, not {target.integrated_lufs:.1f}: "
            f"its peaks leave no more room under {target.true_peak_dbtp:.1f} dBTP"
        )
    if rendered.reduction_db > DEEP_LIMITING_DB:
        found.append(f"peaks of the voice were bent down by up to {rendered.reduction_db:.1f} dB")
    return tuple(found)


def _summary(voice: Voice) -> str:
    """Say in a line what was done."""
    return (
        f"{voice.before.integrated_lufs:.1f} to {voice.after.integrated_lufs:.1f} LUFS, "
        f"{voice.after.true_peak_dbtp:.1f} dBTP, {voice.gain_db:+.1f} dB, trimmed "
        f"{voice.lead_trimmed_s:.2f} s and {voice.tail_trimmed_s:.2f} s, {voice.duration_s:.2f} s"
    )
