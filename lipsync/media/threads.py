"""Threads: how many decode a picture; of a short one the threads take longer than the pictures."""

from av.video.stream import VideoStream

# Measured on two cores: 12 pictures of 320x240 take 17 ms with libav's threads and 5 ms without,
# 10 of 1080p (21 million pixels) as long one way as the other.
WORTH_THREADS_PX = 20_000_000


def thread(stream: VideoStream) -> None:
    """Have a stream decoded by as many threads as are worth their start.

    How long a stream is, its header says; where it does not, it may be long.
    """
    if 0 < stream.frames * stream.width * stream.height < WORTH_THREADS_PX:
        stream.codec_context.thread_count = 1
        return
    # "AUTO" deadlocks with av.logging.set_level, which is never called here (reproduced).
    stream.thread_type = "AUTO"
