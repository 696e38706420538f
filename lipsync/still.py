"""The still of a report: before and after, side by side, where the voice is loudest."""

import wave
from pathlib import Path

import numpy as np

from lipsync.errors import MediaError
from lipsync.requests import StillRequest
from lipsync.store import Store
from lipsync.values import File

# Wide enough to judge a mouth by, small enough to travel inside a run's page.
WIDTH_PX = 960
WINDOW_S = 0.1


def make_still(request: StillRequest, store: Store) -> File:
    """Compose one frame of both clips into a JPEG, before on the left.

    moviepy serves here: both clips are conformed (constant rate, upright, square samples), which
    is what it reads exactly.

    Raises:
        MediaError: A clip cannot be read.
    """
    from moviepy import VideoFileClip, clips_array  # noqa: PLC0415  0.4 s, for this picture alone

    at_s = loudest_s(request.voice.path)
    try:
        with (
            VideoFileClip(str(request.before.path), audio=False) as before,
            VideoFileClip(str(request.after.path), audio=False) as after,
            store.scratch(".jpg") as path,
        ):
            at_s = min(at_s, before.duration - 1 / before.fps, after.duration - 1 / after.fps)
            pair = clips_array([[before.with_end(after.duration), after]])
            pair.resized(width=min(WIDTH_PX, pair.w)).save_frame(
                str(path), t=max(0.0, at_s), with_mask=False
            )
            return store.keep(path, ".jpg")
    except OSError as error:
        raise MediaError(f"{request.after.path}: no still can be made of it ({error})") from error


def loudest_s(voice: Path) -> float:
    """Find the middle of the loudest tenth of a second, in seconds."""
    loudest, at_s = -1.0, 0.0
    with wave.open(str(voice), "rb") as stream:
        window = round(WINDOW_S * stream.getframerate())
        index = 0
        while block := stream.readframes(window):
            power = float(np.mean(np.square(np.frombuffer(block, np.int16), dtype=np.float64)))
            if power > loudest:
                loudest, at_s = power, (index + 0.5) * WINDOW_S
            index += 1
    return at_s
