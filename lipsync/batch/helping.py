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
        shop.doing = helpers if _are_worth_it(rows) else here
        try:
            yield helpers
        finally:
            shop.doing = here


def spare(rows: int) -> int:
    """Say how many more rows are completed at a time than there are helpers.

    A row's own thread writes its report and its page, and its helper would be idle meanwhile
    (measured: 40 dubs that came back together are there 0.2 s sooner).

    >>> spare(2), spare(1000)
    (0, 1)
    """
    return 1 if _are_worth_it(rows) else 0


def _are_worth_it(rows: int) -> bool:
    return rows >= WORTH_HELPERS
