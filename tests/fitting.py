"""Carrying fit plans out in tests, and what must be true of every pair that comes out."""

import wave
from fractions import Fraction
from pathlib import Path

import numpy as np

from lipsync.conform import conform
from lipsync.fit import FitPlan, FittedPair, Lengths, source_frame
from lipsync.media.opening import top_boxes
from lipsync.probe import probe
from lipsync.requests import ConformRequest
from lipsync.store import Store
from lipsync.timing import grid_frames
from tests.clips import as_file, read_times, write_wav


class Bench:
    """Plans and conforms a clip against a voice of a given length."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder, self.store = folder, store

    def lengths(self, clip: Path, voice_s: float, first: int = 0, left: int = 0) -> Lengths:
        """Trim `first` frames off the front and `left` off the end."""
        facts = probe(as_file(clip)).video
        assert facts is not None
        return Lengths(
            first_frame=first,
            source_frames=grid_frames(facts) - first - left,
            rate=facts.rate,
            voice_samples=round(voice_s * 48_000),
        )

    def carry_out(self, clip: Path, plan: FitPlan, voice: Path | None = None) -> FittedPair:
        facts = probe(as_file(clip)).video
        assert facts is not None
        if voice is None:
            samples = round(plan.mismatch.voice_s * 48_000)
            voice = write_wav(self.folder / "voice.wav", np.full(samples, 0.25, np.float32))
        request = ConformRequest(
            video=as_file(clip), video_facts=facts, plan=plan, voice=as_file(voice)
        )
        return conform(request, self.store)


def planned_indices(plan: FitPlan) -> list[int]:
    return [source_frame(plan, k) for k in range(plan.frames)]


def assert_conformed(pair: FittedPair, plan: FitPlan) -> None:
    """The picture has the one look, and both sides have the planned lengths."""
    path = pair.video.path
    facts = probe(pair.video)
    video = facts.video
    assert video is not None
    assert facts.audio == ()
    assert (video.codec, video.pixel_format, video.rotation_deg) == ("h264", "yuv420p", 0)
    assert (video.sample_aspect, video.interlaced, video.hdr) == (Fraction(1), False, False)
    assert (video.constant_rate, video.rate, video.start_s) == (True, plan.rate, 0)
    assert (video.frames, pair.frames) == (plan.frames, plan.frames)
    assert read_times(path) == [k / plan.rate for k in range(plan.frames)]
    boxes, _ = top_boxes(path)
    assert boxes.index("moov") < boxes.index("mdat")
    assert b"elst" not in path.read_bytes()
    with wave.open(str(pair.voice.path)) as voice:
        assert voice.getnframes() == plan.voice_samples
