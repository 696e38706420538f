"""The stills of a report: the same moment before and after, where the voice is loudest."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lipsync.envelope import levels_db, peaks_s
from lipsync.errors import MediaError
from lipsync.requests import Moment, StillRequest, Stills
from lipsync.store import Store
from lipsync.values import File

# Wide enough to judge a mouth by, small enough to travel inside a run's page.
WIDTH_PX = 960
# Ours: each of two beside each other; three moments of both stay under 300 kB in a page.
SIDE_PX = 480
# Ours: one moment can mislead (a blink, a cut); more than three nobody looks at.
MOMENTS = 3


def make_stills(request: StillRequest, store: Store) -> Stills:
    """Take the same moments out of two clips.

    moviepy serves here: both clips are conformed (constant rate, upright, square samples), which
    is what it reads exactly.

    Raises:
        MediaError: A clip cannot be read.
    """
    from moviepy import VideoFileClip  # noqa: PLC0415  0.4 s, for these pictures alone

    try:
        with (
            VideoFileClip(str(request.before.path), audio=False) as before,
            VideoFileClip(str(request.after.path), audio=False) as after,
        ):
            last_s = min(clip.duration - 1 / clip.fps for clip in (before, after))
            levels = levels_db(request.voice.path)
            moments = [
                _moment(before, after, at_s, store)
                for at_s in within(peaks_s(levels, MOMENTS), last_s)
            ]
            loudest_s = within(peaks_s(levels, 1), last_s)[0]
            return Stills(moments=tuple(moments), pair=_pair(before, after, loudest_s, store))
    except OSError as error:
        raise MediaError(f"{request.after.path}: no still can be made of it ({error})") from error


def within(moments_s: Sequence[float], last_s: float) -> list[float]:
    """Keep moments inside a clip, each once, in order.

    >>> within((0.5, 1.9, 2.2), 1.0)
    [0.5, 1.0]
    """
    return sorted({max(0.0, min(at_s, last_s)) for at_s in moments_s or (0.0,)})


def _moment(before: Any, after: Any, at_s: float, store: Store) -> Moment:
    return Moment(
        at_s=at_s,
        before=_saved(before, at_s, SIDE_PX, store),
        after=_saved(after, at_s, SIDE_PX, store),
    )


def _pair(before: Any, after: Any, at_s: float, store: Store) -> File:
    """Compose one moment of both clips into one picture, before on the left."""
    from moviepy import clips_array  # noqa: PLC0415  see above

    both = clips_array([[before.with_end(after.duration), after]])
    return _saved(both, at_s, WIDTH_PX, store)


def _saved(clip: Any, at_s: float, most_px: int, store: Store) -> File:
    with store.scratch(".jpg") as path:
        clip.resized(width=min(most_px, clip.w)).save_frame(str(path), t=at_s, with_mask=False)
        return store.keep(Path(path), ".jpg")
