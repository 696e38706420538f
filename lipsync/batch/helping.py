"""Helping: a batch of some size has helpers measure and encode beside the threads that buy."""

from collections.abc import Iterator
from contextlib import contextmanager

from lipsync.aside import Helpers, here
from lipsync.batch.loading import ASIDE
from lipsync.workshop import Workshop

# Ours: helpers take a second to start, which is what a few dubs keep the others waiting.
WORTH_HELPERS = 12


@contextmanager
def helped(shop: Workshop, rows: int, encoders: int) -> Iterator[Helpers]:
    """Have helpers measure and encode, where there are enough rows to be worth their start."""
    with Helpers(min(rows, encoders), ASIDE) as helpers:
        shop.doing = helpers if rows >= WORTH_HELPERS else here
        try:
            yield helpers
        finally:
            shop.doing = here
