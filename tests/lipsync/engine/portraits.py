"""Media for the engine's tests: pictures in and out of clips, and vowels whose truth is known."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
ROOT = Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "data" / "samples"
RATE_HZ = 48_000


def read(
    path: Path, count: int | None = None, size_px: tuple[int, int] | None = None
) -> list[Picture]:
    """Decode a clip's first frames as BGR."""
    with av.open(str(path)) as container:
        pictures = []
        for frame in container.decode(video=0):
            if count is not None and len(pictures) == count:
                break
            bgr = frame.to_ndarray(format="bgr24")
            pictures.append(
                bgr if size_px is None else cv2.resize(bgr, size_px, interpolation=cv2.INTER_AREA)
            )
        return pictures


def write_clip(
    path: Path, pictures: Sequence[Picture], rate: Fraction = Fraction(25), fmt: str = "yuv420p"
) -> Path:
    """Encode pictures as H.264."""
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = width, height, fmt
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def vowel(seconds: float, formants_hz: Sequence[float] = (730, 1090, 2440)) -> NDArray[np.float32]:
    """Hum a vowel: the harmonics of 120 Hz, stronger near the formants (Peterson & Barney)."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    sound = np.zeros_like(time_s)
    for harmonic in range(1, 33):
        hz = 120 * harmonic
        gain = sum(1 / (1 + ((hz - formant) / 90) ** 2) for formant in formants_hz) / harmonic**0.5
        sound += gain * np.sin(2 * np.pi * hz * time_s)
    return (0.25 * sound / np.abs(sound).max()).astype(np.float32)


def hush(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def write_voice(path: Path, *parts: NDArray[np.float32]) -> Path:
    """Write parts of sound one after the other as a 48 kHz 16-bit WAV."""
    samples = np.rint(np.concatenate(parts) * 32767).astype(np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
