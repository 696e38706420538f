"""Vendors: who is called to make a dub. `protocol` says what each can be asked."""

from lipsync.catalogue import Catalogue, VendorRow
from lipsync.errors import UsageError
from lipsync.means import Means
from lipsync.store import Store
from lipsync.values import File
from lipsync.vendors.passed import Passed, nothing
from lipsync.vendors.protocol import Vendor

# Whom this version can submit to.
VENDORS = ("local", "fal", "unified")


def vendor_named(
    name: str, store: Store, catalogue: Catalogue, means: Means, passed: Passed = nothing
) -> Vendor:
    """Return the vendor of an order; what it needs is loaded now, and not before.

    Args:
        name: Its word in the catalogue.
        store: Where the files of orders are.
        catalogue: What it sells.
        means: Its account.
        passed: Knows by which links files came.

    Raises:
        UsageError: This version does not know it, or its account is not set up.
    """
    if name == "fal":
        from lipsync.vendors.fal.vendor import FalVendor  # noqa: PLC0415  loads httpx

        return FalVendor(means.fal(), catalogue, store, passed)
    if name == "unified":
        from lipsync.vendors.unified.vendor import UnifiedVendor  # noqa: PLC0415  the same

        hosts = _Hosts(means, store)
        return UnifiedVendor(means.unified(), hosts, store, catalogue, passed=passed)
    if name == "local":
        from lipsync.vendors.local import LocalVendor  # noqa: PLC0415  loads the media libraries

        return LocalVendor(store)
    raise UsageError(f"this version of Dubline knows no vendor {name}; use the one that bought")


def availability(catalogue: Catalogue, means: Means) -> dict[str, str | None]:
    """Say of every vendor of the catalogue why it cannot be used; None when it can."""
    return {name: _why_not(name, row, means) for name, row in catalogue.vendors.items()}


def _why_not(name: str, row: VendorRow, means: Means) -> str | None:
    if name not in VENDORS:
        return "this version cannot submit to it"
    try:
        if name == "fal" and means.fal().key is None:
            return row.missing({})
        if name == "unified":
            means.unified()
            means.hosting()
    except UsageError as error:
        return str(error).partition(";")[0]
    return None


class _Hosts:
    """The hosting that is set, opened for the first file: to collect a result takes none."""

    def __init__(self, means: Means, store: Store) -> None:
        self._means = means
        self._store = store

    def link(self, file: File) -> str:
        """Put a file where the vendor can fetch it."""
        from lipsync.hosting import FalCdnSettings, hosting_of  # noqa: PLC0415  loads httpx

        settings = self._means.hosting()
        if not isinstance(settings, FalCdnSettings):
            return hosting_of(settings, self._store).link(file)
        from lipsync.hosting.falcdn import FalCdn  # noqa: PLC0415  loads fal_client
        from lipsync.vendors.fal.line import Line  # noqa: PLC0415  the same
        from lipsync.vendors.fal.uploads import Uploads  # noqa: PLC0415  the same

        return FalCdn(Uploads(Line(self._means.fal()), self._store)).link(file)
