"""TLS: an authority of our own, made anew for every run, and one leaf for every name of fal."""

import ssl
from dataclasses import dataclass
from pathlib import Path

# What the clients connect to (reference: fal-protocol.md §1, §16); the *.falrun.com are the backup
# hosts of fal_client, rest.alpha.fal.ai is what older JavaScript clients upload through.
QUEUE_HOSTS = frozenset({"queue.fal.run", "queue.falrun.com"})
RUN_HOSTS = frozenset({"fal.run", "falrun.com"})
REST_HOSTS = frozenset({"rest.fal.ai", "rest.alpha.fal.ai"})
CDN_HOSTS = frozenset({"v3.fal.media", "v3b.fal.media"})
PLATFORM_HOSTS = frozenset({"api.fal.ai"})
FAL_HOSTS = QUEUE_HOSTS | RUN_HOSTS | REST_HOSTS | CDN_HOSTS | PLATFORM_HOSTS


@dataclass(frozen=True)
class Authority:
    """Whom clients must trust, and the context a server speaks with."""

    certificate: Path
    context: ssl.SSLContext


def authority(folder: Path) -> Authority:
    """Make a certificate authority; its private key is never written down.

    Args:
        folder: Where the certificate to trust is written, as `ca.pem`.
    """
    import trustme  # noqa: PLC0415  an extra; only the emulator needs it

    issuer = trustme.CA(organization_name="Dubline's emulator: trust it for tests only")
    leaf = issuer.issue_cert(*sorted(FAL_HOSTS), "localhost", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    leaf.configure_cert(context)
    certificate = folder / "ca.pem"
    issuer.cert_pem.write_to_path(certificate)
    return Authority(certificate=certificate, context=context)
