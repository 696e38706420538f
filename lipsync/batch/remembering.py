"""Remembering: a workshop that finds what was made and makes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from lipsync.cache import Memory
from lipsync.catalogue import Catalogue
from lipsync.workshop import Workshop

if TYPE_CHECKING:
    from lipsync.remote.fetched import Fetched


class Remembering(Workshop):
    """The same home and means as another workshop; its stages answer from the cache or not at all.

    A stage that would have to make something raises `lipsync.cache.NotMade`. Prices and accounts
    are looked at once: a plan is made of one moment.
    """

    def __init__(self, shop: Workshop) -> None:
        """Stand beside `shop`."""
        super().__init__(shop.home, shop.means)
        self._shop = shop

    @cached_property
    def cache(self) -> Memory:
        """What was made already."""
        return self._shop.cache.memory()

    @property
    def fetched(self) -> "Fetched":
        """What came by links."""
        return self._shop.fetched

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Have errors name links, as the other workshop does."""
        with self._shop.naming():
            yield

    @cached_property
    def catalogue(self) -> Catalogue:
        """Which models there are."""
        return self._shop.catalogue

    @cached_property
    def availability(self) -> dict[str, str | None]:
        """Why a vendor cannot be used here and now; None when it can."""
        return self._shop.availability
