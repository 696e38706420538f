"""The workshop: everything a stage needs besides its request, opened when first asked for."""

from functools import cached_property
from typing import TYPE_CHECKING

from lipsync.cache import Cache
from lipsync.catalogue import Catalogue
from lipsync.home import Home
from lipsync.means import Means
from lipsync.shelf import load_catalogue
from lipsync.store import Store
from lipsync.vendors import availability, vendor_named
from lipsync.vendors.protocol import Vendor

if TYPE_CHECKING:  # loads SQLAlchemy: half a second that most stages do not need
    from lipsync.ledger import Ledger


class Workshop:
    """Store, cache, ledger, catalogue and vendors of one home."""

    def __init__(self, home: Home, means: Means | None = None) -> None:
        """Name a home, and the accounts and limits that go with it; None: the environment's."""
        self.home = home
        self.means = means or Means()

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

        url = self.means.ledger().url
        place = self.home.ledger if url is None else url.get_secret_value()
        return Ledger(place, self.home.folder("locks"))

    @property
    def catalogue(self) -> Catalogue:
        """Which models there are, at the prices this account pays where home knows them."""
        if not (self.home.root / "prices.toml").is_file():
            return self._shipped
        from lipsync.vendors.fal.refresh import with_own_prices  # noqa: PLC0415  rarely there

        return with_own_prices(self._shipped, self.home)

    @cached_property
    def _shipped(self) -> Catalogue:
        return load_catalogue()

    @property
    def availability(self) -> dict[str, str | None]:
        """Why a vendor cannot be used here and now; None when it can."""
        return availability(self._shipped, self.means)

    def vendor(self, name: str) -> Vendor:
        """Return the vendor of an order.

        Raises:
            UsageError: This version knows no such vendor, or its account is not set up.
        """
        return vendor_named(name, self.store, self.catalogue, self.means)
