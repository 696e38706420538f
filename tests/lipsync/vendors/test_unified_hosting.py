"""The unified vendor with media in a private bucket: fetched by links nobody else sees."""

import logging
from pathlib import Path

import pytest

from lipsync.collect import collect
from lipsync.emulator import emulating
from lipsync.home import Home
from lipsync.ledger import Ledger
from lipsync.shelf import load_catalogue
from lipsync.store import Store
from lipsync.submit import submit
from lipsync.vendors.unified.vendor import UnifiedVendor
from lipsync.waiting import Waiting
from tests.clips import make_clip, make_voice
from tests.lipsync.hosting.servers import own_s3
from tests.lipsync.orders import kept
from tests.lipsync.vendors.unified_parts import unified_order

pytest.importorskip("trustme")


def test_a_dub_from_a_private_bucket_arrives_and_leaves_no_signature_behind(
    store: Store,
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    order = unified_order(
        video=kept(store, make_clip(tmp_path / "v.mp4", frames=25)),
        voice=kept(store, make_voice(tmp_path / "a.wav", 1.0)),
    )
    with own_s3(tmp_path) as s3, emulating(tmp_path, latency_s=0.0) as emulator:
        s3.call("PUT", "/private")
        trusted = tmp_path / "both.pem"
        theirs = Path(emulator.environment["SSL_CERT_FILE"])
        trusted.write_text(s3.authority.read_text() + theirs.read_text())
        environ = emulator.environment | {
            "SSL_CERT_FILE": str(trusted),
            "HOSTING_BUCKET": "private",
            "HOSTING_ENDPOINT_URL": s3.url,
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "a-planted-secret-key",
        }
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        ledger = Ledger(home.ledger)
        vendor = UnifiedVendor.found(store, load_catalogue(), environ)
        ticket = submit(order, ledger, vendor).ticket
        assert collect(ticket, ledger, vendor, store, Waiting(patience_s=30))
        [job] = emulator.account().accepted
    signature = job.arguments["video"].partition("X-Amz-Signature=")[2]
    assert len(signature) == 64
    ledger.close()
    rows = b"".join(path.read_bytes() for path in home.root.glob("ledger*"))
    ours = [record for record in caplog.records if record.name.startswith(("lipsync", "httpx"))]
    shown = "\n".join(record.getMessage() for record in ours) + repr(ticket)
    for secret in (signature, "a-planted-secret-key"):
        assert secret not in shown
        assert secret.encode() not in rows
