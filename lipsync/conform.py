"""Conform: carry out a fit plan, so that the pair that is sent has equal lengths.

What already looks right is copied packet by packet, what lies across a cut is encoded, what comes
again is encoded once; only a source in another format is encoded throughout.
"""

import logging
from collections.abc import Callable
from pathlib import Path

from lipsync.errors import MediaError
from lipsync.fit import FittedPair, FittedPicture, picture_plan
from lipsync.measures.imprint import imprinted
from lipsync.media.asis import is_sendable
from lipsync.media.assembly import Assembly
from lipsync.media.cut import Copied
from lipsync.media.damage import Damage, damaged_frames
from lipsync.media.source import Source
from lipsync.media.tempo import length_of, write_at_tempo, write_voice
from lipsync.requests import ConformRequest, PictureRequest
from lipsync.store import Store
from lipsync.values import File

logger = logging.getLogger(__name__)


def conform(
    request: ConformRequest,
    store: Store,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> FittedPair:
    """Make the pair that is sent.

    The video has exactly the planned frames at the plan's constant rate: H.264, 8-bit 4:2:0,
    BT.709 SDR, progressive, upright, square samples, even size, starting at zero, index in front,
    no sound. The voice has exactly the planned samples. What is left to the vendor keeps its
    lengths. A video that came by a link, and is all of this but for its sound, stays as it is.

    Args:
        request: Both sides and the plan.
        store: Where both results are kept.
        progress: Called with frames written and then looked at, and how many that are in all.

    Raises:
        MediaError: A side is damaged, or shorter than the plan needs.
        StorageError: The disk is full or cannot be written.
    """
    side = PictureRequest(
        video=request.video, video_facts=request.video_facts, plan=picture_plan(request.plan)
    )
    picture = conform_picture(side, store, progress=progress)
    return FittedPair(
        video=picture.video,
        voice=conform_voice(request, store),
        frames=picture.frames,
        rate=request.plan.rate,
        copied_frames=picture.copied_frames,
        encoded_frames=picture.encoded_frames,
    )


def conform_picture(
    request: PictureRequest,
    store: Store,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> FittedPicture:
    """Make the video that is sent, as `conform` says.

    Raises:
        MediaError: It is damaged, or shorter than the plan needs.
        StorageError: The disk is full or cannot be written.
    """
    plan = request.plan
    source = Source(request.video.path, request.video_facts)
    parts = source.pieces(plan)
    total = sum(part.frames for part in parts)
    taken = sum(part.frames for part in parts if isinstance(part, Copied))
    all_copied = taken == total == source.facts.frames
    looks = bool(taken or request.imprint)
    report = _reporting(progress, 2 * total if request.imprint else total)
    if all_copied and _came_by_link(request.video) and is_sendable(source):
        return _as_it_is(request, total, store, report)
    with store.scratch(".mp4") as path:
        for done in Assembly(source, parts, plan.rate).write(path):
            report(done)
        imprint = _looked_at(path, request, store, lambda n: report(total + n)) if looks else None
        video = store.keep(path, ".mp4")
    logger.info("%s: %d frames, %d copied", source.path.name, total, taken)
    return FittedPicture(
        video=video,
        frames=total,
        copied_frames=taken,
        encoded_frames=total - taken,
        imprint=imprint,
    )


def _came_by_link(video: File) -> bool:
    """Say whether an input is a file of the store: then a vendor may be given its link."""
    return video.path.name.startswith(video.sha256)


def _reporting(progress: Callable[[int, int], None] | None, total: int) -> Callable[[int], object]:
    """Report frames that are written, and then looked at, as parts of one whole."""
    return (lambda _done: None) if progress is None else lambda done: progress(done, total)


def _as_it_is(
    request: PictureRequest, frames: int, store: Store, report: Callable[[int], object]
) -> FittedPicture:
    """Send the very file: there is nothing to make equal, and its link leads to just that."""
    path = request.video.path
    imprint = _looked_at(path, request, store, lambda count: report(frames + count))
    logger.info("%s: sent as it is, %d frames", path.name, frames)
    return FittedPicture(
        video=request.video,
        frames=frames,
        copied_frames=frames,
        encoded_frames=0,
        imprint=imprint,
    )


def _looked_at(
    conformed: Path, request: PictureRequest, store: Store, report: Callable[[int], object]
) -> File | None:
    """Decode what is sent, once: nothing broken goes to anybody, and its imprint is kept.

    Raises:
        MediaError: What was copied unseen cannot be decoded.
    """
    if not request.imprint:
        _refuse_damage(damaged_frames(conformed), request.video.path)
        return None
    with store.scratch(".imprint") as trial:
        found = imprinted(conformed, request.plan.rate, trial, report)
        _refuse_damage(found, request.video.path)
        return store.keep(trial, ".imprint", lasting=False)


def _refuse_damage(found: Damage, source: Path) -> None:
    if not found.clean:
        broken = found.damaged_frames + found.lost_packets
        raise MediaError(
            f"{source}: {broken} of the {found.decoded_frames + found.lost_packets} pictures are "
            "damaged; copy or export it again, or trim around them"
        )


def conform_voice(request: ConformRequest, store: Store) -> File:
    """Make the voice that is sent: its tempo, and its exact number of samples.

    Raises:
        StorageError: The disk is full or cannot be written.
    """
    plan, voice = request.plan, request.voice.path
    if plan.by_vendor or (plan.tempo == 1 and length_of(voice) == plan.voice_samples):
        return request.voice
    with store.scratch(".wav") as target, store.scratch(".wav") as retimed:
        spoken = None
        if plan.tempo != 1:
            spoken = write_at_tempo(voice, retimed, plan.tempo)
            voice = retimed
        write_voice(voice, target, plan.voice_samples, spoken=spoken)
        return store.keep(target, ".wav")
