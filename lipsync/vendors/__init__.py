"""Vendors: who is called to make a dub. `protocol` says what each can be asked."""

from collections.abc import Mapping

from lipsync.catalogue import Catalogue
from lipsync.errors import UsageError
from lipsync.store import Store
from lipsync.vendors.protocol import Vendor

# Whom this version can submit to; the catalogue knows more.
VENDORS = ("local",)


def vendor_named(name: str, store: Store) -> Vendor:
    """Return the vendor of an order.

    Raises:
        UsageError: This version cannot submit to it.
    """
    if name not in VENDORS:
        raise UsageError(f"this version of Dubline cannot submit to {name} yet; use local-preview")
    from lipsync.vendors.local import LocalVendor  # noqa: PLC0415  loads the media libraries

    return LocalVendor(store)


def availability(catalogue: Catalogue, environ: Mapping[str, str]) -> dict[str, str | None]:
    """Say of every vendor of the catalogue why it cannot be used; None when it can."""
    missing = catalogue.availability(environ)
    return {
        name: why or (None if name in VENDORS else "this version cannot submit to it yet")
        for name, why in missing.items()
    }
