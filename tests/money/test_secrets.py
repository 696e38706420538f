"""Secrets: planted keys are looked for in everything that is said, kept and reported."""

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lipsync import buying, stages
from lipsync.collect import collect
from lipsync.emulator.clock import Clock
from lipsync.emulator.faults import Act, Fault
from lipsync.errors import LipsyncError
from lipsync.following import follow
from lipsync.params import DubParams
from lipsync.report import DubReport
from lipsync.submit import submit
from lipsync.tickets import Order
from lipsync.vendors.protocol import Progress
from lipsync.waiting import Waiting
from lipsync.workshop import Workshop
from tests.clips import ffmpeg, make_voice
from tests.money.house import House, open_house

pytest.importorskip("trustme")

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
# Two halves, as a key of fal's has, and one word; neither is anywhere else in this project.
FAL_KEY = "planted-6b1d0f:planted-2f7c91e4"
UNIFIED_KEY = "planted-a95e03d7"
PLANTED = (*FAL_KEY.split(":"), UNIFIED_KEY)
ECHOES = {"fal": f"no such key: Key {FAL_KEY}", "unified": f"no such key: Bearer {UNIFIED_KEY}"}
CALLS = {
    "fal": ("token", "upload", "submit", "status", "result", "download"),
    "unified": ("submit", "status", "download"),
}
MODELS = {"fal": "sync-2", "unified": "unified-lipsync-2"}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    keys = {"fal_key": FAL_KEY, "unified_key": UNIFIED_KEY}
    with open_house(tmp_path, monkeypatch.setenv, clock=Clock(), latency_s=0.02, **keys) as opened:
        monkeypatch.setenv("DUBLINE_HOME", str(opened.store.home.root))
        yield opened


def found_in(text: str | bytes) -> list[str]:
    """List the planted words of a text."""
    known = text.encode(errors="replace") if isinstance(text, str) else text
    return [word for word in PLANTED if word.encode() in known]


def leaks_below(home: Path) -> dict[str, list[str]]:
    """List the files with a planted word in them, or in their names."""
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    seen = {str(path): found_in(path.read_bytes() + str(path).encode()) for path in files}
    return {path: words for path, words in seen.items() if words}


def said_by(caplog: pytest.LogCaptureFixture) -> str:
    """Write out every record as a handler would, with its traceback."""
    ours = [one for one in caplog.records if not one.name.startswith("lipsync.emulator")]
    form = logging.Formatter("%(name)s %(message)s")
    return "\n".join(f"{form.format(one)} {one.args!r}" for one in ours)


def wrong(house: House, vendor: str, meet: Callable[[Order], object], fault: str, at: str) -> str:
    """Have a vendor repeat its key in an answer, and write out what comes of it."""
    order = house.order(MODELS[vendor])
    status = {"unauthorized": 401, "nginx_502": 502, "error_500": 500}[fault]
    echo = ECHOES[vendor]
    body: object = (
        {"detail": echo} if vendor == "fal" else {"error": {"code": status, "message": echo}}
    )
    if fault.startswith("nginx"):
        body = f"<p>{echo}</p>"
    house.emulator.fault(fault, vendor=vendor, route=at, body=body, times=None)
    try:
        meet(order)
    except LipsyncError as error:
        return f"{error!r}\n{''.join(traceback.format_exception(error))}"
    finally:
        house.emulator.faults.clear()
        assert house.emulator.account().calls[f"{vendor} {at}"]
    return ""  # fal's list had what the call did not give


@pytest.mark.parametrize(
    ("vendor", "fault", "at"),
    [
        pytest.param(vendor, fault, at, id=f"{vendor} {fault} at {at}")
        for vendor, calls in CALLS.items()
        for fault in ("unauthorized", "nginx_502", "error_500")
        for at in calls
    ],
)
def test_a_key_a_vendor_repeats_is_repeated_by_nobody(
    house: House, caplog: pytest.LogCaptureFixture, vendor: str, fault: str, at: str
) -> None:
    caplog.set_level(logging.DEBUG)
    ledger, patience_s = house.ledger(), 0 if at == "status" else 3

    def meet(order: Order) -> None:
        speaker = house.vendor(vendor)
        ticket = submit(order, ledger, speaker).ticket
        collect(ticket, ledger, speaker, house.store, Waiting(patience_s=patience_s))

    said = wrong(house, vendor, meet, fault, at)
    assert found_in(said) == []
    assert found_in(said_by(caplog)) == []
    assert found_in(repr(ledger.tickets())) == []
    assert leaks_below(house.store.home.root) == {}


@pytest.mark.parametrize("way", ["stream", "status"])
def test_a_key_that_fal_relays_in_a_jobs_log_is_starred_before_anyone_is_told(
    house: House, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    caplog.set_level(logging.DEBUG)
    speaker, ledger, told = house.vendor("fal"), house.ledger(), list[Progress]()
    ticket = submit(house.order(MODELS["fal"]), ledger, speaker).ticket
    relay(house, way)
    show = follow(ticket)
    waiting = Waiting(patience_s=20, watch=lambda progress: (told.append(progress), show(progress)))
    collect(ticket, ledger, speaker, house.store, waiting)
    lines = {line for progress in told for line in progress.lines}
    assert any("no such key: Key ***" in line for line in lines)
    assert found_in(repr(told)) == []
    assert "no such key: Key ***" in said_by(caplog)
    assert found_in(said_by(caplog)) == []
    assert leaks_below(house.store.home.root) == {}


def relay(house: House, way: str) -> None:
    """Have fal repeat its key in a line of the job's log, by its stream or when it is asked."""
    logs = [{"message": ECHOES["fal"], "level": "ERROR"}]
    if way == "stream":
        event = json.dumps({"status": "IN_PROGRESS", "logs": logs})
        kind = {"Content-Type": "text/event-stream"}
        heard = Fault(act=Act.REPLY, route=way, status=200, body=f"data: {event}\n\n", headers=kind)
    else:
        house.emulator.fault("stream_absent", vendor="fal")
        heard = Fault(act=Act.ALTER, vendor="fal", route=way, when="after", put={"logs": logs})
    house.emulator.faults.add(heard)


@pytest.mark.parametrize("model", MODELS.values())
def test_no_key_is_in_a_report_nor_in_anything_a_whole_dub_leaves(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture, model: str
) -> None:
    caplog.set_level(logging.DEBUG)
    report = dubbed(house, tmp_path, model)
    (job,) = house.emulator.account().accepted
    assert report.request_id == job.request_id
    assert found_in(report.model_dump_json()) == []
    assert found_in(said_by(caplog)) == []
    assert leaks_below(house.store.home.root) == {}


def test_what_looks_for_a_key_finds_one(house: House) -> None:
    place = house.store.home.folder("cache") / "note.json"
    place.write_text(f'{{"said": "{ECHOES}"}}')
    assert leaks_below(house.store.home.root) == {str(place): list(PLANTED)}


def dubbed(house: House, folder: Path, model: str) -> DubReport:
    """Dub a second of the sample, stage by stage, as the flow does."""
    video = folder / "talk.mp4"
    encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    scaled = ("-vf", "scale=320:240", "-frames:v", "25", "-an")
    ffmpeg("-i", SAMPLES / "talk.mp4", *scaled, *encoder, video)
    params = DubParams(
        video=video,
        voice=make_voice(folder / "voice.wav", 1.0),
        output=folder / "out.mp4",
        model=model,
        trim_silence=False,
        budget_usd=None,
    )
    shop = Workshop(house.store.home)
    pair = stages.probe(shop, params).value
    decision = stages.select(shop, params, pair, stages.normalize(shop, params, pair).value).value
    fitted = stages.fit(shop, decision).value
    delivery = buying.collect(shop, buying.submit(shop, decision, fitted).value).value
    finished = stages.finish(shop, params, decision, fitted, delivery).value
    verdicts = stages.verify(shop, decision, fitted, finished).value
    return stages.report(shop, params, decision, delivery, finished, verdicts, ()).value
