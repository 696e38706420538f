"""Independent instruments: the loudness meter and the decoder of the ffmpeg binary."""

import re
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from tests.voices import VOICE_RATE_HZ


def ffmpeg_loudness(path: Path) -> tuple[float, float]:
    """Measure integrated LUFS and true peak in dBTP, to the tenth that ffmpeg prints."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostats", "-i", str(path)]
    command += ["-map", "0:a:0", "-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    summary = done.stderr[done.stderr.rindex("Summary:") :]
    integrated = re.search(r"I:\s+(-?[\d.]+|-inf) LUFS", summary)
    peak = re.search(r"Peak:\s+(-?[\d.]+|-inf) dBFS", summary)
    assert integrated, summary
    assert peak, summary
    return float(integrated[1]), float(peak[1])


def ffmpeg_sound(path: Path, track: int = 0) -> npt.NDArray[np.float32]:
    """Decode an audio stream to mono at 48 kHz on the container's clock; shape (n,)."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path)]
    command += ["-map", f"0:a:{track}", "-af", "aresample=async=1:first_pts=0"]
    command += ["-ac", "1", "-ar", str(VOICE_RATE_HZ), "-f", "f32le", "-"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    return np.frombuffer(done.stdout, np.float32)


def lag_samples(reference: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> int:
    """Find by plain cross-correlation how many samples `other` is late."""
    size = 1 << (len(reference) + len(other)).bit_length()
    spectrum = np.fft.rfft(other, size) * np.conj(np.fft.rfft(reference, size))
    peak = int(np.argmax(np.fft.irfft(spectrum, size)))
    return peak - size if peak > size // 2 else peak
