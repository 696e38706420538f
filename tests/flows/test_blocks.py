"""Claims about the blocks: they serve where they are, and give no secret away."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from lipsync.emulator import emulating
from lipsync.errors import BudgetError, UsageError
from lipsync.home import Home
from lipsync.means import Means
from lipsync.tickets import TicketState
from tests.flows.paid import Desk, export, make_pair

pytestmark = [pytest.mark.usefixtures("server"), pytest.mark.xdist_group("paid")]

PLANTED = "planted-id:planted-secret-of-a-block"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A home without any key in its environment; blocks are looked for by the test's own name."""
    pair = make_pair(tmp_path)
    with emulating(tmp_path / "emulated", latency_s=0.05, fal_key=PLANTED) as emulator:
        export(emulator, monkeypatch.setenv)
        for name in ("FAL_KEY", "UNIFIED_API_KEY", "UNIFIED_BASE_URL"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("DUBLINE_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("DUBLINE_BLOCKS", tmp_path.name.replace("_", "-").lower())
        yield Desk(emulator, Home(tmp_path / "home"), pair)


@pytest.fixture
def name(desk: Desk, tmp_path: Path) -> str:
    return tmp_path.name.replace("_", "-").lower()


def test_a_dub_is_bought_with_the_account_of_a_block(desk: Desk, name: str) -> None:
    from blocks import FalAccount

    with pytest.raises(UsageError, match="FAL_KEY is not set"):
        desk.dub(model="sync-2")
    forget_the_workshop()
    FalAccount(key=SecretStr(PLANTED)).save(name)
    report, _ = desk.dub(model="sync-2")
    assert [job.request_id for job in desk.sold] == [report.request_id]


def test_the_unified_account_of_a_block_is_used_with_the_hosting_of_a_block(
    desk: Desk, name: str
) -> None:
    from blocks import FalAccount, MediaHosting, UnifiedAccount

    key = SecretStr(desk.emulator.settings.unified_key)
    UnifiedAccount(key=key, base_url=desk.emulator.url).save(name)
    FalAccount(key=SecretStr(PLANTED)).save(name)
    MediaHosting(kind="fal").save(name)
    report, _ = desk.dub(model="unified-lipsync-2")
    assert [job.request_id for job in desk.sold] == [report.request_id]


def test_ledger_and_store_are_where_their_blocks_say_with_the_limits_of_the_block(
    desk: Desk, name: str, tmp_path: Path
) -> None:
    from blocks import FalAccount, Ledger, MediaStore

    FalAccount(key=SecretStr(PLANTED)).save(name)
    MediaStore(folder=str(tmp_path / "store")).save(name)
    place = tmp_path / "books.sqlite"
    Ledger(url=SecretStr(f"sqlite:///{place}"), per_day_usd=0.06).save(name)
    desk.dub(model="sync-2")
    assert place.exists()
    assert list((tmp_path / "store" / "store").rglob("*.mp4"))
    assert desk.shop.ledger.tickets() == ()
    with pytest.raises(BudgetError, match="the day"):
        desk.dub(model="sync-2", generation=2)


def test_the_key_of_a_block_is_nowhere_but_in_the_block(
    desk: Desk, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from prefect.client.orchestration import get_client

    from blocks import FalAccount

    FalAccount(key=SecretStr(PLANTED)).save(name)
    report, _ = desk.dub(model="sync-2")
    secret = PLANTED.partition(":")[2]
    with get_client(sync_client=True) as client:
        document = client.read_block_document_by_name(name, "fal-account", include_secrets=False)
        runs = client.read_flow_runs(limit=200)
        artifacts = client.read_artifacts(limit=200)
    told = [document, *runs, *artifacts, report]
    assert secret not in json.dumps([one.model_dump(mode="json") for one in told])
    assert secret not in caplog.text
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert [path for path in files if secret.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "bucket"}, "block media-hosting: bucket cannot be used"),
        ({"kind": "folder", "folder": "/srv"}, "block media-hosting: base_url cannot be used"),
        (
            {"kind": "bucket", "bucket": "films", "access_key_id": PLANTED},
            "block media-hosting: its fields cannot be used",
        ),
    ],
)
def test_a_block_that_makes_no_sense_is_one_sentence_without_its_secret(
    fields: dict[str, str], said: str
) -> None:
    from blocks import MediaHosting

    with pytest.raises(UsageError, match=said) as refusal:
        MediaHosting.model_validate(fields).settings()
    assert PLANTED not in str(refusal.value)


def test_without_blocks_the_environment_serves() -> None:
    means = Means({"DUBLINE_BUDGET_PER_DAY_USD": "5", "FAL_KEY": "a:b"})
    assert means.ledger().per_day_usd == 5
    assert means.fal().key == SecretStr("a:b")
    with pytest.raises(UsageError, match="DUBLINE_BUDGET_PER_RUN_USD cannot be used"):
        Means({"DUBLINE_BUDGET_PER_RUN_USD": "-1"}).ledger()


def forget_the_workshop() -> None:
    """Do as the next process would: look for the blocks again."""
    from tasks.workshop import _opened

    _opened.cache_clear()


def test_a_delivered_ticket_of_a_block_is_delivered_for_the_command_line_too(
    desk: Desk, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from blocks import FalAccount, Ledger
    from flows.cli import main

    FalAccount(key=SecretStr(PLANTED)).save(name)
    Ledger(url=SecretStr(f"sqlite:///{desk.home.root}/other.sqlite")).save(name)
    desk.dub(model="sync-2")
    capsys.readouterr()
    monkeypatch.setattr("sys.argv", ["dubline", "requests", "list", "--json"])
    with pytest.raises(SystemExit):
        main()
    (ticket,) = json.loads(capsys.readouterr().out)["tickets"]
    assert ticket["state"] == TicketState.DELIVERED
