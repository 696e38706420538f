"""Certificates as a studio would have them: a root, and a signer below it; made here, for tests."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

pytest.importorskip("cryptography")

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SIGNER = "Example Studio Signing"
_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
    "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


class Chain(NamedTuple):
    """PEM text: the signer's certificate with its root, the root alone, the signer's key."""

    certificate: str
    root: str
    key: str


def make_chain(*, days: int = 30) -> Chain:
    """Make a chain as C2PA wants it; one that ended yesterday for negative days."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name, name = _name("Example Root"), _name(SIGNER)
    root = _begun(root_name, root_name, root_key, 30)
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    root = root.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
    signer = _begun(name, root_name, key, days)
    signer = signer.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    signer = signer.add_extension(_usage("digital_signature"), critical=True)
    signer = signer.add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
    )
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    signer = signer.add_extension(issuer, critical=False)
    top, leaf = (
        each.sign(root_key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
        for each in (root, signer)
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Chain(leaf + top, top, secret)


def _begun(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    begun = x509.CertificateBuilder().subject_name(name).issuer_name(issuer)
    begun = begun.public_key(key.public_key()).serial_number(x509.random_serial_number())
    begun = begun.not_valid_before(now - timedelta(days=40))
    begun = begun.not_valid_after(now + timedelta(days=days))
    mine = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return begun.add_extension(mine, critical=False)


def _name(common: str) -> x509.Name:
    parts = ((NameOID.COMMON_NAME, common), (NameOID.ORGANIZATION_NAME, "Example Studio"))
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts])


def _usage(*words: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in words for usage in _USAGES})
