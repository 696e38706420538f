"""The block `ContentCredentials`: the certificate that outputs are signed with."""

from typing import ClassVar, Literal

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from lipsync.signing import SigningSettings


class ContentCredentials(Block):
    """A certificate and its key: every output is then signed with C2PA."""

    _block_type_name: ClassVar[str | None] = "Content Credentials"
    _block_type_slug: ClassVar[str | None] = "content-credentials"

    certificate: str = Field(
        description="PEM text, or the path of a PEM file: the signer's first, then those above it."
    )
    key: SecretStr = Field(description="PEM text, or the path of a PEM file.")
    algorithm: Literal["es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519"] = Field(
        default="es256", description="The kind of the key."
    )
    tsa_url: str | None = Field(
        default=None, description="Time-stamp authority; empty: nobody is asked."
    )

    def settings(self) -> SigningSettings:
        """Return the certificate as the domain takes it.

        Raises:
            UsageError: A field cannot be used; what is in it is not said.
        """
        fields = {
            "certificate": self.certificate,
            "key": self.key.get_secret_value(),
            "algorithm": self.algorithm,
            "tsa_url": self.tsa_url,
        }
        return SigningSettings.of({name: text for name, text in fields.items() if text})
