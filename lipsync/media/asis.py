"""As it is: whether a video can be sent without a byte of it being touched."""

from lipsync.facts import VideoFacts
from lipsync.media.index import picture_stream
from lipsync.media.opening import open_media, read_head, top_boxes
from lipsync.media.source import Source

# ISO/IEC 14496-12 §4.3: a file begins with its type; QuickTime's own is "qt  ".
_QUICKTIME = b"qt  "
_MICROSECONDS = 1_000_000


def is_sendable(source: Source) -> bool:
    """Say whether a video is as a conformed one, and the picture of it all that a vendor times.

    The caller knows that each of its pictures would be copied. What is left: an MP4 that is not in
    fragments, its index in front, starting at zero, at a constant rate; sound may be in it, as
    long as it does not outlast the picture.
    """
    path, facts = source.path, source.facts
    if not facts.constant_rate or facts.start_s != 0 or not _is_plain_mp4(source):
        return False
    with open_media(path) as container:
        picture = picture_stream(container, path)
        kinds = {stream.type for stream in container.streams}
        alone = len(container.streams.video) == 1 and kinds <= {"video", "audio"}
        hidden = picture.frames != facts.frames  # pictures an edit list leaves out
        ends_s = (container.duration or 0) / _MICROSECONDS
        return alone and not hidden and ends_s <= _latest_end_s(facts)


def _is_plain_mp4(source: Source) -> bool:
    head = read_head(source.path)
    boxes, missing = top_boxes(source.path)
    if head[4:8] != b"ftyp" or head[8:12] == _QUICKTIME or missing or "moof" in boxes:
        return False
    return "mdat" in boxes and "moov" in boxes[: boxes.index("mdat")]


def _latest_end_s(facts: VideoFacts) -> float:
    """Allow one frame: sound is coded in blocks of its own length."""
    return facts.duration_s + float(1 / facts.rate)
