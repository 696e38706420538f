"""Voices whose truth is known: syllables and pauses that meters and mouths take for speech."""

import subprocess
import wave
from collections.abc import Sequence
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

VOICE_RATE_HZ = 48_000
Sound = npt.NDArray[np.float32]


def ffmpeg(*arguments: str | Path) -> None:
    """Run the ffmpeg binary of imageio-ffmpeg; stderr is shown when it fails."""
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-hide_banner",
        "-nostdin",
        "-loglevel",
        "error",
        "-y",
    ]
    done = subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def speech(
    seconds: float = 2.0,
    *,
    rate_hz: int = VOICE_RATE_HZ,
    silence: tuple[float, float] = (0.0, 0.0),
    level: float = 0.25,
    seed: int = 1,
) -> Sound:
    """Make a speech-like sound: a gliding voice through two formants, in syllables and pauses.

    Args:
        seconds: Whole length, the silent edges included.
        rate_hz: Sample rate.
        silence: Seconds of digital silence at the front and at the end.
        level: Peak, linear; 1.0 is full scale.
        seed: The same seed says the same thing.

    Returns:
        Mono samples, shape (round(seconds * rate_hz),), within ±level.
    """
    count = round(seconds * rate_hz)
    lead, tail = (round(edge * rate_hz) for edge in silence)
    spoken = max(0, count - lead - tail)
    sound = np.zeros(count, np.float32)
    if spoken:
        voiced = _voiced(spoken, rate_hz, seed) * _syllables(spoken, rate_hz, seed)
        sound[lead : lead + spoken] = level * voiced / max(1e-9, float(np.abs(voiced).max()))
    return sound


def _voiced(count: int, rate_hz: int, seed: int) -> Sound:
    """Sum harmonics of a gliding pitch, louder near two formants, with a little breath."""
    rng = np.random.default_rng(seed)
    time = np.arange(count) / rate_hz
    pitch = 120 + 15 * np.sin(2 * np.pi * 0.7 * time + seed)
    phase = 2 * np.pi * np.cumsum(pitch) / rate_hz
    sound = 0.02 * rng.standard_normal(count)
    for harmonic in range(1, min(30, int(rate_hz / 2 / 140))):
        at = harmonic * 120
        gain = np.exp(-(((at - 600) / 300) ** 2)) + 0.5 * np.exp(-(((at - 1700) / 400) ** 2)) + 0.05
        sound += gain * np.sin(harmonic * phase)
    return sound.astype(np.float32)


def _syllables(count: int, rate_hz: int, seed: int) -> Sound:
    """Open and close about four times a second, and rest after every few syllables."""
    rng = np.random.default_rng(seed + 1000)
    envelope = np.zeros(count, np.float32)
    at = 0
    while at < count:
        for _ in range(int(rng.integers(3, 7))):
            length = round(rng.uniform(0.12, 0.28) * rate_hz)
            swell = np.sin(np.linspace(0, np.pi, length)) * rng.uniform(0.5, 1.0)
            envelope[at : at + length] = swell[: max(0, count - at)]
            at += length
        at += round(rng.uniform(0.08, 0.2) * rate_hz)
    return envelope


def make_voice(  # noqa: PLR0913  a builder: everything has a default
    path: Path,
    seconds: float = 2.0,
    *,
    rate_hz: int = VOICE_RATE_HZ,
    channels: int = 1,
    silence: tuple[float, float] = (0.0, 0.0),
    level: float = 0.25,
    seed: int = 1,
    options: Sequence[str] = (),
) -> Path:
    """Write the same as `speech`: 16-bit PCM for `.wav`, `.mp3`, `.m4a`, … through ffmpeg.

    `options` are more ffmpeg output arguments, e.g. ("-c:a", "pcm_s24le"); a `.wav` with options
    is written by ffmpeg too.
    """
    sound = speech(seconds, rate_hz=rate_hz, silence=silence, level=level, seed=seed)
    plain = path.suffix == ".wav" and not options
    target = path if plain else path.with_name(f"{path.name}.plain.wav")
    write_wav(target, np.repeat(sound[:, None], channels, axis=1), rate_hz)
    if not plain:
        ffmpeg("-i", target, *options, path)
        target.unlink()
    return path


def write_wav(path: Path, sound: Sound, rate_hz: int = VOICE_RATE_HZ) -> Path:
    """Write samples within ±1, shape (n,) or (n, channels), as 16-bit PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if sound.ndim == 1 else sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((np.clip(sound, -1, 1) * 32767).round().astype("<i2").tobytes())
    return path


def read_sound(path: Path, rate_hz: int = VOICE_RATE_HZ, track: int = 0) -> Sound:
    """Decode one audio stream to mono, shape (n,); timestamps are ignored."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate_hz)
    with av.open(str(path)) as container:
        frames = [*container.decode(audio=track), None]
        parts = [out.to_ndarray()[0] for frame in frames for out in resampler.resample(frame)]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
