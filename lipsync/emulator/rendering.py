"""Rendering: what the vendor's machines would make of a pair, made here."""

import logging
import math
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from lipsync.catalogue import Length
from lipsync.conform import conform
from lipsync.emulator.arguments import Wanted
from lipsync.emulator.faults import Act
from lipsync.errors import LipsyncError, MediaError
from lipsync.facts import VideoFacts
from lipsync.fit import FitPlan, Lengths, SyncMode, plan_fit
from lipsync.home import Home
from lipsync.media.mux import mux_picture_and_voice
from lipsync.media.pcm import looked_at, to_pcm16, wav_writer
from lipsync.media.sound import AudioReader
from lipsync.media.soundtrack import encode
from lipsync.media.tempo import length_of
from lipsync.probe import probe
from lipsync.requests import ConformRequest
from lipsync.store import Store
from lipsync.timing import samples
from lipsync.values import File

log = logging.getLogger(__name__)

# By how much a result is too short (reference: providers.md §8).
SHORTENED_S = Fraction(3, 10)
# The rate vendors fall back to, and one for those who send that (the same).
RERATED, RERATED_FROM_IT = Fraction(25), Fraction(24)
GARBAGE = b"<html><body>This is not a video.</body></html>\n" * 64


class NotRendered(Exception):
    """The pair cannot be used: which field, and fal's word for why."""

    def __init__(self, field: Literal["video", "voice"], kind: str, said: str) -> None:
        super().__init__(said)
        self.field = field
        self.kind = kind


@dataclass(frozen=True)
class Rendered:
    """A file, and how long it is."""

    path: Path
    output_s: float


class Renderer:
    """Makes results; the same request is made once."""

    def __init__(self, folder: Path, kind: Literal["mux", "engine"]) -> None:
        self._store = Store(Home(folder))
        self._kind = kind
        self._made: dict[Any, Future[Rendered]] = {}
        self._lock = threading.Lock()

    def render(
        self, wanted: Wanted, video: File, voice: File, acts: frozenset[Act] = frozenset()
    ) -> Rendered:
        """Make the result of a request.

        Raises:
            NotRendered: The pair cannot be used.
        """
        acts &= {Act.GARBAGE, Act.SHORTEN, Act.RERATE, Act.UNCHANGED}
        key = (video.sha256, voice.sha256, wanted.model.id, wanted.mode, acts)
        with self._lock:
            mine = key not in self._made
            made = self._made.setdefault(key, Future())
        if mine:
            try:
                made.set_result(self._render(wanted, video, voice, acts))
            except (NotRendered, LipsyncError) as error:
                made.set_exception(error)
        try:
            return made.result()
        except LipsyncError as error:
            raise NotRendered("video", "downstream_service_error", str(error)) from error

    def _render(self, wanted: Wanted, video: File, voice: File, acts: frozenset[Act]) -> Rendered:
        facts = _picture(wanted, video)
        with self._store.scratch(".wav") as wav:
            spoken = self._as_wav(wanted, voice, wav)
            plan = _planned(wanted, facts, length_of(spoken.path))
            plan = _spoilt(plan, acts)
            request = ConformRequest(video=video, video_facts=facts, plan=plan, voice=spoken)
            pair = conform(request, self._store)
        with self._store.scratch(".mp4") as out:
            if Act.GARBAGE in acts:
                out.write_bytes(GARBAGE)
            else:
                self._draw(pair.video.path, pair.voice.path, out, Act.UNCHANGED in acts)
            kept = self._store.keep(out, ".mp4")
        log.debug("rendered %s by %s: %.2f s", kept.sha256[:8], wanted.model.id, plan.predicted_s)
        return Rendered(path=kept.path, output_s=plan.predicted_s)

    def _as_wav(self, wanted: Wanted, voice: File, wav: Path) -> File:
        """Decode the voice to the WAV our own fit takes."""
        _check_container(wanted, "voice", voice)
        try:
            channels, blocks = looked_at(AudioReader(voice.path).blocks())
            with wav_writer(wav, channels) as writer:
                for block in blocks:
                    writer.writeframes(to_pcm16(block).tobytes())
        except MediaError as error:
            raise NotRendered("voice", "unsupported_audio_format", str(error)) from error
        return self._store.keep(wav, ".wav")

    def _draw(self, video: Path, voice: Path, out: Path, unchanged: bool) -> None:
        if self._kind == "engine" and not unchanged:
            from lipsync.engine import render  # noqa: PLC0415  loads OpenCV

            render(video, voice, out, progress=None)
            return
        with self._store.scratch(".m4a") as sound:
            encode(AudioReader(voice).blocks(), sound)
            mux_picture_and_voice(video, sound, out, tags={}, language=None)


def _picture(wanted: Wanted, video: File) -> VideoFacts:
    _check_container(wanted, "video", video)
    facts = probe(video).video
    if facts is None:
        raise NotRendered("video", "unsupported_video_format", "The file holds no picture.")
    return facts


def _check_container(wanted: Wanted, side: Literal["video", "voice"], file: File) -> None:
    """Refuse what cannot be opened, and containers the model does not read."""
    kind = "unsupported_video_format" if side == "video" else "unsupported_audio_format"
    try:
        container = probe(file).container
    except MediaError as error:
        raise NotRendered(side, kind, "The file cannot be read.") from error
    formats = wanted.model.formats
    if formats is None:
        return
    read = formats.video if side == "video" else formats.voice
    if not set(container.split(",")) & set(read):
        raise NotRendered(side, kind, f"Unsupported format {container}; use {', '.join(read)}.")


def _planned(wanted: Wanted, facts: VideoFacts, voice_samples: int) -> FitPlan:
    """Make the lengths equal as this vendor's mode does."""
    lengths = Lengths(source_frames=facts.frames, rate=facts.rate, voice_samples=voice_samples)
    mode = wanted.mode
    own = wanted.model.sync.modes[mode]
    if own.length is Length.VIDEO and lengths.mismatch.longer == "voice":
        mode = SyncMode.CUT_OFF  # its silence keeps the video's length: the voice loses its end
    try:
        return plan_fit(mode, lengths)
    except MediaError as error:
        raise NotRendered("voice", "feature_not_supported", str(error)) from error


def _spoilt(plan: FitPlan, acts: frozenset[Act]) -> FitPlan:
    """Make a result too short, or of another rate."""
    frames, rate, mode = plan.frames, plan.rate, plan.sync_mode
    if Act.SHORTEN in acts:
        frames = max(1, frames - math.ceil(SHORTENED_S * rate))
    if Act.RERATE in acts:
        other = RERATED_FROM_IT if rate == RERATED else RERATED
        frames, rate, mode = max(1, round(frames * other / rate)), other, SyncMode.REMAP
    changes = {
        "frames": frames,
        "rate": rate,
        "sync_mode": mode,
        "voice_samples": samples(frames, rate),
    }
    return plan.model_copy(update=changes)
