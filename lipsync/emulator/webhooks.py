"""Webhooks: fal tells a URL that a job has ended, and signs what it says."""

import base64
import hashlib
import json
import logging
import urllib.error
import urllib.request
from typing import Any

from lipsync.emulator.clock import Clock
from lipsync.emulator.fetching import is_here
from lipsync.emulator.jobs import Job, Outcome

log = logging.getLogger(__name__)

# fal's first attempt (reference: fal-protocol.md §9); here it is the only one.
PATIENCE_S = 15
USER_ID = "emulated-user"


class Webhooks:
    """Signs with a key of its own, which `jwks` publishes; calls only this machine."""

    def __init__(self, clock: Clock) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415  with trustme
            Ed25519PrivateKey,
        )

        self._clock = clock
        self._key = Ed25519PrivateKey.generate()
        # No proxy: it is ours, and lets nothing through.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def jwks(self) -> dict[str, Any]:
        """Write the public key as rest.fal.ai/.well-known/jwks.json does."""
        public = self._key.public_key().public_bytes_raw()
        x = base64.urlsafe_b64encode(public).decode().rstrip("=")
        return {"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "1", "x": x}]}

    def tell(self, job: Job, outcome: Outcome) -> None:
        """Call the URL a job was submitted with, once; targets elsewhere are dropped."""
        if job.webhook is None or not is_here(job.webhook):
            return
        body = json.dumps(_said(job, outcome)).encode()
        request = urllib.request.Request(  # noqa: S310  http on this machine, see above
            job.webhook, data=body, headers=self._signed(job.id, body), method="POST"
        )
        try:
            with self._opener.open(request, timeout=PATIENCE_S):
                log.debug("%s told its webhook", job.id)
        except (urllib.error.URLError, OSError) as error:
            log.debug("%s could not tell its webhook: %s", job.id, error)

    def _signed(self, request_id: str, body: bytes) -> dict[str, str]:
        at = str(int(self._clock.now_s()))
        digest = hashlib.sha256(body).hexdigest()
        signature = self._key.sign(f"{request_id}\n{USER_ID}\n{at}\n{digest}".encode())
        return {
            "Content-Type": "application/json",
            "X-Fal-Webhook-Request-Id": request_id,
            "X-Fal-Webhook-User-Id": USER_ID,
            "X-Fal-Webhook-Timestamp": at,
            "X-Fal-Webhook-Signature": signature.hex(),
        }


def _said(job: Job, outcome: Outcome) -> dict[str, Any]:
    said = {"request_id": job.id, "gateway_request_id": job.id, "payload": outcome.body}
    if outcome.status == 200:  # noqa: PLR2004  HTTP
        return said | {"status": "OK"}
    return said | {"status": "ERROR", "error": f"Invalid status code: {outcome.status}"}
