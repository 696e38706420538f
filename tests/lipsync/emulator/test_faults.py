"""Every fault does what its name says, where it says, and as often as it says."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import fal_client
import httpx
import pytest

from lipsync.emulator.emulator import Emulator
from lipsync.emulator.faults import Act, Fault, Faults
from lipsync.emulator.presets import PRESETS, fitting, preset, read_faults
from lipsync.emulator.wire import Point
from lipsync.errors import MediaError, UsageError
from lipsync.facts import VideoFacts
from lipsync.probe import probe
from tests.clips import as_file
from tests.lipsync.emulator.conftest import V2, Start, uploaded

QUEUE = "https://queue.fal.run/"


def post(web: httpx.Client, endpoint: str = V2) -> httpx.Response:
    return web.post(QUEUE + endpoint, json={})


# ── the submit: what the client sees, and whether it was bought ──

SUBMITS = [
    pytest.param("cut_after_acceptance", httpx.RemoteProtocolError, 1, id="cut after"),
    pytest.param("cut_before_acceptance", httpx.RemoteProtocolError, 0, id="cut before"),
    pytest.param("nginx_502_after_acceptance", 502, 1, id="nginx 502 after"),
    pytest.param("nginx_504_after_acceptance", 504, 1, id="nginx 504 after"),
    pytest.param("nginx_502", 502, 0, id="nginx 502"),
    pytest.param("nginx_504", 504, 0, id="nginx 504"),
    pytest.param("error_500_after_acceptance", 500, 1, id="500 after"),
    pytest.param("error_503_after_acceptance", 503, 1, id="503 after"),
    pytest.param("error_500", 500, 0, id="500"),
    pytest.param("error_503", 503, 0, id="503"),
    pytest.param("too_many", 429, 0, id="429"),
    pytest.param("unauthorized", 401, 0, id="401"),
    pytest.param("locked", 403, 0, id="403"),
    pytest.param("refused", httpx.ConnectError, 0, id="refused"),
    pytest.param("receipt_missing_keys", 200, 1, id="receipt without keys"),
]


@pytest.mark.parametrize(("name", "seen", "bought"), SUBMITS)
def test_a_submit_goes_wrong_once_and_buys_or_not(
    emulator: Emulator, web: httpx.Client, name: str, seen: Any, bought: int
) -> None:
    emulator.fault(name)
    if isinstance(seen, int):
        answer = post(web)
        assert answer.status_code == seen
        if name.startswith("nginx"):
            assert "nginx" in answer.text
            assert "x-fal-request-id" not in answer.headers
        elif seen >= 400:
            assert answer.json()["detail"]
            assert "x-fal-request-id" in answer.headers
    else:
        with pytest.raises(seen):
            post(web)
    assert len(emulator.account().accepted) == bought
    assert post(web).json()["request_id"]
    assert len(emulator.account().accepted) == bought + 1


def test_the_clients_own_submit_buys_again_when_it_is_cut_off(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    arguments = uploaded(client, pair)
    emulator.fault("cut_after_acceptance", times=2)
    client.submit(V2, arguments)
    account = emulator.account()
    assert (len(account.accepted), account.distinct) == (3, 1)


def test_a_reply_slower_than_the_client_waits_is_bought_all_the_same(start: Start) -> None:
    emulator = start(slow_s=30)
    emulator.fault("slow_reply")
    headers = {"Authorization": f"Key {emulator.settings.fal_key}"}
    with httpx.Client(headers=headers, timeout=0.3) as hasty, pytest.raises(httpx.ReadTimeout):
        post(hasty)
    assert len(emulator.account().accepted) == 1


# ── the wait ──


def ordered(client: fal_client.SyncClient, pair: tuple[Path, Path]) -> fal_client.SyncRequestHandle:
    return client.submit(V2, uploaded(client, pair))


@pytest.mark.parametrize(("name", "code"), [("status_500", 500), ("status_503", 503)])
def test_a_status_may_fail_and_says_nothing_about_the_job(
    emulator: Emulator,
    client: fal_client.SyncClient,
    pair: tuple[Path, Path],
    name: str,
    code: int,
) -> None:
    handle = ordered(client, pair)
    emulator.fault(name)
    assert handle.client.get(handle.status_url).status_code == code
    assert isinstance(handle.status(), fal_client.InProgress)


@pytest.mark.parametrize(
    ("name", "error"), [("status_missing_keys", KeyError), ("status_odd", ValueError)]
)
def test_a_status_without_its_keys_or_with_another_word_breaks_the_clients_loop(
    emulator: Emulator,
    client: fal_client.SyncClient,
    pair: tuple[Path, Path],
    name: str,
    error: type[Exception],
) -> None:
    handle = ordered(client, pair)
    emulator.fault(name)
    with pytest.raises(error):
        handle.status()
    assert isinstance(handle.status(), fal_client.InProgress)


def test_a_stream_is_cut_after_its_first_event(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    handle = ordered(client, pair)
    emulator.fault("stream_cut")
    events: list[str] = []
    with (
        pytest.raises(httpx.RemoteProtocolError),
        handle.client.stream("GET", handle.status_url + "/stream") as answer,
    ):
        events.extend(answer.iter_lines())
    assert len([line for line in events if line]) == 1


def test_a_stuck_job_stays_queued_and_a_cancel_ends_it(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    emulator.fault("stuck")
    stuck, other = ordered(client, pair), ordered(client, pair)
    emulator.clock.advance(10_000)
    assert stuck.status() == fal_client.Queued(position=0)
    assert isinstance(other.status(), fal_client.Completed)
    stuck.cancel()
    assert isinstance(stuck.status(), fal_client.Completed)


def test_a_stuck_job_ends_where_its_client_set_a_time(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    emulator.fault("stuck")
    handle = client.submit(V2, uploaded(client, pair), start_timeout=30)
    emulator.clock.advance(29)
    assert isinstance(handle.status(), fal_client.Queued)
    emulator.clock.advance(2)
    status = handle.status()
    assert isinstance(status, fal_client.Completed)
    assert status.error_type == "startup_timeout"


def test_a_requeued_job_runs_waits_again_and_is_done(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    emulator.fault("requeue")
    handle = ordered(client, pair)
    seen = []
    for _ in range(4):
        seen.append(type(handle.status()))
        emulator.clock.advance(4)
    running, queued, done = fal_client.InProgress, fal_client.Queued, fal_client.Completed
    assert seen == [running, queued, running, done]


def test_a_cancel_may_be_ignored_and_the_job_billed(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    emulator.fault("cancel_ignored")
    handle = ordered(client, pair)
    handle.cancel()
    emulator.clock.advance(10)
    assert handle.get()["video"]["url"]
    assert emulator.account().billed_usd > 0


# ── the result ──


@pytest.mark.parametrize(
    ("name", "code", "error"),
    [
        pytest.param("completed_with_error", 500, "Runner exited unexpectedly", id="with error"),
        pytest.param("result_422", 422, None, id="422"),
        pytest.param("result_500", 500, None, id="500"),
        pytest.param("result_499", 499, None, id="499"),
        pytest.param("result_404", 404, None, id="404"),
        pytest.param("result_expired", 404, None, id="expired"),
    ],
)
def test_a_job_may_be_completed_without_a_result(  # noqa: PLR0913, PLR0917  a table
    emulator: Emulator,
    client: fal_client.SyncClient,
    pair: tuple[Path, Path],
    name: str,
    code: int,
    error: str | None,
) -> None:
    emulator.fault(name)
    handle = ordered(client, pair)
    emulator.clock.advance(10)
    status = handle.status()
    assert isinstance(status, fal_client.Completed)
    assert status.error == error
    for _ in range(2):
        assert handle.client.get(handle.response_url).status_code == code
    billed = emulator.account().billed_usd
    assert (billed > 0) == (name == "result_expired")


def test_a_422_is_billed_where_the_settings_say_so(start: Start, pair: tuple[Path, Path]) -> None:
    emulator = start(bills_422=True)
    emulator.fault("result_422")
    ordered(fal_client.SyncClient(), pair)
    emulator.clock.advance(10)
    assert emulator.account().billed_usd > 0


def url_of(emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]) -> str:
    handle = ordered(client, pair)
    emulator.clock.advance(10)
    return str(handle.get()["video"]["url"])


def test_a_link_may_be_dead_and_live_again_when_asked_later(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    url = url_of(emulator, client, pair)
    emulator.fault("link_expired")
    assert [httpx.get(url).status_code for _ in range(2)] == [404, 200]


def test_a_download_is_cut_half_way_and_goes_on_from_there(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    url = url_of(emulator, client, pair)
    whole = httpx.get(url).content
    emulator.fault("download_cut")
    came = bytearray()
    with httpx.stream("GET", url) as answer:
        assert int(answer.headers["content-length"]) == len(whole)
        with pytest.raises(httpx.RemoteProtocolError):
            drain(answer, came)
    assert len(came) == len(whole) // 2
    rest = httpx.get(url, headers={"Range": f"bytes={len(came)}-"})
    assert came + rest.content == whole


def drain(answer: httpx.Response, into: bytearray) -> None:
    for block in answer.iter_bytes():
        into += block


def test_a_range_may_be_answered_with_the_whole_file(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    url = url_of(emulator, client, pair)
    emulator.fault("download_whole", times=1)
    ranged = [httpx.get(url, headers={"Range": "bytes=10-"}).status_code for _ in range(2)]
    assert ranged == [200, 206]


def test_a_download_may_carry_other_bytes_of_the_same_number(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    url = url_of(emulator, client, pair)
    emulator.fault("wrong_bytes")
    wrong, right = httpx.get(url).content, httpx.get(url).content
    assert wrong != right
    assert len(wrong) == len(right)


def made(url: str, folder: Path) -> VideoFacts:
    path = folder / "made.mp4"
    path.write_bytes(httpx.get(url).content)
    facts = probe(as_file(path)).video
    assert facts is not None
    return facts


@pytest.mark.parametrize(
    ("name", "frames", "rate"),
    [("wrong_length", 17, 25), ("rate_60_to_25", 24, 24), ("unchanged", 25, 25)],
)
def test_a_result_may_be_of_another_length_or_rate(  # noqa: PLR0913, PLR0917  a table
    emulator: Emulator,
    client: fal_client.SyncClient,
    pair: tuple[Path, Path],
    tmp_path: Path,
    name: str,
    frames: int,
    rate: int,
) -> None:
    emulator.fault(name)
    facts = made(url_of(emulator, client, pair), tmp_path)
    assert (facts.frames, facts.rate) == (frames, Fraction(rate))


def test_a_result_may_be_no_video_at_all(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    emulator.fault("not_a_video")
    with pytest.raises(MediaError):
        made(url_of(emulator, client, pair), tmp_path)


# ── uploads ──


def test_an_upload_that_fails_once_is_made_again_or_not(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    emulator.fault("token_401")
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        client.upload_file(pair[0])
    emulator.fault("upload_500")
    with pytest.raises(fal_client.FalClientHTTPError, match="Internal server error"):
        client.upload_file(pair[0], fallback_repository=[])
    emulator.fault("upload_cut")
    assert httpx.head(client.upload_file(pair[0])).status_code == 200
    assert emulator.account().calls["fal upload"] == 3


# ── the machinery ──


def test_a_fault_is_addressed_counted_and_delayed() -> None:
    faults = Faults()
    latent = Point("fal", "submit", "fal-ai/latentsync")
    v2 = Point("fal", "submit", V2)
    faults.add(preset("too_many", endpoint="fal-ai/sync-lipsync/*", times=2, skip=1))
    struck = [
        faults.strike(point, "before") is not None for point in (latent, v2, v2, latent, v2, v2)
    ]
    assert struck == [False, False, True, False, True, False]
    assert faults.open() == ()


def test_a_share_of_the_requests_suffers_and_it_is_the_same_every_time() -> None:
    def struck() -> list[bool]:
        faults = Faults([preset("too_many", share=0.05, times=None)])
        point = Point("fal", "submit", V2)
        return [faults.strike(point, "before") is not None for _ in range(2_000)]

    assert struck() == struck()
    assert 60 < sum(struck()) < 140


def test_a_job_suffers_one_fault_of_each_kind() -> None:
    faults = Faults([preset("stuck"), preset("stuck"), preset("wrong_length")])
    point = Point("fal", "job", V2)
    assert set(faults.befalling(point)) == {Act.STUCK, Act.SHORTEN}
    assert set(faults.befalling(point)) == {Act.STUCK}
    assert faults.befalling(point) == {}


def test_every_preset_is_addressed_to_a_route_that_exists() -> None:
    routes = {
        *("submit", "run", "status", "stream", "result", "cancel", "download", "connect"),
        *("token", "upload", "multipart", "part", "complete", "requests", "*"),
    }
    assert {fault.route for fault in PRESETS.values()} <= routes


def test_the_faults_of_a_vendor_can_be_listed() -> None:
    fal, unified = set(fitting("fal")), set(fitting("unified"))
    assert {"stream_cut", "requeue", "locked"} <= fal
    assert {"no_credit", "withdrawn", "locked"} <= unified
    assert "no_credit" not in fal
    assert "stream_cut" not in unified
    assert fal | unified == set(PRESETS)


def test_a_script_is_read_and_what_is_wrong_in_it_is_said(tmp_path: Path) -> None:
    script = tmp_path / "faults.toml"
    script.write_text('[[fault]]\nname = "locked"\ntimes = 3\n[[fault]]\nname = "stuck"\n')
    assert [(fault.name, fault.times) for fault in read_faults(script)] == [
        ("locked", 3),
        ("stuck", 1),
    ]
    for text, said in [
        ('[[fault]]\nname = "lokced"', "there is no fault 'lokced'"),
        ('[[fault]]\nname = "locked"\ntimes = 0', "fault locked: times"),
        ("[[fault]]\ntimes = 1", "a table with a name"),
        ("[faults]\n", r"\[\[fault\]\] tables"),
        ("[[fault]", "cannot be read"),
    ]:
        script.write_text(text)
        with pytest.raises(UsageError, match=said):
            read_faults(script)


def test_faults_and_clock_are_set_over_http(emulator: Emulator, web: httpx.Client) -> None:
    control = emulator.url + "/emulator"
    added = web.post(f"{control}/faults", json=[{"name": "locked"}, {"name": "too_many"}])
    assert added.json() == {"added": ["locked", "too_many"]}
    assert post(web).status_code == 403
    open_faults = web.get(f"{control}/faults").json()["faults"]
    assert [fault["name"] for fault in open_faults] == ["too_many"]
    web.delete(f"{control}/faults")
    assert post(web).status_code == 200
    before = emulator.clock.now_s()
    web.post(f"{control}/clock", json={"advance_s": 90})
    assert emulator.clock.now_s() == before + 90
    assert web.post(f"{control}/clock", json={"advance_s": -1}).status_code == 400
    assert web.post(f"{control}/faults", json={"name": "nonsense"}).status_code == 400
    account = web.get(f"{control}/account").json()
    assert (account["accepted"], account["distinct"]) == (1, 1)


def test_a_fault_of_your_own_needs_no_preset(emulator: Emulator, web: httpx.Client) -> None:
    emulator.arm(Fault(act=Act.REPLY, route="submit", status=418, body={"detail": "teapot"}))
    assert post(web).json() == {"detail": "teapot"}
