"""Disclosing: every output says what it is, and is never lost because it cannot be signed."""

import json
from pathlib import Path
from typing import Any

import pytest

from lipsync import c2pa
from lipsync.disclosure import SourceType
from lipsync.errors import UsageError
from lipsync.home import Home
from lipsync.marking import read_mark
from lipsync.means import Means
from lipsync.provenance import Provenance, provenance_path, recorded_provenance
from lipsync.report import DubReport
from lipsync.store import hash_file
from lipsync.verdicts import Mark, Verdict
from lipsync.workshop import Workshop
from tests.lipsync.certificates import SIGNER, Chain, make_chain
from tests.lipsync.dubbing import dub, make_pair

pytest.importorskip("c2pa")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, Any]]:
    """A home and a pair; what was rendered for one test is found by the next."""
    folder = tmp_path_factory.mktemp("house")
    return Home(folder / "home"), make_pair(folder)


@pytest.fixture(scope="module")
def chain() -> Chain:
    return make_chain()


def shop_of(home: Home, chain: Chain | None = None, **more: str) -> Workshop:
    """Open a workshop with or without a certificate."""
    signing = (
        {"DUBLINE_C2PA_CERT": chain.certificate, "DUBLINE_C2PA_KEY": chain.key} if chain else {}
    )
    return Workshop(home, Means(signing | more))


def disclosed_in(report: DubReport) -> Verdict:
    (verdict,) = [one for one in report.verdicts if one.check == "disclosure"]
    return verdict


def test_a_preview_says_it_is_a_composite_and_nothing_about_a_model(
    house: tuple[Home, dict[str, Any]], tmp_path: Path
) -> None:
    home, pair = house
    made = dub(shop_of(home), output=tmp_path / "out.mp4", **pair)
    assert read_mark(made.report.output) is SourceType.COMPOSITE
    assert disclosed_in(made.report).verdict is Mark.PASS
    assert disclosed_in(made.report).value == "composite"
    assert c2pa.read(made.report.output) is None


def test_the_record_beside_an_output_accounts_for_it(
    house: tuple[Home, dict[str, Any]], tmp_path: Path
) -> None:
    home, pair = house
    shop = shop_of(home)
    made = dub(shop, output=tmp_path / "out.mp4", **pair)
    record = recorded_provenance(made.report.output)
    assert record is not None
    assert record.output.sha256 == hash_file(made.report.output) == made.report.output_sha256
    assert record.video.sha256 == hash_file(pair["video"])
    assert record.voice.sha256 == hash_file(pair["voice"])
    ticket = shop.ledger.ticket(made.report.ticket_id)
    making = record.making
    assert (making.ticket_id, making.order_key) == (ticket.id, ticket.key)
    assert making.sent_video_sha256 == ticket.order.video.sha256
    assert making.arguments == ticket.order.arguments
    assert not making.trained_model
    assert (record.money.quoted_usd, record.money.billed_usd) == (0, 0)
    assert [row.check for row in record.verdicts] == [v.check for v in made.report.verdicts]
    times = record.times
    assert times.ordered_at <= times.delivered_at <= times.written_at
    assert {"dubline", "python", "av", "prefect"} <= record.software.keys()


def test_the_record_names_no_path_of_this_machine(
    house: tuple[Home, dict[str, Any]], tmp_path: Path
) -> None:
    home, pair = house
    output = dub(shop_of(home), output=tmp_path / "out.mp4", **pair).report.output
    text = provenance_path(output).read_text()
    assert str(tmp_path) not in text
    assert str(home.root) not in text
    assert str(pair["video"].parent) not in text
    assert Provenance.model_validate_json(text).form == json.loads(text)["form"]


def test_a_record_that_is_gone_is_written_again_and_another_file_is_kept(
    house: tuple[Home, dict[str, Any]], tmp_path: Path
) -> None:
    home, pair = house
    shop, output = shop_of(home), tmp_path / "out.mp4"
    dub(shop, output=output, **pair)
    assert dub(shop, output=output, **pair).cached
    provenance_path(output).unlink()
    assert not dub(shop, output=output, **pair).cached
    assert recorded_provenance(output) is not None
    output.unlink()
    provenance_path(output).write_text("my notes")
    with pytest.raises(UsageError, match=r"provenance\.json: exists and is no record"):
        dub(shop, output=output, **pair)
    assert provenance_path(output).read_text() == "my notes"


def test_with_a_certificate_the_output_is_signed_once(
    house: tuple[Home, dict[str, Any]], chain: Chain, tmp_path: Path
) -> None:
    home, pair = house
    shop, output = shop_of(home, chain), tmp_path / "out.mp4"
    report = dub(shop, output=output, **pair).report
    signature = c2pa.read(output, anchors=chain.root)
    assert signature is not None
    assert signature.signer == SIGNER
    assert disclosed_in(report).value == f"composite, signed by {SIGNER}"
    assert disclosed_in(report).verdict is Mark.PASS
    record = recorded_provenance(output)
    assert record is not None
    assert record.disclosure is not None
    assert record.disclosure.signature == signature
    assert dub(shop, output=output, **pair).cached


def test_an_output_that_was_there_unsigned_is_replaced_by_the_signed_one(
    house: tuple[Home, dict[str, Any]], chain: Chain, tmp_path: Path
) -> None:
    home, pair = house
    output = tmp_path / "out.mp4"
    dub(shop_of(home), output=output, **pair)
    dub(shop_of(home, chain), output=output, **pair)
    assert c2pa.read(output) is not None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param({"DUBLINE_C2PA_CERT": make_chain().certificate}, "C2PA", id="another key"),
        pytest.param({"DUBLINE_C2PA_TSA": "http://127.0.0.1:9/"}, "C2PA: ", id="no time-stamp"),
        pytest.param({"DUBLINE_C2PA_ALG": "rot13"}, "DUBLINE_C2PA_ALG", id="no such kind"),
    ],
)
def test_what_cannot_be_signed_is_delivered_with_a_warning(
    house: tuple[Home, dict[str, Any]],
    chain: Chain,
    tmp_path: Path,
    more: dict[str, str],
    said: str,
) -> None:
    home, pair = house
    output = tmp_path / "out.mp4"
    report = dub(shop_of(home, chain, **more), output=output, **pair).report
    assert disclosed_in(report).verdict is Mark.WARN
    assert disclosed_in(report).note.startswith("not signed: ")
    assert said in disclosed_in(report).note
    assert read_mark(output) is SourceType.COMPOSITE
    assert not report.failed
    assert disclosed_in(dub(shop_of(home, chain), output=output, **pair).report).verdict == "pass"


def test_no_key_is_in_anything_a_signed_dub_leaves(
    house: tuple[Home, dict[str, Any]], chain: Chain, tmp_path: Path
) -> None:
    home, pair = house
    report = dub(shop_of(home, chain), output=tmp_path / "out.mp4", **pair).report
    secret = chain.key.splitlines()[1].encode()
    files = [path for path in (*home.root.rglob("*"), *tmp_path.iterdir()) if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if secret in path.read_bytes()]
    assert secret.decode() not in report.model_dump_json()
