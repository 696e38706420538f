"""The unified vendor against the emulated API: one purchase per dub, whatever goes wrong."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lipsync.collect import collect
from lipsync.emulator import emulating
from lipsync.emulator.clock import Clock
from lipsync.emulator.emulator import Emulator
from lipsync.errors import (
    LipsyncError,
    MediaError,
    OutcomeUnknown,
    UsageError,
    VendorBusy,
    VendorError,
    VendorRefused,
)
from lipsync.home import Home
from lipsync.ledger import Ledger
from lipsync.settle import cancel, resolve
from lipsync.shelf import load_catalogue
from lipsync.store import Store, hash_file
from lipsync.submit import submit
from lipsync.tickets import Order, Ticket, TicketState
from lipsync.values import File
from lipsync.vendors.protocol import CancelAnswer, Standing
from lipsync.vendors.unified.media import sendable_video, sendable_voice
from lipsync.vendors.unified.vendor import UnifiedVendor
from lipsync.waiting import Waiting, wait
from tests.clips import as_file, make_clip, make_voice, read_indices
from tests.lipsync.deaths import CALLS, die_at
from tests.lipsync.hosting.servers import showing
from tests.lipsync.orders import kept
from tests.lipsync.vendors.unified_parts import unified_order

pytest.importorskip("trustme")

CATALOGUE = load_catalogue()
MODELS = sorted(name for name, row in CATALOGUE.models.items() if row.vendor == "unified")
ONCE = Waiting(patience_s=0)
SOON = Waiting(patience_s=30)


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("pair")
    return make_clip(folder / "v.mp4", frames=25), make_voice(folder / "a.wav", 1.0)


@pytest.fixture
def order(store: Store, pair: tuple[Path, Path]) -> Order:
    video, voice = (kept(store, path) for path in pair)
    return unified_order(video=video, voice=voice)


@pytest.fixture
def ledger(home: Home) -> Ledger:
    return Ledger(home.ledger)


Open = Callable[..., tuple[Emulator, UnifiedVendor]]


@pytest.fixture
def opened(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Start an emulator with these settings, and the vendor as its environment says."""
    from contextlib import ExitStack

    shown = tmp_path / "shown"
    shown.mkdir()
    with ExitStack() as stack:
        url = stack.enter_context(showing(shown))

        def begin(
            *faults: str, variables: dict[str, str] | None = None, **settings: Any
        ) -> tuple[Emulator, UnifiedVendor]:
            emulator = stack.enter_context(
                emulating(tmp_path, faults=faults, **({"latency_s": 0.0} | settings))
            )
            hosting = {"HOSTING_FOLDER": str(shown), "HOSTING_BASE_URL": url}
            environ = emulator.environment | hosting | (variables or {})
            for name, value in environ.items():
                monkeypatch.setenv(name, value)
            return emulator, UnifiedVendor.found(store, CATALOGUE, environ)

        yield begin


def bought(emulator: Emulator) -> tuple[int, int]:
    """How many jobs were accepted, and how many too many."""
    account = emulator.account()
    return len(account.accepted), account.duplicates


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_dubbed_and_bought_once(
    opened: Open, order: Order, ledger: Ledger, store: Store, model: str
) -> None:
    emulator, vendor = opened()
    name = CATALOGUE.models[model].arguments["model"]
    wanted = order.model_copy(
        update={"model": model, "arguments": {"model": name, "sync_mode": "cut_off"}}
    )
    for _ in range(2):
        ticket = submit(wanted, ledger, vendor).ticket
        delivery = collect(ticket, ledger, vendor, store, SOON)
    [job] = emulator.account().accepted
    assert (job.endpoint, job.request_id) == (name, delivery.request_id)
    assert sorted(job.arguments) == ["audio", "model", "sync_mode", "video"]
    assert delivery.billed_usd is None
    assert "unified held 100 credits for it" in delivery.notes
    assert hash_file(delivery.file.path) == delivery.file.sha256


@pytest.mark.parametrize("dialect", ["foxapi", "evolink"])
@pytest.mark.parametrize("shape", ["results.url", "results", "result_data", "output"])
def test_a_result_is_found_in_every_shape_of_both_families(  # noqa: PLR0913, PLR0917  one table
    opened: Open, order: Order, ledger: Ledger, store: Store, dialect: str, shape: str
) -> None:
    emulator, vendor = opened(dialect=dialect, result_shape=shape)
    assert collect(submit(order, ledger, vendor).ticket, ledger, vendor, store, SOON)
    assert bought(emulator) == (1, 0)


@pytest.mark.parametrize("dialect", ["foxapi", "evolink"])
@pytest.mark.parametrize(
    ("fault", "error", "sold", "state"),
    [
        ("cut_after_acceptance", OutcomeUnknown, 1, TicketState.UNKNOWN),
        ("cut_before_acceptance", OutcomeUnknown, 0, TicketState.UNKNOWN),
        ("slow_reply", OutcomeUnknown, 1, TicketState.UNKNOWN),
        ("nginx_502_after_acceptance", OutcomeUnknown, 1, TicketState.UNKNOWN),
        ("nginx_504_after_acceptance", OutcomeUnknown, 1, TicketState.UNKNOWN),
        ("nginx_502", OutcomeUnknown, 0, TicketState.UNKNOWN),
        ("nginx_504", OutcomeUnknown, 0, TicketState.UNKNOWN),
        ("error_500_after_acceptance", OutcomeUnknown, 1, TicketState.UNKNOWN),
        ("error_503_after_acceptance", OutcomeUnknown, 1, TicketState.UNKNOWN),
        ("error_500", OutcomeUnknown, 0, TicketState.UNKNOWN),
        ("error_503", OutcomeUnknown, 0, TicketState.UNKNOWN),
        ("receipt_missing_keys", OutcomeUnknown, 1, TicketState.UNKNOWN),
        ("too_many", VendorBusy, 0, TicketState.INTENDED),
        ("unauthorized", VendorRefused, 0, TicketState.REFUSED),
        ("locked", VendorRefused, 0, TicketState.REFUSED),
        ("no_credit", VendorRefused, 0, TicketState.REFUSED),
    ],
)
def test_whatever_happens_to_the_post_it_leaves_once_and_the_ledger_is_true(  # noqa: PLR0913, PLR0917  one table
    opened: Open,
    order: Order,
    ledger: Ledger,
    dialect: str,
    fault: str,
    error: type[LipsyncError],
    sold: int,
    state: TicketState,
) -> None:
    impatient = {"UNIFIED_REPLY_TIMEOUT_S": "0.5"} if fault == "slow_reply" else {}
    emulator, vendor = opened(fault, dialect=dialect, slow_s=2.0, variables=impatient)
    with pytest.raises(error):
        submit(order, ledger, vendor)
    assert bought(emulator) == (sold, 0)
    assert emulator.account().calls["unified submit"] == 1
    [ticket] = ledger.tickets()
    assert ticket.state is state
    if state is TicketState.UNKNOWN:
        with pytest.raises(OutcomeUnknown, match="lists no requests"):
            submit(order, ledger, vendor)
        assert emulator.account().calls["unified submit"] == 1
    else:
        assert submit(order, ledger, vendor).ticket.state is TicketState.SUBMITTED
        assert bought(emulator) == (1, 0)


def test_a_refused_connection_bought_nothing_and_is_tried_again(
    opened: Open, order: Order, ledger: Ledger
) -> None:
    emulator, vendor = opened()
    away = {"UNIFIED_BASE_URL": "http://127.0.0.1:9"}
    hosting = vendor._hosting
    settings = vendor._settings.model_copy(update={"base_url": away["UNIFIED_BASE_URL"]})
    gone = UnifiedVendor(settings, hosting, vendor._store, CATALOGUE)
    with pytest.raises(VendorBusy, match="nothing was bought"):
        submit(order, ledger, gone)
    assert submit(order, ledger, vendor).new
    assert bought(emulator) == (1, 0)


@pytest.mark.parametrize(
    "fault",
    [
        "status_500",
        "status_503",
        "status_cut",
        "status_missing_keys",
        "status_odd",
        "link_expired",
        "download_cut",
        "download_whole",
    ],
)
def test_whatever_happens_on_the_way_back_the_result_arrives_and_is_bought_once(
    opened: Open, order: Order, ledger: Ledger, store: Store, fault: str
) -> None:
    emulator, vendor = opened(fault)
    ticket = submit(order, ledger, vendor).ticket
    delivery = collect(ticket, ledger, vendor, store, SOON)
    assert ledger.ticket(ticket.id).state is TicketState.DELIVERED
    assert delivery.file.path.is_file()
    assert bought(emulator) == (1, 0)


def test_other_bytes_than_a_video_are_fetched_again(
    opened: Open, order: Order, ledger: Ledger, store: Store
) -> None:
    emulator, vendor = opened("wrong_bytes")
    ticket = submit(order, ledger, vendor).ticket
    with pytest.raises(VendorBusy, match="not a whole video"):
        collect(ticket, ledger, vendor, store, SOON)
    assert collect(ticket, ledger, vendor, store, SOON)
    assert bought(emulator) == (1, 0)


@pytest.mark.parametrize(
    ("fault", "error", "state", "free"),
    [
        ("completed_with_error", VendorError, TicketState.FAILED, True),
        ("withdrawn", VendorError, TicketState.CANCELLED, False),
        ("result_expired", OutcomeUnknown, TicketState.UNKNOWN, False),
        ("odd_state", VendorBusy, TicketState.SUBMITTED, False),
        ("stuck", VendorBusy, TicketState.SUBMITTED, False),
    ],
)
def test_a_task_that_leads_to_nothing_is_written_down_as_what_it_is(  # noqa: PLR0913, PLR0917  one table
    opened: Open,
    order: Order,
    ledger: Ledger,
    store: Store,
    fault: str,
    error: type[LipsyncError],
    state: TicketState,
    free: bool,
) -> None:
    _, vendor = opened(fault)
    ticket = submit(order, ledger, vendor).ticket
    waiting = Waiting(patience_s=2 if fault in {"odd_state", "stuck"} else 60)
    with pytest.raises(error):
        collect(ticket, ledger, vendor, store, waiting)
    now = ledger.ticket(ticket.id)
    assert (now.state, now.is_free_to_repeat) == (state, free)


def test_what_was_asked_is_sent_and_nothing_else(
    opened: Open, order: Order, ledger: Ledger
) -> None:
    emulator, vendor = opened(
        variables={"UNIFIED_VIDEO_FIELD": "video_url", "UNIFIED_VOICE_FIELD": "audio_url"}
    )
    arguments = order.arguments | {"temperature": 0.8, "active_speaker": True}
    submit(order.model_copy(update={"arguments": arguments}), ledger, vendor)
    [job] = emulator.account().accepted
    assert {**job.arguments, "video_url": "", "audio_url": ""} == {
        **arguments,
        "video_url": "",
        "audio_url": "",
    }


@pytest.mark.parametrize(
    ("model", "name", "asked", "says"),
    [
        ("unified-sync-3", "sync-3", {"temperature": 0.5}, "does not take temperature"),
        ("unified-sync-3", "sync-3", {"active_speaker": False}, "does not take active_speaker"),
        ("unified-lipsync-2", "lipsync-2", {"temperature": 1.1}, "from 0 to 1"),
        ("unified-lipsync-2", "lipsync-2", {"sync_mode": "stretch"}, "sync_mode"),
        ("unified-lipsync-2", "lipsync-2-pro", {}, "model"),
    ],
)
def test_what_a_model_does_not_take_is_refused_before_anything_leaves(  # noqa: PLR0913, PLR0917  one table
    opened: Open,
    order: Order,
    ledger: Ledger,
    model: str,
    name: str,
    asked: dict[str, Any],
    says: str,
    tmp_path: Path,
) -> None:
    emulator, vendor = opened()
    arguments = {"model": name, "sync_mode": "cut_off"} | asked
    wanted = order.model_copy(update={"model": model, "arguments": arguments})
    with pytest.raises(VendorRefused, match=says):
        submit(wanted, ledger, vendor)
    assert not emulator.account().calls
    assert not list((tmp_path / "shown").iterdir())


@pytest.mark.parametrize(
    ("video", "voice", "sent"),
    [
        ("v.mov", "a.m4a", (".mp4", ".wav")),
        ("v.mkv", "a.mp3", (".mp4", ".mp3")),
        ("v.mp4", "a.wav", (".mp4", ".wav")),
    ],
)
def test_what_the_api_does_not_read_is_rewritten_before_it_is_sent(  # noqa: PLR0913, PLR0917  one table
    opened: Open,
    order: Order,
    ledger: Ledger,
    store: Store,
    tmp_path: Path,
    video: str,
    voice: str,
    sent: tuple[str, str],
) -> None:
    emulator, vendor = opened()
    files: dict[str, File] = {
        "video": kept(store, make_clip(tmp_path / video, frames=25)),
        "voice": kept(store, make_voice(tmp_path / voice, 1.0)),
    }
    ticket = submit(order.model_copy(update=files), ledger, vendor).ticket
    collect(ticket, ledger, vendor, store, SOON)
    [job] = emulator.account().accepted
    links = job.arguments["video"], job.arguments["audio"]
    assert tuple(Path(link).suffix for link in links) == sent


def test_an_mp4_by_another_name_is_sent_as_what_it_is(
    store: Store, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    named = tmp_path / "v.m4v"
    named.write_bytes(pair[0].read_bytes())
    file = sendable_video(as_file(named), store)
    assert file.path.suffix == ".mp4"
    assert read_indices(file.path) == list(range(25))


def test_sound_is_no_video_and_a_picture_no_voice(store: Store, tmp_path: Path) -> None:
    sound = as_file(make_voice(tmp_path / "a.m4a", 0.5))
    with pytest.raises(MediaError, match="has no picture"):
        sendable_video(sound, store)
    picture = as_file(make_clip(tmp_path / "v.mov", frames=5))
    with pytest.raises(MediaError, match="sound"):
        sendable_voice(picture, store)


def test_a_file_that_is_gone_is_said_before_anything_is_hosted(
    opened: Open, order: Order, ledger: Ledger, tmp_path: Path
) -> None:
    emulator, vendor = opened()
    order.voice.path.unlink()
    with pytest.raises(MediaError, match="is gone or altered; nothing was bought"):
        submit(order, ledger, vendor)
    assert not list((tmp_path / "shown").glob("*.wav"))
    assert not emulator.account().calls


def test_the_same_pair_is_hosted_once_for_all_models(
    opened: Open, order: Order, ledger: Ledger, tmp_path: Path
) -> None:
    _, vendor = opened()
    submit(order, ledger, vendor)
    pro = {"model": "lipsync-2-pro", "sync_mode": "cut_off"}
    changes = {"key": "k2", "model": "unified-lipsync-2-pro", "arguments": pro}
    submit(order.model_copy(update=changes), ledger, vendor)
    assert len(list((tmp_path / "shown").iterdir())) == 2


def test_how_far_it_is_is_told_in_percent(opened: Open, order: Order, ledger: Ledger) -> None:
    emulator, vendor = opened(latency_s=1000.0, clock=Clock(running=False))
    ticket = submit(order, ledger, vendor).ticket
    emulator.clock.advance(420)
    progress = vendor.status(ticket)
    assert (progress.state, progress.percent) == (Standing.RUNNING, 42)


def test_a_dead_link_is_kept_trying_for_a_day_and_then_given_up(
    opened: Open, order: Order, ledger: Ledger, store: Store
) -> None:
    emulator, vendor = opened()
    ticket = submit(order, ledger, vendor).ticket
    emulator.fault("link_expired", times=None)
    with pytest.raises(VendorBusy, match="though links live 24 h"):
        collect(ticket, ledger, vendor, store, SOON)
    assert ledger.ticket(ticket.id).state is TicketState.COMPLETED
    later = UnifiedVendor(
        vendor._settings,
        vendor._hosting,
        store,
        CATALOGUE,
        now=lambda: ticket.created_at + timedelta(hours=25),
    )
    with pytest.raises(VendorError, match="is gone"):
        collect(ticket, ledger, later, store, SOON)
    now = ledger.ticket(ticket.id)
    assert (now.state, now.is_free_to_repeat) == (TicketState.FAILED, False)


def test_what_signs_a_link_to_a_result_is_logged_nowhere(
    opened: Open, order: Order, ledger: Ledger, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.INFO, "httpx")  # which a run keeps quiet
    emulator, vendor = opened()
    ticket = submit(order, ledger, vendor).ticket
    for one in list(logging.getLogger("httpx").filters):  # as in a process that only collects
        logging.getLogger("httpx").removeFilter(one)
    signed = {"status": "completed", "results": [f"{emulator.url}/files/r.mp4?sig=planted"]}
    emulator.fault("status_odd", put=signed, times=None)
    with pytest.raises(VendorBusy) as told:
        collect(ticket, ledger, vendor, store, SOON)
    assert "/files/r.mp4" in caplog.text
    assert "planted" not in f"{caplog.text} {told.value!r} {told.value.__cause__!r}"


def test_a_key_that_is_refused_later_ends_no_job(
    opened: Open, order: Order, ledger: Ledger, store: Store
) -> None:
    emulator, vendor = opened()
    ticket = submit(order, ledger, vendor).ticket
    wait(ticket, vendor, SOON)
    emulator.fault("unauthorized", route="status", times=2)
    with pytest.raises(VendorError, match="set UNIFIED_API_KEY"):
        collect(ticket, ledger, vendor, store, SOON)
    assert ledger.ticket(ticket.id).state is TicketState.SUBMITTED
    ready = ledger.completed(ledger.ticket(ticket.id))
    with pytest.raises(VendorBusy, match="set UNIFIED_API_KEY"):
        collect(ready, ledger, vendor, store, SOON)
    assert collect(ready, ledger, vendor, store, SOON)


@pytest.mark.parametrize("faults", [(), ("stuck",)])
def test_the_api_cannot_cancel_and_that_is_said(
    opened: Open, order: Order, ledger: Ledger, faults: tuple[str, ...]
) -> None:
    _, vendor = opened(*faults)
    ticket = submit(order, ledger, vendor).ticket
    if faults:
        assert vendor.cancel(ticket) is CancelAnswer.NOT_OFFERED
        noted = cancel(ticket.id, ledger, lambda _name: vendor)
        assert noted.state is TicketState.SUBMITTED
        assert "unified has no call to cancel with" in (noted.detail or "")
    else:
        wait(ticket, vendor, SOON)
        assert vendor.cancel(ticket) is CancelAnswer.TOO_LATE
    assert vendor.cancel(ticket.model_copy(update={"request_id": "absent"})) is (
        CancelAnswer.NOT_FOUND
    )


def test_a_ticket_of_another_account_is_not_asked_about(
    opened: Open, order: Order, ledger: Ledger, store: Store
) -> None:
    emulator, vendor = opened()
    ticket: Ticket = submit(order, ledger, vendor).ticket
    other = vendor._settings.model_copy(update={"base_url": "http://localhost:9"})
    with pytest.raises(UsageError, match="was bought at"):
        UnifiedVendor(other, vendor._hosting, store, CATALOGUE).status(ticket)
    assert "unified status" not in emulator.account().calls


def test_the_key_is_in_no_error_no_log_no_row_and_no_repr(
    opened: Open, order: Order, ledger: Ledger, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = "planted-key-0123456789"
    emulator, vendor = opened(unified_key=key)
    echo = {"error": {"type": "authentication_error", "message": f"no such key: {key}"}}
    page = f"<p>Authorization: Bearer {key}</p>"
    for fault, body, error in (
        ("unauthorized", echo, VendorRefused),
        ("nginx_502", page, OutcomeUnknown),
    ):
        emulator.fault(fault, body=body)
        with pytest.raises(error, match=r"\*\*\*") as told:
            submit(order, ledger, vendor)
        chain = f"{told.value!r} {told.value.__cause__!r} {told.value.__context__!r}"
        assert key not in chain
    ours = [record for record in caplog.records if not record.name.startswith("lipsync.emulator")]
    assert key not in "\n".join(record.getMessage() for record in ours)
    assert key not in f"{vendor!r} {vars(vendor)!r} {ledger.tickets()!r}"
    ledger.close()
    assert not [path for path in home.root.glob("ledger*") if key.encode() in path.read_bytes()]


def test_a_redirect_is_not_followed_with_the_post_or_the_key(
    opened: Open, order: Order, ledger: Ledger
) -> None:
    emulator, vendor = opened()
    there = f"{emulator.url}/v1/videos/generations"
    emulator.fault("error_500", status=307, headers={"Location": there})
    with pytest.raises(VendorRefused, match="wants the request elsewhere"):
        submit(order, ledger, vendor)
    assert bought(emulator) == (0, 0)
    assert emulator.account().calls["unified submit"] == 1


def test_what_a_person_finds_out_about_a_lost_answer_is_what_counts(
    opened: Open, order: Order, ledger: Ledger, store: Store
) -> None:
    emulator, vendor = opened("cut_after_acceptance")
    with pytest.raises(OutcomeUnknown, match="dubline requests resolve 1"):
        submit(order, ledger, vendor)
    [job] = emulator.account().accepted
    ticket = resolve(1, ledger, bought=job.request_id)
    assert collect(ticket, ledger, vendor, store, SOON).request_id == job.request_id
    assert bought(emulator) == (1, 0)


def test_what_a_person_finds_not_to_be_there_is_ordered_again(
    opened: Open, order: Order, ledger: Ledger, store: Store
) -> None:
    emulator, vendor = opened("cut_before_acceptance")
    with pytest.raises(OutcomeUnknown):
        submit(order, ledger, vendor)
    resolve(1, ledger, not_bought=True)
    assert collect(submit(order, ledger, vendor).ticket, ledger, vendor, store, SOON)
    assert bought(emulator) == (1, 0)


def test_killed_anywhere_a_dub_is_bought_at_most_once_and_arrives_when_it_is_known(
    opened: Open, order: Order, ledger: Ledger, store: Store, home: Home
) -> None:
    emulator, vendor = opened()
    point, worker, ends = 1, Ledger(home.ledger), set()

    def dub(book: Ledger) -> TicketState:
        wanted = order.model_copy(update={"key": f"k{point}"})
        try:
            collect(submit(wanted, book, vendor).ticket, book, vendor, store, SOON)
        except OutcomeUnknown:
            return TicketState.UNKNOWN
        return TicketState.DELIVERED

    before = 0
    while die_at(point, lambda: dub(worker), points=CALLS, before=worker.tickets):
        ends.add(end := dub(ledger))
        sold = len(emulator.account().accepted) - before
        assert sold == 1 if end is TicketState.DELIVERED else sold <= 1
        before += sold
        point += 61
    assert TicketState.DELIVERED in ends
    assert point > 500
