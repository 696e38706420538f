"""Signing settings: the certificate an output is signed with; the key shows in nothing."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError

from lipsync.accounts import environment
from lipsync.disclosure import Signed
from lipsync.errors import UsageError
from lipsync.values import Value

# C2PA Technical Specification 2.1, §13: the algorithms a claim may be signed with.
Algorithm = Literal["es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519"]

CERTIFICATE, KEY = "DUBLINE_C2PA_CERT", "DUBLINE_C2PA_KEY"
_VARIABLES = {
    "certificate": CERTIFICATE,
    "key": KEY,
    "algorithm": "DUBLINE_C2PA_ALG",
    "tsa_url": "DUBLINE_C2PA_TSA",
}
_PEM = "-----BEGIN "


class SigningSettings(Value):
    """A certificate chain and its key, as PEM, and who may witness the time."""

    certificate: str = Field(description="The signer's certificate first, then those above it.")
    key: SecretStr
    algorithm: Algorithm = "es256"
    tsa_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="A time-stamp authority (RFC 3161); None: nobody is asked, nothing is sent.",
    )

    @property
    def signed(self) -> Signed:
        """Name the signer without its key."""
        digest = hashlib.sha256(self.certificate.encode()).hexdigest()
        return Signed(certificate_sha256=digest, algorithm=self.algorithm, tsa_url=self.tsa_url)

    @classmethod
    def found(cls, environ: Mapping[str, str] | None = None) -> Self | None:
        """Read `DUBLINE_C2PA_CERT`, `…_KEY`, `…_ALG` and `…_TSA`; None: nothing is signed.

        Certificate and key are PEM text, or paths of files that hold it.

        Raises:
            UsageError: One of the two is missing, cannot be read, or a setting makes no sense.
        """
        seen = environment(environ)
        given = {name: seen[word] for name, word in _VARIABLES.items() if seen.get(word)}
        return cls.of(given) if {"certificate", "key"} & given.keys() else None

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Self:
        """Fill the settings; what is not said keeps its default.

        Raises:
            UsageError: As `found`.
        """
        for name in ("certificate", "key"):
            if name not in given:
                raise UsageError(
                    f"{_VARIABLES[name]} is not set; to sign, C2PA needs a certificate and its key"
                )
        read = {name: _pem(given[name], _VARIABLES[name]) for name in ("certificate", "key")}
        try:
            return cls.model_validate({**given, **read})
        except ValidationError as error:
            fault = error.errors(include_input=False)[0]
            raise UsageError(
                f"{_VARIABLES[str(fault['loc'][0])]} cannot be used: {fault['msg']}"
            ) from None


def _pem(text: str, variable: str) -> str:
    """Return PEM text as it is, and that of a file a path names; neither is ever shown."""
    if text.lstrip().startswith(_PEM):
        return text
    try:
        read = Path(text).expanduser().read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text file"
        raise UsageError(
            f"{variable} names a file that cannot be read ({reason}); name a PEM file"
        ) from None
    if not read.lstrip().startswith(_PEM):
        raise UsageError(f"{variable} names a file that is not PEM; convert it with openssl")
    return read
