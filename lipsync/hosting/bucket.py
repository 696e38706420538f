"""A bucket: files are put there under the hash of their bytes, and fetched by presigned links."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from lipsync.errors import UsageError, VendorBusy
from lipsync.hosting.links import check_link
from lipsync.hosting.settings import BucketSettings
from lipsync.values import File

# boto's own tries per call, above which s3fs tries again; more would only keep a worker waiting
# that can come back later.
_TRIES = 2


class Bucket:
    """Hosts in an S3-compatible bucket; honours HTTPS_PROXY and SSL_CERT_FILE."""

    def __init__(self, settings: BucketSettings) -> None:
        """Name the bucket; nothing is sent yet."""
        self._settings = settings

    def link(self, file: File) -> str:
        """Put a file into the bucket, unless it is there, and sign a link to it.

        Raises:
            UsageError: There is no such bucket, it refuses the key, or the link does not work.
            VendorBusy: It does not answer.
        """
        settings = self._settings
        key = f"{settings.bucket}/{settings.prefix}{file.sha256}{file.path.suffix.lower()}"
        with _bucket_errors(settings):
            bucket = self._opened()
            if not self._has(bucket, key, file):
                bucket.put_file(str(file.path), key)
            link = str(bucket.sign(key, expiration=settings.link_lifetime_s))
        if settings.check_links:
            check_link(link, file)
        return link

    def _has(self, bucket: Any, key: str, file: File) -> bool:
        """Say whether it is there and was put there recently.

        What is older than a link's life is put there anew, so that a rule that empties the bucket
        after some days cannot take a file from under a link.
        """
        try:
            found = bucket.info(key)
        except FileNotFoundError:
            return False
        oldest = datetime.now(UTC) - timedelta(seconds=self._settings.link_lifetime_s)
        return bool(found["size"] == file.size_bytes and found["LastModified"] >= oldest)

    def _opened(self) -> Any:
        """Open the bucket's file system; it is not kept, for its cache would keep the key."""
        import fsspec  # noqa: PLC0415  s3fs loads aiobotocore, a second nobody else should wait

        settings = self._settings
        # boto reads HTTPS_PROXY and NO_PROXY itself, but of certificates only AWS_CA_BUNDLE; here
        # one variable serves every call.
        client = {
            "region_name": settings.region,
            "verify": os.environ.get("SSL_CERT_FILE"),
        }
        return fsspec.filesystem(
            "s3",
            key=_shown(settings.access_key_id),
            secret=_shown(settings.secret_access_key),
            token=_shown(settings.session_token),
            endpoint_url=settings.endpoint_url,
            client_kwargs={name: value for name, value in client.items() if value},
            config_kwargs={
                "signature_version": "s3v4",
                "retries": {"max_attempts": _TRIES},
                "s3": {"addressing_style": settings.addressing},
            },
            use_listings_cache=False,
            skip_instance_cache=True,
        )


@contextmanager
def _bucket_errors(settings: BucketSettings) -> Iterator[None]:
    """Turn what boto says into one sentence; it never names a key.

    Raises:
        UsageError: The bucket is not there, refuses us, or nobody is logged in.
        VendorBusy: It did not answer.
    """
    from botocore.exceptions import (  # noqa: PLC0415  the same second
        BotoCoreError,
        NoCredentialsError,
        PartialCredentialsError,
    )

    place = f"bucket {settings.bucket} at {settings.endpoint_url or 'AWS'}"
    out = "nothing was bought, check HOSTING_BUCKET, HOSTING_ENDPOINT_URL and the AWS_… key"
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise UsageError(f"{place}: no key is set; {out}") from error
    except PermissionError as error:
        raise UsageError(f"{place}: refuses the key; {out}") from error
    except FileNotFoundError as error:
        raise UsageError(f"{place}: there is no such bucket; {out}") from error
    except (BotoCoreError, OSError) as error:
        why = type(error).__name__
        raise VendorBusy(f"{place}: does not answer ({why}); {out}, or try again") from error


def _shown(secret: Any) -> str | None:
    return None if secret is None else str(secret.get_secret_value())
