"""Which hosting is set, and what is wrong with how it is set."""

from pathlib import Path

import pytest

from lipsync.errors import UsageError
from lipsync.hosting import (
    BucketSettings,
    FalCdnSettings,
    FolderSettings,
    hosting_settings,
    why_none,
)

BUCKET = {
    "HOSTING_BUCKET": "media",
    "AWS_ACCESS_KEY_ID": "AKID",
    "AWS_SECRET_ACCESS_KEY": "planted",
}
FOLDER = {"HOSTING_FOLDER": "/srv/media", "HOSTING_BASE_URL": "https://media.example.com/d"}


def test_a_bucket_goes_before_a_folder_and_a_folder_before_fal() -> None:
    fal = {"FAL_KEY": "k"}
    assert isinstance(hosting_settings(BUCKET | FOLDER | fal), BucketSettings)
    assert isinstance(hosting_settings(FOLDER | fal), FolderSettings)
    assert isinstance(hosting_settings(fal), FalCdnSettings)
    assert isinstance(hosting_settings({"FAL_KEY_ID": "k", "FAL_KEY_SECRET": "s"}), FalCdnSettings)


def test_why_nothing_can_be_hosted_is_said_without_an_error() -> None:
    assert why_none(BUCKET) is None
    assert "set HOSTING_BUCKET" in str(why_none({}))


def test_every_setting_is_read() -> None:
    more = {
        "HOSTING_PREFIX": "in/",
        "HOSTING_ENDPOINT_URL": "https://s3.example.com",
        "AWS_REGION": "eu-west-1",
        "AWS_SESSION_TOKEN": "token",
        "HOSTING_ADDRESSING": "path",
        "HOSTING_LINK_LIFETIME_S": "7200",
        "HOSTING_CHECK_LINKS": "no",
    }
    found = hosting_settings(BUCKET | more)
    assert isinstance(found, BucketSettings)
    assert (found.prefix, found.endpoint_url, found.region) == (
        "in/",
        "https://s3.example.com",
        "eu-west-1",
    )
    assert (found.link_lifetime_s, found.check_links, found.addressing) == (7200, False, "path")
    assert found.session_token is not None
    assert found.session_token.get_secret_value() == "token"
    assert hosting_settings(FOLDER) == FolderSettings(
        folder=Path("/srv/media"), base_url="https://media.example.com/d"
    )


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        pytest.param({}, "set HOSTING_BUCKET, or HOSTING_FOLDER", id="nothing"),
        pytest.param(
            {"HOSTING_BASE_URL": "https://x"}, "HOSTING_FOLDER cannot be used", id="no folder"
        ),
        pytest.param({"HOSTING_FOLDER": "/x"}, "HOSTING_BASE_URL cannot be used", id="no address"),
        pytest.param(
            FOLDER | {"HOSTING_BASE_URL": "ftp://x"}, "HOSTING_BASE_URL cannot", id="no http"
        ),
        pytest.param(
            BUCKET | {"HOSTING_LINK_LIFETIME_S": "604801"}, "HOSTING_LINK_LIFETIME_S", id="too long"
        ),
        pytest.param(
            BUCKET | {"HOSTING_PREFIX": "../up/"}, "HOSTING_PREFIX cannot be used", id="prefix"
        ),
        pytest.param(
            BUCKET | {"AWS_SECRET_ACCESS_KEY": ""},
            "an access key id and a secret access key go together",
            id="half a key",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_variable(environ: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says) as told:
        hosting_settings(environ)
    assert "planted" not in f"{told.value!r} {told.value.__cause__!r}"


def test_no_secret_is_in_what_settings_look_like() -> None:
    found = hosting_settings(BUCKET | {"AWS_SESSION_TOKEN": "planted"})
    assert "planted" not in f"{found!r} {found} {found.model_dump_json()}"
