"""Make the bundled samples: a still portrait that sways and blinks, and voices to dub it with.

Usage: python make_samples.py astronaut.png   (needs espeak-ng; the results are committed)
"""
# ruff: noqa: INP001  a script: data/ is never a package

import subprocess
import sys
from math import cos, pi, sin
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np

HERE = Path(__file__).parent
RATE, FRAMES, SIZE_PX = 25, 150, (640, 480)
# Where the 640x480 picture is cut from the 512x512 portrait, and what is in it (source pixels).
CUT_LEFT, CUT_TOP, CUT_WIDTH = 92.0, 16.0, 272.0
NECK = (222.0, 190.0)
EYES = ((202.5, 101.5), (247.5, 102.5))
BLINK_FRAMES = (38, 97)
FRENCH = (
    "Bonjour à tous. Notre équipage est prêt, la météo est bonne, "
    "et nous partons demain matin pour l'espace."
)
SPANISH = (
    "Hola a todos. La tripulación está preparada, el tiempo es bueno y mañana por la mañana "
    "salimos hacia el espacio. Gracias por acompañarnos hoy."
)
# File name: espeak-ng voice, what it says.
VOICES = {
    "short_de.ogg": ("de", "Guten Tag! Willkommen an Bord. Der Start ist morgen früh."),
    "equal_fr.wav": ("fr", FRENCH),
    "long_es.mp3": ("es", SPANISH),
}


def head_weight(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Say how much of the head's motion each pixel takes: 1 on the head, 0 away from it."""
    far = np.hypot((x - 225) / 105, (y - 95) / 115)
    return 1 / (1 + np.exp((far - 1) * 9))


def frame_maps(k: int) -> tuple[np.ndarray, np.ndarray]:
    """Say where each output pixel of frame k comes from in the portrait."""
    t = k / FRAMES * 2 * pi
    step = CUT_WIDTH / SIZE_PX[0]
    y, x = np.mgrid[: SIZE_PX[1], : SIZE_PX[0]].astype(np.float32) * step
    x += CUT_LEFT + 2.0 * sin(t)  # the camera sways
    y += CUT_TOP + 1.2 * sin(2 * t + 1)
    weight = head_weight(y, x)
    turn = np.deg2rad(2.6 * sin(2 * t) + 0.9 * sin(5 * t)) * weight
    dx, dy = x - NECK[0], y - NECK[1]
    nod = (1.6 * sin(3 * t + 0.5) + 0.8 * cos(5 * t)) * weight
    x, y = NECK[0] + dx - turn * dy, NECK[1] + dy + turn * dx + nod
    for eye_x, eye_y in EYES:
        close = max(0.0, 1 - min(abs(k - b) for b in BLINK_FRAMES) / 2.5)
        near = np.exp(-(((x - eye_x) / 11) ** 4) - ((y - eye_y) / 6.0) ** 4)
        y = y - close * 6.5 * near  # the skin of the lid comes down over the eye
    return x.astype(np.float32), y.astype(np.float32)


def make_video(portrait: Path, out: Path) -> None:
    """Animate the portrait for six seconds, with a quiet room tone as its sound."""
    still = cv2.imread(str(portrait))
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24",
        "-s", "{}x{}".format(*SIZE_PX), "-r", str(RATE), "-i", "-",
        "-f", "lavfi", "-i", "anoisesrc=c=brown:a=0.01:r=48000:seed=7",
        "-vf", "noise=alls=2:allf=t:all_seed=7", "-c:v", "libx264", "-preset", "slow", "-crf", "23",
        "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "48k", "-shortest", "-fflags", "+bitexact",
        "-movflags", "+faststart", str(out),
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        for k in range(FRAMES):
            picture = cv2.remap(
                still, *frame_maps(k), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
            )
            encoder.stdin.write(picture.tobytes())
        encoder.stdin.close()


def make_voice(out: Path, language: str, text: str) -> None:
    """Speak a line; the extension decides the format."""
    speak = ["espeak-ng", "-v", language, "-s", "150", "--stdout", text]
    spoken = subprocess.run(speak, capture_output=True, check=True).stdout
    ffmpeg = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-y",
        "-i",
        "-",
        "-fflags",
        "+bitexact",
    ]
    subprocess.run([*ffmpeg, str(out)], input=spoken, check=True)


if __name__ == "__main__":
    make_video(Path(sys.argv[1]), HERE / "talk.mp4")
    for name, spoken in VOICES.items():
        make_voice(HERE / name, *spoken)
