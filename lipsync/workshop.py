"""The workshop: everything a stage needs besides its request, opened when first asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync.aside import Doing, here
from lipsync.cache import Cache
from lipsync.catalogue import Catalogue
from lipsync.errors import MediaError
from lipsync.home import Home
from lipsync.links import Link
from lipsync.means import Means
from lipsync.shelf import load_catalogue
from lipsync.store import Store
from lipsync.values import File
from lipsync.vendors import availability, vendor_named
from lipsync.vendors.protocol import Vendor

if TYPE_CHECKING:  # loads SQLAlchemy: half a second that most stages do not need
    from lipsync.ledger import Ledger
    from lipsync.remote.fetched import Fetched


class Workshop:
    """Store, cache, ledger, catalogue and vendors of one home.

    Attributes:
        home: Where everything is kept.
        means: The accounts and limits that go with it.
        doing: Who measures and encodes: this thread, or a helper beside it.
    """

    def __init__(self, home: Home, means: Means | None = None) -> None:
        """Name a home, and the accounts and limits that go with it; None: the environment's."""
        self.home = home
        self.means = means or Means()
        self._fetched: Fetched | None = None
        self.doing: Doing = here

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

    @property
    def fetched(self) -> "Fetched":
        """What came by links."""
        if self._fetched is None:
            from lipsync.remote.fetched import Fetched  # noqa: PLC0415  only a link needs it

            self._fetched = Fetched(self.store, self.means)
        return self._fetched

    def file(self, given: Path | Link) -> File:
        """Know an input by its bytes; what is behind a link is fetched, once.

        Raises:
            MediaError: There is no such file.
            VendorBusy: A link does not answer; run again.
        """
        return (
            self.fetched.file(given) if isinstance(given, Link) else self.store.fingerprint(given)
        )

    def renew(self, *given: Path | Link) -> None:
        """Ask whether what is behind links is still the same, as every dub does at first.

        Raises:
            MediaError: Or another error, as `file`.
        """
        for link in given:
            if isinstance(link, Link):
                self.fetched.renew(link)

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Have errors name a file that came by a link after the link, not after its place here."""
        try:
            yield
        except MediaError as error:
            said = str(error) if self._fetched is None else self._fetched.named(str(error))
            if said == str(error):
                raise
            raise type(error)(said) from error

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
        return vendor_named(name, self.store, self.catalogue, self.means, self._passed)

    def _passed(self, file: File, private: bool) -> str | None:
        """Return the link a vendor may fetch a file by; None: it did not come by one."""
        if self._fetched is None:
            return None
        from lipsync.remote.passing import passed  # noqa: PLC0415  only a link needs it

        return passed(file, self._fetched.origin(file), private=private)
