"""Claims about disclosure through the flow: the certificate of a block signs, and stays secret."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from lipsync import c2pa
from lipsync.home import Home
from lipsync.provenance import recorded_provenance
from tests.flows.paid import make_pair
from tests.lipsync.certificates import SIGNER, make_chain

pytest.importorskip("c2pa")
pytestmark = pytest.mark.usefixtures("server")


def test_a_dub_is_signed_with_the_certificate_of_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from blocks import ContentCredentials
    from flows.dub import dub
    from lipsync.params import DubParams

    chain, name = make_chain(), tmp_path.name.replace("_", "-").lower()
    monkeypatch.setenv("DUBLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DUBLINE_BLOCKS", name)
    ContentCredentials(certificate=chain.certificate, key=SecretStr(chain.key)).save(name)
    video, voice = make_pair(tmp_path)
    output = tmp_path / "out.mp4"
    params = DubParams(video=video, voice=voice, output=output, model="local-preview")
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        report = dub(params)
    signature = c2pa.read(output, anchors=chain.root)
    assert signature is not None
    assert signature.signer == SIGNER
    record = recorded_provenance(output)
    assert record is not None
    assert record.output.sha256 == report.output_sha256
    secret = chain.key.splitlines()[1]
    assert secret not in json.dumps(report.model_dump(mode="json"))
    assert secret not in "".join(capfd.readouterr())
    home = Home(tmp_path / "home").root
    assert not [p for p in home.rglob("*") if p.is_file() and secret.encode() in p.read_bytes()]
