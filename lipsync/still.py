"""The stills of a report: the same moment before and after, where the voice is loudest."""

from collections.abc import Sequence

import numpy as np

from lipsync.envelope import levels_db, peaks_s
from lipsync.jpegs import Picture, kept, scaled
from lipsync.media.moments import playing
from lipsync.requests import Moment, StillRequest, Stills
from lipsync.store import Store
from lipsync.values import File

# Wide enough to judge a mouth by, small enough to travel inside a run's page.
WIDTH_PX = 960
# Ours: each of two beside each other; three moments of both stay under 300 kB in a page.
SIDE_PX = 480
# Ours: one moment can mislead (a blink, a cut); more than three nobody looks at.
MOMENTS = 3
QUALITY = 80


def make_stills(request: StillRequest, store: Store) -> Stills:
    """Take the same moments out of two clips; each is opened once and wound forwards.

    Raises:
        MediaError: A clip cannot be read.
    """
    levels = levels_db(request.voice.path)
    with playing(request.before.path) as before, playing(request.after.path) as after:
        last_s = min(clip.length_s - clip.frame_s for clip in (before, after))
        moments_s = within(peaks_s(levels, MOMENTS), last_s)
        (loudest_s,) = within(peaks_s(levels, 1), last_s)
        moments, pair = [], None
        both = zip(before.at(moments_s), after.at(moments_s), strict=True)
        for at_s, ((_, old), (_, new)) in zip(moments_s, both, strict=True):
            moments.append(
                Moment(
                    at_s=at_s, before=_saved(old, SIDE_PX, store), after=_saved(new, SIDE_PX, store)
                )
            )
            if at_s == loudest_s:
                pair = _pair(old, new, store)
    assert pair is not None  # the loudest moment of all is the loudest of its third
    return Stills(moments=tuple(moments), pair=pair)


def within(moments_s: Sequence[float], last_s: float) -> list[float]:
    """Keep moments inside a clip, each once, in order.

    >>> within((0.5, 1.9, 2.2), 1.0)
    [0.5, 1.0]
    """
    return sorted({max(0.0, min(at_s, last_s)) for at_s in moments_s or (0.0,)})


def _pair(before: Picture, after: Picture, store: Store) -> File:
    """Lay one moment of both clips beside each other, before on the left."""
    height = min(before.shape[0], after.shape[0])
    sides = [scaled(one, round(one.shape[1] * height / one.shape[0])) for one in (before, after)]
    return _saved(np.hstack([side[:height] for side in sides]), WIDTH_PX, store)


def _saved(picture: Picture, most_px: int, store: Store) -> File:
    return kept(scaled(picture, min(most_px, picture.shape[1])), QUALITY, store)
