"""What each kind of hosting needs to be told, and where that is read."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, model_validator

from lipsync.accounts import environment
from lipsync.errors import UsageError
from lipsync.values import Value

# As long as a result of the unified API lives (data/models.toml, "unified-tasks"): a job that has
# not fetched its media by then has been in the queue for a day.
LINK_LIFETIME_S = 86_400
# A presigned link of Signature Version 4 lives at most seven days (docs.aws.amazon.com, "Sharing
# objects with presigned URLs").
LONGEST_LINK_S = 604_800

S = TypeVar("S", bound=Value)

_ADDRESS = r"^https?://[^\s/?#]+(/[^\s?#]*)?$"


class BucketSettings(Value):
    """An S3-compatible bucket; the vendor gets presigned links.

    Without a key, whatever AWS's own tools would use serves: a profile, or the machine's role. The
    link dies with the credentials it was signed with: those of a role last hours.
    """

    kind: Literal["bucket"] = "bucket"
    bucket: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.\-_]{1,62}$")
    prefix: str = Field(default="dubline/", pattern=r"^([\w\-][\w.\-]*/)*$")
    endpoint_url: str | None = Field(default=None, pattern=_ADDRESS, description="None: AWS.")
    region: str | None = None
    addressing: Literal["auto", "path", "virtual"] = Field(
        default="auto", description="virtual: the bucket is part of the host's name."
    )
    access_key_id: SecretStr | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None
    link_lifetime_s: int = Field(default=LINK_LIFETIME_S, ge=3_600, le=LONGEST_LINK_S)
    check_links: bool = Field(default=True, description="Fetch a byte before anything is bought.")

    @model_validator(mode="after")
    def _has_both_halves_of_the_key(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("an access key id and a secret access key go together")
        return self


class FolderSettings(Value):
    """A folder that a web server shows at a public address."""

    kind: Literal["folder"] = "folder"
    folder: Path
    base_url: str = Field(pattern=_ADDRESS)
    check_links: bool = Field(default=True, description="Fetch a byte before anything is bought.")


class FalCdnSettings(Value):
    """fal's CDN, with the fal account that is set."""

    kind: Literal["fal"] = "fal"


HostingSettings = BucketSettings | FolderSettings | FalCdnSettings

# Which variable each setting is read from.
_BUCKET = {
    "bucket": "HOSTING_BUCKET",
    "prefix": "HOSTING_PREFIX",
    "endpoint_url": "HOSTING_ENDPOINT_URL",
    "region": "AWS_REGION",
    "addressing": "HOSTING_ADDRESSING",
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
    "link_lifetime_s": "HOSTING_LINK_LIFETIME_S",
    "check_links": "HOSTING_CHECK_LINKS",
}
_FOLDER = {
    "folder": "HOSTING_FOLDER",
    "base_url": "HOSTING_BASE_URL",
    "check_links": "HOSTING_CHECK_LINKS",
}
_FAL_KEYS = ("FAL_KEY", "FAL_KEY_ID")

WAYS = "set HOSTING_BUCKET, or HOSTING_FOLDER with HOSTING_BASE_URL, or FAL_KEY to use fal's CDN"


def hosting_settings(environ: Mapping[str, str] | None = None) -> HostingSettings:
    """Read which hosting is set: a bucket, else a folder, else fal's CDN.

    Args:
        environ: Used instead of this process's variables and `.env`.

    Raises:
        UsageError: None is set, or a setting cannot be read; the sentence names it.
    """
    seen = environment(environ)
    if seen.get("HOSTING_BUCKET"):
        return _read(BucketSettings, _BUCKET, seen)
    if seen.get("HOSTING_FOLDER") or seen.get("HOSTING_BASE_URL"):
        return _read(FolderSettings, _FOLDER, seen)
    if any(seen.get(name) for name in _FAL_KEYS):
        return FalCdnSettings()
    raise UsageError(f"unified fetches the media from a public link: {WAYS}")


def why_none(environ: Mapping[str, str] | None = None) -> str | None:
    """Say why nothing can be hosted; None when it can."""
    try:
        hosting_settings(environ)
    except UsageError as error:
        return str(error)
    return None


def _read(kind: type[S], names: dict[str, str], seen: Mapping[str, str]) -> S:
    given = {field: seen[variable] for field, variable in names.items() if seen.get(variable)}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        fault = error.errors(include_input=False)[0]
        place = names.get(str(fault["loc"][0])) if fault["loc"] else names[next(iter(names))]
        why = re.sub(r"^Value error, ", "", fault["msg"])
        raise UsageError(f"{place} cannot be used: {why}") from None
