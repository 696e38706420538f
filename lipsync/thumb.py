"""The thumbnail of an output: one picture of it, small enough for a page that shows a thousand."""

import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from lipsync.errors import MediaError
from lipsync.jpegs import Picture, kept, scaled
from lipsync.media.index import picture_stream
from lipsync.media.moments import upright
from lipsync.media.opening import open_media
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


def thumb_of_still(still: File, store: Store) -> File:
    """Make a still of an output, which is here already, into its thumbnail.

    Raises:
        MediaError: It is no picture.
    """
    picture = cv2.imread(str(still.path))
    if picture is None:
        raise MediaError(f"{still.path}: is no picture; delete it and run again")
    return _kept(picture.astype(np.uint8, copy=False), store)


def _kept(picture: Picture, store: Store) -> File:
    return kept(scaled(picture, min(WIDTH_PX, picture.shape[1])), QUALITY, store)
