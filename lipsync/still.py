"""The stills of a report: the same moment before and after, where the voice is loudest."""

from collections.abc import Iterator, Sequence

import numpy as np

from lipsync.album import shown_in
from lipsync.envelope import levels_db, peaks_s
from lipsync.jpegs import Picture, as_high, coded, decoded, kept, scaled
from lipsync.media.moments import playing
from lipsync.requests import Moment, Span, StillRequest, Stills
from lipsync.store import Store

# Ours: each of two beside each other, wide enough to judge a mouth by; three moments of both stay
# under 300 kB in a page.
SIDE_PX = 480
# Ours: one moment can mislead (a blink, a cut); more than three nobody looks at.
MOMENTS = 3
QUALITY = 80


def make_stills(request: StillRequest, store: Store) -> Stills:
    """Take the same moments out of two clips; each is opened once and wound forwards.

    Raises:
        MediaError: A clip cannot be read.
        StorageError: There is no room.
    """
    levels = levels_db(request.voice.path)
    with playing(request.before.path) as before, playing(request.after.path) as after:
        last_s = min(clip.length_s - clip.frame_s for clip in (before, after))
        moments_s = within(peaks_s(levels, MOMENTS), last_s)
        (loudest_s,) = within(peaks_s(levels, 1), last_s)
        both = zip(before.at(moments_s), after.at(moments_s), strict=True)
        jpegs = [_small(picture) for (_, old), (_, new) in both for picture in (old, new)]
    spans = iter(_spans(jpegs))
    return Stills(
        file=kept(jpegs, store),
        moments=tuple(
            Moment(at_s=at_s, before=next(spans), after=next(spans)) for at_s in moments_s
        ),
        loudest=moments_s.index(loudest_s),  # of all, so it is that of its third
    )


def pair_of(stills: Stills) -> bytes:
    """Lay the loudest moment of both clips beside each other, before on the left, as JPEG."""
    shown = shown_in(stills)[stills.loudest]
    before, after = decoded(shown.before), decoded(shown.after)
    height = min(before.shape[0], after.shape[0])
    return coded(np.hstack([as_high(side, height) for side in (before, after)]), QUALITY)


def within(moments_s: Sequence[float], last_s: float) -> list[float]:
    """Keep moments inside a clip, each once, in order.

    >>> within((0.5, 1.9, 2.2), 1.0)
    [0.5, 1.0]
    """
    return sorted({max(0.0, min(at_s, last_s)) for at_s in moments_s or (0.0,)})


def _small(picture: Picture) -> bytes:
    return coded(scaled(picture, min(SIDE_PX, picture.shape[1])), QUALITY)


def _spans(jpegs: Sequence[bytes]) -> Iterator[Span]:
    """Say where each stands when they lie one after the other."""
    first_byte = 0
    for jpeg in jpegs:
        yield Span(first_byte=first_byte, size_bytes=len(jpeg))
        first_byte += len(jpeg)
