"""The block `MediaHosting`: where files are put for vendors that take only links."""

from typing import ClassVar, Literal

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.filled import filled
from lipsync.hosting import BucketSettings, FalCdnSettings, FolderSettings, HostingSettings

_KINDS: dict[str, type[HostingSettings]] = {
    "fal": FalCdnSettings,
    "bucket": BucketSettings,
    "folder": FolderSettings,
}


class MediaHosting(Block):
    """A place vendors fetch from: fal's CDN, a bucket with presigned links, or a public folder."""

    _block_type_name: ClassVar[str | None] = "Media Hosting"
    _block_type_slug: ClassVar[str | None] = "media-hosting"

    kind: Literal["fal", "bucket", "folder"] = Field(
        default="fal", description="fal's CDN needs a fal account; the others the fields below."
    )
    bucket: str | None = Field(default=None, description="bucket: its name.")
    prefix: str | None = Field(default=None, description="bucket: what names begin with, x/.")
    endpoint_url: str | None = Field(default=None, description="bucket: empty is AWS.")
    region: str | None = Field(default=None, description="bucket: its region.")
    addressing: Literal["auto", "path", "virtual"] | None = Field(
        default=None, description="bucket: virtual puts its name into the host's."
    )
    access_key_id: SecretStr | None = Field(default=None, description="bucket: one half.")
    secret_access_key: SecretStr | None = Field(default=None, description="bucket: the other.")
    link_lifetime_s: int | None = Field(default=None, description="bucket: of presigned links.")
    folder: str | None = Field(default=None, description="folder: what the web server shows.")
    base_url: str | None = Field(default=None, description="folder: its public address.")
    check_links: bool = Field(default=True, description="Fetch a byte before anything is bought.")

    def settings(self) -> HostingSettings:
        """Return the hosting as the domain takes it.

        Raises:
            UsageError: A field cannot be used.
        """
        return filled(_KINDS[self.kind], self)
