"""Builders of the facts a dub is chosen by: valid by default, changed by name."""

from fractions import Fraction
from pathlib import Path
from typing import Any

from lipsync.facts import AudioFacts, FaceFacts, MediaFacts, VideoFacts
from lipsync.fit import FitPlan, Mismatch, SyncMode
from lipsync.preflight import Lengths
from lipsync.select import SelectRequest
from lipsync.shelf import load_catalogue
from lipsync.values import File
from lipsync.voice import Loudness, Voice

CATALOGUE = load_catalogue()
EVERY_VENDOR: dict[str, str | None] = dict.fromkeys(CATALOGUE.vendors)
NO_KEYS = CATALOGUE.availability({})


def a_file(name: str = "clip.mp4", size_bytes: int = 1_000_000) -> File:
    return File(path=Path("/in") / name, sha256="0" * 64, size_bytes=size_bytes)


def a_video(width_px: int = 1280, height_px: int = 720, **change: Any) -> MediaFacts:
    picture = VideoFacts(
        codec="h264",
        pixel_format="yuv420p",
        bit_depth=8,
        hdr=False,
        interlaced=False,
        coded_width_px=width_px,
        coded_height_px=height_px,
        display_width_px=width_px,
        display_height_px=height_px,
        sample_aspect=Fraction(1),
        rotation_deg=0,
        rate=change.pop("rate", Fraction(25)),
        constant_rate=True,
        frames=250,
        duration_s=10.0,
        start_s=0.0,
    )
    facts = {"file": a_file(), "container": "mov,mp4", "duration_s": 10.0, "audio": ()}
    return MediaFacts(**({"video": picture} | facts | change))


def a_voice_file(*, tracks: int = 1) -> MediaFacts:
    track = AudioFacts(
        track=0, codec="mp3", sample_rate_hz=48_000, channels=1, duration_s=10.0, start_s=0.0
    )
    return MediaFacts(
        file=a_file("voice.mp3"),
        container="mp3",
        duration_s=10.0,
        video=None,
        audio=(track,) * tracks,
    )


def a_voice(integrated_lufs: float = -20.0) -> Voice:
    before = Loudness(integrated_lufs=integrated_lufs, true_peak_dbtp=-3.0, range_lu=4.0)
    return Voice(
        file=a_file("voice.wav"),
        samples=480_000,
        channels=1,
        lead_trimmed_s=0,
        tail_trimmed_s=0,
        before=before,
        after=before,
        gain_db=0.0,
        limited=False,
    )


def faces(seen: int = 8, *, most: int = 1, height_px: int = 300) -> FaceFacts:
    return FaceFacts(
        sampled_frames=8,
        frames_with_face=seen,
        most_faces=most if seen else 0,
        face_height_px=height_px if seen else 0,
    )


def lengths(output_s: float = 10.0) -> Lengths:
    return Lengths(video_s=output_s, voice_s=output_s, output_s=output_s)


def a_plan(
    video_s: float = 10.0,
    voice_s: float = 10.0,
    *,
    mode: SyncMode = SyncMode.CUT_OFF,
    by_vendor: bool = False,
) -> FitPlan:
    frames = round(25 * min(video_s, voice_s))
    mismatch = Mismatch(
        video_s=video_s,
        voice_s=voice_s,
        mismatch_s=voice_s - video_s,
        mismatch_frames=25 * (voice_s - video_s),
        ratio=voice_s / video_s,
        longer="equal" if voice_s == video_s else "voice" if voice_s > video_s else "video",
    )
    return FitPlan(
        sync_mode=mode,
        reason="a test",
        mismatch=mismatch,
        rate=Fraction(25),
        first_frame=0,
        source_frames=round(25 * video_s),
        frames=frames,
        voice_samples=frames * 1920,
        by_vendor=by_vendor,
    )


def a_request(**change: Any) -> SelectRequest:
    default = {
        "video": a_video(),
        "voice": a_voice(),
        "faces": faces(),
        "plan": a_plan(),
        "vendors": EVERY_VENDOR,
    }
    return SelectRequest(**(default | change))
