"""The workshop: everything a stage needs besides its request, opened when first asked for."""

import os
from functools import cached_property
from typing import TYPE_CHECKING

from lipsync.cache import Cache
from lipsync.catalogue import Catalogue
from lipsync.home import Home
from lipsync.shelf import load_catalogue
from lipsync.store import Store
from lipsync.vendors import availability, vendor_named
from lipsync.vendors.protocol import Vendor

if TYPE_CHECKING:  # loads SQLAlchemy: half a second that most stages do not need
    from lipsync.ledger import Ledger


class Workshop:
    """Store, cache, ledger, catalogue and vendors of one home."""

    def __init__(self, home: Home) -> None:
        self.home = home

    @cached_property
    def store(self) -> Store:
        """Where files are kept; what killed processes left in scratch is swept first."""
        store = Store(self.home)
        store.sweep()
        return store

    @cached_property
    def cache(self) -> Cache:
        """What was made already."""
        return Cache(self.store)

    @cached_property
    def ledger(self) -> "Ledger":
        """What was ordered."""
        from lipsync.ledger import Ledger  # noqa: PLC0415  loads SQLAlchemy, half a second

        return Ledger(self.home.ledger, self.home.folder("locks"))

    @cached_property
    def catalogue(self) -> Catalogue:
        """Which models there are."""
        return load_catalogue()

    @property
    def availability(self) -> dict[str, str | None]:
        """Why a vendor cannot be used here and now; None when it can."""
        return availability(self.catalogue, os.environ)

    def vendor(self, name: str) -> Vendor:
        """Return the vendor of an order.

        Raises:
            UsageError: This version knows no such vendor.
        """
        return vendor_named(name, self.store)
