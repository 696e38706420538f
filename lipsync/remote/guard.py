"""Guard: where a link may lead, step by step, so that a stranger's link opens nothing in here.

Refused, at the first step and at every redirect: all but http and https; a name and a password in
the link; addresses that are link-local (cloud machines are told their secrets there), multicast or
unspecified, also behind a name. Refused at a redirect: loopback and private addresses, unless the
link itself leads to such. Behind a proxy it is the proxy that looks up names; there the words of a
link are judged, and what they resolve to is not known here.
"""

import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from lipsync.errors import MediaError, VendorBusy
from lipsync.links import is_private
from lipsync.tickets import address

if TYPE_CHECKING:  # loads for a tenth of a second, and only a link needs it
    import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Guard:
    """Watches one fetch; `before` and `after` are httpx's event hooks."""

    def __init__(self, link: str) -> None:
        """Take the link as it was given; its query is not shown."""
        self._said = address(link)
        self._at_home: bool | None = None

    def before(self, request: "httpx.Request") -> None:
        """Judge a step before it is taken.

        Raises:
            MediaError: It leads where no link may.
            VendorBusy: Its name cannot be looked up.
        """
        url = request.url
        if url.scheme not in {"http", "https"}:
            raise self._refused(f"{url.scheme}://", "and only http and https are followed")
        if url.userinfo:
            bare = url.copy_with(userinfo=b"", query=None)
            raise MediaError(
                f"{bare}: a link with a name and a password in it is not followed; give a "
                "presigned one"
            )
        if self._at_home is not None:
            self._judge(url.host, [])  # a name may say enough
        places = self._looked_up(url)
        if self._at_home is None:  # where the link itself leads
            self._at_home = _is_inside(url.host, places)
        self._judge(url.host, places)

    def after(self, response: "httpx.Response") -> None:
        """Judge who answered before the answer is read: a name may lead elsewhere by now."""
        url, stream = response.request.url, response.extensions.get("network_stream")
        peer = stream.get_extra_info("server_addr") if stream is not None else None
        if isinstance(peer, tuple) and not is_proxied(url.scheme, url.host):
            self._judge(url.host, [_address(peer[0])])

    def _judge(self, host: str, places: list[Address]) -> None:
        if any(one.is_link_local or one.is_multicast or one.is_unspecified for one in places):
            raise self._refused(host, "an address that nothing is ever fetched from")
        if not self._at_home and _is_inside(host, places):
            raise self._refused(host, "where a public link may not lead: a private network")

    def _refused(self, where: str, why: str) -> MediaError:
        return MediaError(f"{self._said}: leads to {where}, {why}; give the file's own public link")

    def _looked_up(self, url: "httpx.URL") -> list[Address]:
        try:
            return looked_up(url.scheme, url.host, url.port)
        except OSError as error:
            raise VendorBusy(
                f"{self._said}: {url.host} is not found; check the link, or run again when there "
                "is a network"
            ) from error


def looked_up(scheme: str, host: str, port: int | None) -> list[Address]:
    """Look a name up as the connection will; where a proxy does that, only a literal is known.

    Raises:
        OSError: It is not known.
    """
    try:
        return [_address(host)]
    except ValueError:
        pass
    if is_proxied(scheme, host):
        return []
    try:
        found = socket.getaddrinfo(host, port or 443, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label that is too long
        raise OSError(str(error)) from error
    return [_address(one[4][0]) for one in found]


def is_public(link: str) -> bool:
    """Say whether everybody can follow a link, as far as can be known here."""
    parts = urlsplit(link)
    host = parts.hostname or ""
    try:
        return not _is_inside(host, looked_up(parts.scheme, host, parts.port))
    except OSError:
        return False


def is_proxied(scheme: str, host: str) -> bool:
    """Say whether a proxy of the environment makes the connection."""
    proxies = getproxies()
    return bool(proxies.get(scheme) or proxies.get("all")) and not proxy_bypass(host)


def _is_inside(host: str, places: list[Address]) -> bool:
    named = f"[{host}]" if ":" in host else host
    return is_private(f"http://{named}") or not all(place.is_global for place in places)


def _address(text: object) -> Address:
    """Read an address; one of IPv4 that is written as IPv6 is what it is.

    Raises:
        ValueError: It is a name.
    """
    place = ipaddress.ip_address(str(text).partition("%")[0])
    mapped = place.ipv4_mapped if isinstance(place, ipaddress.IPv6Address) else None
    return mapped or place
