"""The voice's side of a fit: its tempo, and its exact number of samples."""

import logging
import os
import subprocess
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipsync.errors import MediaError
from lipsync.voice import VOICE_RATE_HZ

logger = logging.getLogger(__name__)

Samples = npt.NDArray[np.int16]

# A cut in mid-word would click; five milliseconds are under the shortest sound of speech.
FADE_SAMPLES = VOICE_RATE_HZ * 5 // 1000
# ffmpeg 7's rubberband filter keeps up to 81 ms of the end to itself (measured: 1.92 s of voice
# lost its last 3,875 samples); silence behind the voice is what it keeps instead.
TAIL_S = 0.5
# Rubber Band runs at 40 times real time here; this is a hundred times slower, plus a start.
_PATIENCE_PER_S, _PATIENCE_S = 2.5, 60
_BLOCK = VOICE_RATE_HZ


def length_of(voice: Path) -> int:
    """Count the samples of a normalized voice.

    Raises:
        MediaError: It is not 48 kHz 16-bit PCM.
    """
    with _opened(voice) as source:
        return source.getnframes()


def write_voice(voice: Path, target: Path, samples: int, *, spoken: int | None = None) -> None:
    """Write exactly so many samples: cut with a short fade, or padded with digital silence.

    Args:
        voice: A normalized voice.
        target: Where to write, a WAV.
        samples: How many.
        spoken: Samples that carry the voice when silence was added behind it; None: all.
    """
    with _opened(voice) as source, wave.open(str(target), "wb") as output:
        output.setnchannels(source.getnchannels())
        output.setsampwidth(2)
        output.setframerate(VOICE_RATE_HZ)
        cut = (source.getnframes() if spoken is None else spoken) > samples
        fade_from = samples - FADE_SAMPLES if cut else samples
        done = 0
        for block in _blocks(source, samples):
            output.writeframes(_faded(block, done - fade_from).astype("<i2").tobytes())
            done += len(block)
        while done < samples:
            count = min(_BLOCK, samples - done)
            output.writeframes(bytes(2 * source.getnchannels() * count))
            done += count


def write_at_tempo(voice: Path, target: Path, tempo: float) -> int:
    """Write the voice played `tempo` times faster with its pitch kept, and silence behind it.

    Returns:
        How many samples carry the voice.

    Raises:
        MediaError: The bundled ffmpeg fails, or what it wrote is too short.
    """
    spoken = length_of(voice)
    patience_s = _PATIENCE_S + spoken / VOICE_RATE_HZ * _PATIENCE_PER_S
    # Rubber Band keeps what FFTW has learned in HOME (.rubberband.wisdom.d): here it goes again.
    with tempfile.TemporaryDirectory(dir=target.parent) as elsewhere:
        _run(_command(voice, target, tempo), voice, patience_s, elsewhere)
    got, wanted = length_of(target), round(spoken / tempo)
    if got < wanted:
        raise MediaError(
            f"{voice}: a tempo of {tempo:.4f} gave {got} samples instead of {wanted}; "
            "choose --sync-mode yourself"
        )
    logger.info("%s played at %.4f: %d samples became %d", voice.name, tempo, spoken, wanted)
    return wanted


def _command(voice: Path, target: Path, tempo: float) -> list[str]:
    import imageio_ffmpeg  # noqa: PLC0415  only a tempo change needs the binary

    return [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-hide_banner", "-nostdin", "-loglevel", "error", "-y"),
        *("-protocol_whitelist", "file,pipe", "-f", "wav", "-i", f"file:{voice.absolute()}"),
        *("-af", f"apad=pad_dur={TAIL_S},rubberband=tempo={tempo:.9f}:channels=together"),
        *("-map_metadata", "-1", "-bitexact", "-c:a", "pcm_s16le", "-f", "wav"),
        f"file:{target.absolute()}",
    ]


def _run(command: list[str], voice: Path, patience_s: float, home: str) -> None:
    environment = {**os.environ, "HOME": home}
    try:
        subprocess.run(
            command, check=True, capture_output=True, timeout=patience_s, env=environment
        )
    except subprocess.CalledProcessError as error:
        why = error.stderr.decode(errors="replace").strip().splitlines()[:1]
        raise MediaError(
            f"{voice}: its tempo cannot be changed ({' '.join(why)}); choose --sync-mode yourself"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise MediaError(
            f"{voice}: changing its tempo took over {patience_s:.0f} s; choose --sync-mode yourself"
        ) from error


def _opened(voice: Path) -> wave.Wave_read:
    try:
        source = wave.open(str(voice), "rb")  # noqa: SIM115  handed to the caller's with
    except (wave.Error, EOFError, OSError) as error:
        raise MediaError(f"{voice}: is not a WAV that can be read; normalize it again") from error
    if source.getframerate() != VOICE_RATE_HZ or source.getsampwidth() != 2:  # noqa: PLR2004
        source.close()
        raise MediaError(f"{voice}: is not 48 kHz 16-bit PCM; normalize it first")
    return source


def _blocks(source: wave.Wave_read, samples: int) -> Iterator[Samples]:
    left = min(samples, source.getnframes())
    while left > 0:
        data = source.readframes(min(_BLOCK, left))
        if not data:
            return
        block = np.frombuffer(data, "<i2").reshape(-1, source.getnchannels())
        left -= len(block)
        yield block


def _faded(block: Samples, since_fade: int) -> Samples:
    """Fade linearly to zero over `FADE_SAMPLES` from the sample where `since_fade` is 0."""
    place = since_fade + np.arange(len(block))[:, None]
    gain = np.clip(1 - place / FADE_SAMPLES, 0, 1)
    return np.rint(block * gain).astype(np.int16)
