"""The thumbnail of an output: one picture of it, small enough for a page that shows a thousand."""

from av.video.reformatter import VideoReformatter

from lipsync.album import shown_in
from lipsync.errors import MediaError
from lipsync.jpegs import Picture, coded, decoded, kept, scaled
from lipsync.media.index import picture_stream
from lipsync.media.moments import upright
from lipsync.media.opening import open_media
from lipsync.requests import Stills
from lipsync.store import Store
from lipsync.values import File, Value

# Ours: a face can be told at this width, in 2 to 4 kB.
WIDTH_PX = 160
QUALITY = 60
# Ours: a third into a clip somebody is usually to be seen; a first picture is often black.
SHARE = 1 / 3


class ThumbRequest(Value):
    """What a thumbnail is made of."""

    output: File


def make_thumb(request: ThumbRequest, store: Store) -> File:
    """Decode the keyframe before a third of a video and keep it as a small JPEG.

    Raises:
        MediaError: No picture can be read.
    """
    path = request.output.path
    with open_media(path, first_picture=False) as container:
        stream = picture_stream(container, path)
        stream.codec_context.skip_frame = "NONKEY"
        if container.duration:
            container.seek(int((container.start_time or 0) + container.duration * SHARE))
        frame = next(iter(container.decode(stream)), None)
        if frame is None:
            raise MediaError(f"{path}: has no picture to be shown; export it again")
        return _kept(upright(frame, VideoReformatter()), store)


def thumb_of_still(stills: Stills, store: Store) -> File:
    """Make the still of an output in the middle, which is here already, into its thumbnail."""
    shown = shown_in(stills)
    return _kept(decoded(shown[len(shown) // 2].after), store)


def _kept(picture: Picture, store: Store) -> File:
    return kept([coded(scaled(picture, min(WIDTH_PX, picture.shape[1])), QUALITY)], store)
