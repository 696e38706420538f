"""A bucket: uploaded once while its link lives, over TLS, through the proxy, without a secret."""

import logging
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from lipsync.errors import UsageError, VendorBusy
from lipsync.hosting.bucket import Bucket
from lipsync.hosting.settings import BucketSettings
from lipsync.values import File
from tests.clips import as_file
from tests.lipsync.hosting.servers import S3, own_s3, tunnelling

SECRET = "a-planted-secret-key"  # noqa: S105  looked for in every output


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with own_s3(tmp_path_factory.mktemp("s3")) as server:
        server.call("PUT", "/bucket1")
        yield server


@pytest.fixture(autouse=True)
def trusted(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the server the way everything here is told to: by SSL_CERT_FILE alone."""
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(s3.authority))
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/ca.pem")


@pytest.fixture
def settings(s3: S3) -> BucketSettings:
    return BucketSettings(
        bucket="bucket1",
        endpoint_url=s3.url,
        region="eu-central-1",
        access_key_id=SecretStr("AKIDEXAMPLE"),
        secret_access_key=SecretStr(SECRET),
    )


@pytest.fixture
def clip(tmp_path: Path) -> File:
    path = tmp_path / "übung 1.mp4"
    path.write_bytes(tmp_path.name.encode() * 100)
    return as_file(path)


def place(settings: BucketSettings, clip: File) -> str:
    return f"{settings.bucket}/{settings.prefix}{clip.sha256}.mp4"


def stored(settings: BucketSettings, clip: File) -> bytes:
    content: bytes = Bucket(settings)._opened().cat_file(place(settings, clip))
    return content


def put(settings: BucketSettings, clip: File, content: bytes) -> None:
    Bucket(settings)._opened().pipe_file(place(settings, clip), content)


def test_a_link_leads_to_the_file_and_says_what_it_is(
    s3: S3, settings: BucketSettings, clip: File
) -> None:
    link = Bucket(settings).link(clip)
    trusting = ssl.create_default_context(cafile=str(s3.authority))
    answer = httpx.get(link, verify=trusting, trust_env=False)
    assert answer.content == clip.path.read_bytes() == stored(settings, clip)
    assert answer.headers["content-type"] == "video/mp4"


def test_a_link_lives_as_long_as_is_set_and_is_named_by_content(
    settings: BucketSettings, clip: File
) -> None:
    changed = settings.model_copy(update={"link_lifetime_s": 7_200})
    query = httpx.URL(Bucket(changed).link(clip))
    assert query.params["X-Amz-Expires"] == "7200"
    assert query.path == f"/bucket1/dubline/{clip.sha256}.mp4"


def test_a_file_that_is_there_is_not_uploaded_again(settings: BucketSettings, clip: File) -> None:
    Bucket(settings).link(clip)
    put(settings, clip, b"*" * clip.size_bytes)  # as long, so it is taken for the file
    Bucket(settings).link(clip)
    assert stored(settings, clip) == b"*" * clip.size_bytes


def test_a_file_that_is_older_than_a_link_may_be_is_uploaded_again(
    settings: BucketSettings, clip: File
) -> None:
    put(settings, clip, b"*" * clip.size_bytes)
    ageing = settings.model_copy(update={"link_lifetime_s": -60, "check_links": False})
    Bucket(ageing).link(clip)  # everything is older than a link that never lives
    assert stored(settings, clip) == clip.path.read_bytes()


def test_half_a_file_is_uploaded_again(settings: BucketSettings, clip: File) -> None:
    put(settings, clip, b"half")
    Bucket(settings).link(clip)
    assert stored(settings, clip) == clip.path.read_bytes()


def test_every_call_goes_through_the_proxy(
    settings: BucketSettings, clip: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tunnelling() as (proxy, asked):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        Bucket(settings).link(clip)
    assert set(asked) == {str(settings.endpoint_url).removeprefix("https://")}
    assert len(asked) >= 2  # the bucket, and the look whether the link works


def test_a_server_nobody_vouches_for_gets_nothing(
    settings: BucketSettings, clip: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.delenv("AWS_CA_BUNDLE")
    with pytest.raises(VendorBusy, match="does not answer"):
        Bucket(settings).link(clip)


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        pytest.param({"bucket": "absent"}, UsageError, "no such bucket", id="no bucket"),
        pytest.param(
            {"endpoint_url": "https://127.0.0.1:9"}, VendorBusy, "does not answer", id="no server"
        ),
    ],
)
def test_a_bucket_that_is_not_there_is_said(
    settings: BucketSettings,
    clip: File,
    changes: dict[str, str],
    error: type[Exception],
    says: str,
) -> None:
    with pytest.raises(error, match=says):
        Bucket(settings.model_copy(update=changes)).link(clip)


def test_a_refused_key_is_said_and_shown_nowhere(
    s3: S3, settings: BucketSettings, clip: File, caplog: pytest.LogCaptureFixture
) -> None:
    s3.call("POST", "/moto-api/reset-auth", b"0")
    caplog.set_level(logging.DEBUG, "httpx")
    try:
        with pytest.raises(UsageError, match="refuses the key") as told:
            Bucket(settings).link(clip)
    finally:
        s3.call("POST", "/moto-api/reset-auth", b"1000000")
    assert SECRET not in f"{told.value!r} {told.value.__cause__!r} {settings!r} {caplog.text}"


def test_no_signature_is_logged(
    settings: BucketSettings, clip: File, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "httpx")  # which a run keeps quiet
    link = Bucket(settings).link(clip)
    signature = httpx.URL(link).params["X-Amz-Signature"]
    said = "\n".join(record.getMessage() for record in caplog.records if record.name == "httpx")
    assert clip.sha256 in said
    assert signature not in said
