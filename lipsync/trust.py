"""Trust: whose certificates are believed, read once; every connection of a process shares it."""

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

# What may name the certificates in place of the bundle that comes with httpx.
_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def trusted() -> "ssl.SSLContext":
    """Return what to verify servers with, as httpx would set it up.

    To read the usual bundle takes 20 to 30 ms of CPU, more than everything else about a connection,
    and a client of httpx reads it anew (measured).
    """
    return _read(tuple(_stamp(os.environ.get(name, "")) for name in _VARIABLES))


def _stamp(path: str) -> tuple[str, int]:
    """Tell a bundle from another one that has taken its place."""
    try:
        return path, Path(path).stat().st_mtime_ns if path else 0
    except OSError:
        return path, 0


@lru_cache(maxsize=1)
def _read(_stamps: tuple[tuple[str, int], ...]) -> "ssl.SSLContext":
    import httpx  # noqa: PLC0415  a tenth of a second that only a paid vendor needs

    return httpx.create_ssl_context()
