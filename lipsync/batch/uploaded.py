"""Uploaded: a pair that was brought to its vendor ahead; a free place is not kept waiting."""

import time
from typing import Any, NamedTuple, cast

from lipsync.tickets import Media, Order
from lipsync.vendors.protocol import Vendor

# Half the shortest life that may be set for the links to a pair (lipsync.hosting).
GOOD_FOR_S = 1_800.0


class Uploaded(NamedTuple):
    """The links to a pair at a vendor, and when they were made.

    Attributes:
        key: Of the order they were made for.
        media: The links; None: the vendor needs none.
        at_s: On the monotonic clock.
    """

    key: str
    media: Media | None
    at_s: float

    @classmethod
    def by(cls, vendor: Vendor, order: Order) -> "Uploaded":
        """Bring a pair to its vendor; buys nothing.

        Raises:
            VendorError: It could not be brought there.
        """
        at_s = time.monotonic()
        return cls(order.key, vendor.prepare(order), at_s)

    def serves(self, order: Order) -> bool:
        """Say whether these are the links of an order, and young enough to wait in a queue."""
        return self.key == order.key and time.monotonic() - self.at_s < GOOD_FOR_S


def with_pair(vendor: Vendor, uploaded: Uploaded | None, order: Order) -> Vendor:
    """Return a vendor that need not be brought the pair of this order again."""
    if uploaded is None or not uploaded.serves(order):
        return vendor
    return cast("Vendor", _Supplied(vendor, uploaded.media))


class _Supplied:
    """A vendor in everything but that it has the pair."""

    def __init__(self, vendor: Vendor, media: Media | None) -> None:
        self._vendor, self._media = vendor, media

    def prepare(self, order: Order) -> Media | None:  # noqa: ARG002  the protocol asks with it
        """Return the links that are there."""
        return self._media

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vendor, name)
