"""fal's protocol in the details that clients are broken by."""

import base64
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import fal_client
import httpx
import pytest

from lipsync.emulator.emulator import Emulator
from tests.clips import speech, write_wav
from tests.lipsync.emulator.conftest import V2, Start, uploaded

QUEUE = "https://queue.fal.run/"
PLATFORM = "https://api.fal.ai/v1/models"


@pytest.fixture
def ordered(
    web: httpx.Client, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> dict[str, Any]:
    """The receipt of a dub that runs."""
    return dict(web.post(QUEUE + V2, json=uploaded(client, pair)).json())


def test_a_status_is_202_until_it_is_completed(
    emulator: Emulator, web: httpx.Client, ordered: dict[str, Any]
) -> None:
    before = web.get(ordered["status_url"])
    emulator.clock.advance(10)
    after = web.get(ordered["status_url"])
    assert (before.status_code, after.status_code) == (202, 200)
    assert before.json()["logs"] is None
    assert before.headers["x-fal-request-id"] == ordered["request_id"]
    assert after.json()["metrics"] == {"inference_time": 10.0}
    assert not {"error", "error_type"} & set(after.json())


@pytest.mark.parametrize("word", ["1", "true"])
def test_logs_are_told_when_asked_for_in_either_way(
    web: httpx.Client, ordered: dict[str, Any], word: str
) -> None:
    said = web.get(ordered["status_url"], params={"logs": word}).json()
    assert [line["message"] for line in said["logs"]] == ["Downloading inputs"]


def test_only_owner_and_app_stand_in_the_urls_of_a_request(
    web: httpx.Client, ordered: dict[str, Any]
) -> None:
    base = f"{QUEUE}fal-ai/sync-lipsync/requests/{ordered['request_id']}"
    assert ordered["response_url"] == base
    full = f"{QUEUE}{V2}/requests/{ordered['request_id']}/status"
    assert web.get(full).status_code == 405
    other = base.replace("sync-lipsync", "latentsync") + "/status"
    assert web.get(other).json() == {"status": "NOT_FOUND"}


def test_a_result_that_is_not_there_yet_is_400(web: httpx.Client, ordered: dict[str, Any]) -> None:
    early = web.get(ordered["response_url"])
    assert (early.status_code, early.json()) == (400, {"detail": "Request is still in progress"})


def test_the_backup_hosts_answer_too(web: httpx.Client, ordered: dict[str, Any]) -> None:
    backup = ordered["status_url"].replace("queue.fal.run", "queue.falrun.com")
    assert web.get(backup).json()["status"] == "IN_PROGRESS"


def test_the_stream_tells_each_line_once_and_ends_when_it_is_done(
    start: Start, pair: tuple[Path, Path]
) -> None:
    start(clock=None, latency_s=0.4)
    client = fal_client.SyncClient()
    handle = client.submit(V2, uploaded(client, pair))
    with handle.client.stream("GET", handle.status_url + "/stream?logs=1") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        events = [
            httpx.Response(200, content=line[6:]).json() for line in answer.iter_lines() if line
        ]
    assert [event["status"] for event in events][-1] == "COMPLETED"
    lines = [line["message"] for event in events for line in event["logs"]]
    assert lines == ["Downloading inputs", "Detecting faces", "Generating", "Encoding"]


def test_a_job_that_does_not_start_in_its_time_ends_unbilled(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    arguments = uploaded(client, pair)
    for _ in range(2):
        client.submit(V2, arguments)
    late = client.submit(V2, arguments, start_timeout=5)
    emulator.clock.advance(6)
    status = late.status()
    assert isinstance(status, fal_client.Completed)
    assert status.error_type == "startup_timeout"
    answer = late.client.get(late.response_url)
    assert (answer.status_code, answer.headers["x-fal-request-timeout-type"]) == (504, "user")
    assert emulator.account().accepted[2].billed_usd == 0


@pytest.mark.parametrize("limit", ["nan", "soon", "0"])
def test_a_bad_start_timeout_is_refused_at_submit(
    emulator: Emulator, web: httpx.Client, limit: str
) -> None:
    answer = web.post(QUEUE + V2, json={}, headers={"X-Fal-Request-Timeout": limit})
    assert (answer.status_code, answer.json()["error_type"]) == (400, "bad_request")
    assert not emulator.account().accepted


def test_an_unknown_endpoint_is_404_and_buys_nothing(emulator: Emulator, web: httpx.Client) -> None:
    answer = web.post(QUEUE + "fal-ai/flux/dev", json={})
    assert answer.json() == {"detail": 'Application "fal-ai/flux/dev" not found'}
    assert not emulator.account().accepted


def test_a_full_queue_turns_away_who_asks_for_that(
    emulator: Emulator, web: httpx.Client, ordered: dict[str, Any]
) -> None:
    body = web.get(ordered["status_url"]).request.content or b"{}"
    for _ in range(3):
        web.post(QUEUE + V2, content=body)
    answer = web.post(QUEUE + V2, content=body, params={"fal_max_queue_length": "1"})
    assert answer.status_code == 429
    assert len(emulator.account().accepted) == 4


def test_units_times_the_unit_price_are_the_bill(
    emulator: Emulator, web: httpx.Client, ordered: dict[str, Any]
) -> None:
    emulator.clock.advance(10)
    units = web.get(ordered["response_url"]).headers["x-fal-billable-units"]
    price = web.get(f"{PLATFORM}/pricing", params={"endpoint_id": V2}).json()["prices"][0]
    assert (price["unit_price"], price["unit"]) == (3.0, "minutes")
    assert float(units) * 3 == pytest.approx(0.05)
    event = web.get(f"{PLATFORM}/billing-events", params={"request_id": ordered["request_id"]})
    assert event.json()["billing_events"][0]["cost_total"] == pytest.approx(0.05)
    assert float(emulator.account().billed_usd) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("endpoint", "arguments", "usd"),
    [
        pytest.param("fal-ai/sync-lipsync", {}, 0.7 / 60, id="1.9"),
        pytest.param(V2, {"model": "lipsync-2-pro"}, 5 / 60, id="2-pro"),
        pytest.param(V2 + "/pro", {}, 5 / 60, id="2-pro-endpoint"),
        pytest.param("fal-ai/sync-lipsync/v3", {}, 8 / 60, id="3"),
        pytest.param("fal-ai/latentsync", {}, 0.20, id="latentsync"),
    ],
)
def test_every_endpoint_bills_by_the_catalogue(  # noqa: PLR0913, PLR0917  a table
    emulator: Emulator,
    client: fal_client.SyncClient,
    pair: tuple[Path, Path],
    endpoint: str,
    arguments: dict[str, Any],
    usd: float,
) -> None:
    client.submit(endpoint, uploaded(client, pair) | arguments)
    emulator.clock.advance(10)
    assert float(emulator.account().billed_usd) == pytest.approx(usd, rel=1e-5)


def test_a_request_is_found_by_its_uploaded_links(
    emulator: Emulator, web: httpx.Client, ordered: dict[str, Any]
) -> None:
    def listed(**more: str) -> list[dict[str, Any]]:
        params = {"endpoint_id": V2, "expand": "payloads"} | more
        return list(web.get(f"{PLATFORM}/requests/by-endpoint", params=params).json()["items"])

    (item,) = listed()
    assert item["request_id"] == ordered["request_id"]
    assert item["json_input"]["video_url"].endswith("_talk.mp4")
    assert (item["ended_at"], item["status_code"]) == (None, None)
    emulator.clock.advance(10)
    assert listed(status="success")[0]["status_code"] == 200
    assert listed(status="error") == []
    assert listed(endpoint_id="fal-ai/latentsync") == []
    emulator.clock.advance(86_400)
    assert listed() == []
    assert len(listed(start="2020-01-01T00:00:00Z")) == 1
    assert "json_input" not in listed(start="2020-01-01T00:00:00Z", expand="")[0]


def test_the_list_comes_page_by_page_newest_first(emulator: Emulator, web: httpx.Client) -> None:
    sent = []
    for _ in range(3):
        sent.append(web.post(QUEUE + V2, json={}).json()["request_id"])
        emulator.clock.advance(1)
    params = {"endpoint_id": V2, "limit": "2"}
    first = web.get(f"{PLATFORM}/requests/by-endpoint", params=params).json()
    rest = web.get(
        f"{PLATFORM}/requests/by-endpoint", params=params | {"cursor": first["next_cursor"]}
    ).json()
    found = [item["request_id"] for item in first["items"] + rest["items"]]
    assert found == sent[::-1]
    assert (first["has_more"], rest["has_more"], rest["next_cursor"]) == (True, False, None)


def test_the_list_may_lag_behind(start: Start) -> None:
    emulator = start(listing_lag_s=60)
    headers = {"Authorization": f"Key {emulator.settings.fal_key}"}
    with httpx.Client(headers=headers) as web:
        web.post(QUEUE + V2, json={})
        params = {"endpoint_id": V2}
        assert not web.get(f"{PLATFORM}/requests/by-endpoint", params=params).json()["items"]
        emulator.clock.advance(60)
        assert web.get(f"{PLATFORM}/requests/by-endpoint", params=params).json()["items"]


def test_the_list_may_show_only_what_has_ended_and_no_payload_that_was_not_stored(
    start: Start,
) -> None:
    emulator = start(lists_unfinished=False)
    headers = {"Authorization": f"Key {emulator.settings.fal_key}"}
    with httpx.Client(headers=headers) as web:
        web.post(QUEUE + V2, json={}, headers={"X-Fal-Store-IO": "0"})
        params = {"endpoint_id": V2, "expand": "payloads"}
        assert not web.get(f"{PLATFORM}/requests/by-endpoint", params=params).json()["items"]
        emulator.clock.advance(10)
        (item,) = web.get(f"{PLATFORM}/requests/by-endpoint", params=params).json()["items"]
    assert item["status_code"] == 422
    assert "json_input" not in item


def test_the_old_storage_is_dead_and_hides_nothing(web: httpx.Client) -> None:
    answer = web.post(
        "https://rest.fal.ai/storage/upload/initiate?storage_type=gcs", json={"file_name": "a"}
    )
    assert (answer.status_code, answer.json()) == (400, {"detail": "Invalid storage type"})


def test_an_upload_dies_when_its_lifecycle_says(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    short = client.upload_file(pair[0], lifecycle=fal_client.StorageSettings(expires_in="1h"))
    long = client.upload_file(pair[0])
    emulator.clock.advance(3_599)
    assert httpx.head(short).status_code == 200
    emulator.clock.advance(1)
    assert (httpx.get(short).status_code, httpx.head(long).status_code) == (404, 200)
    handle = client.submit(V2, {"video_url": short, "audio_url": long})
    emulator.clock.advance(10)
    with pytest.raises(fal_client.FalClientHTTPError, match="file_download_error"):
        handle.get()


def test_a_file_is_served_whole_in_stretches_and_by_its_head(
    client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    data = pair[0].read_bytes()
    url = client.upload_file(pair[0])
    assert httpx.get(url).content == data
    assert int(httpx.head(url).headers["content-length"]) == len(data)
    for asked, expected in [("10-19", data[10:20]), ("10-", data[10:]), ("-10", data[-10:])]:
        answer = httpx.get(url, headers={"Range": f"bytes={asked}"})
        assert (answer.status_code, answer.content) == (206, expected)
    beyond = httpx.get(url, headers={"Range": f"bytes={len(data)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(data)}")
    other = httpx.get(url, headers={"Range": "bytes=10-", "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, data)


def test_results_and_their_files_die_each_at_their_time(
    emulator: Emulator, web: httpx.Client, ordered: dict[str, Any]
) -> None:
    emulator.clock.advance(10)
    url = web.get(ordered["response_url"]).json()["video"]["url"]
    emulator.clock.advance(7 * 86_400)
    assert (web.get(ordered["response_url"]).status_code, httpx.head(url).status_code) == (200, 404)
    emulator.clock.advance(23 * 86_400)
    assert web.get(ordered["response_url"]).status_code == 404


def test_a_result_that_is_not_stored_is_gone_in_an_hour(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    handle = client.submit(V2, uploaded(client, pair), headers={"X-Fal-Store-IO": "0"})
    emulator.clock.advance(10)
    assert handle.client.get(handle.response_url).status_code == 200
    emulator.clock.advance(3_601)
    assert handle.client.get(handle.response_url).status_code == 404


BAD_ARGUMENTS = [
    pytest.param(V2, {"model": "lipsync-9"}, ["model"], "one_of", id="model"),
    pytest.param(V2, {"sync_mode": "stretch"}, ["sync_mode"], "one_of", id="sync_mode"),
    pytest.param(V2, {"video_url": 7}, ["video_url"], "string_type", id="not-text"),
    pytest.param(V2, {"audio_url": "ftp://x"}, ["audio_url"], "url_scheme", id="scheme"),
    pytest.param(
        V2, {"audio_url": "https://x.org/a.wav"}, ["audio_url"], "file_download_error", id="gone"
    ),
    pytest.param(
        "fal-ai/latentsync",
        {"guidance_scale": 2.5},
        ["guidance_scale"],
        "less_than_equal",
        id="guidance",
    ),
    pytest.param("fal-ai/latentsync", {"seed": "1"}, ["seed"], "int_type", id="seed"),
    pytest.param("fal-ai/latentsync", {"loop_mode": "x"}, ["loop_mode"], "one_of", id="loop_mode"),
    pytest.param(
        "fal-ai/sync-lipsync/v3",
        {"options": {"sync_mode": "x"}},
        ["options", "sync_mode"],
        "one_of",
        id="inner-mode",
    ),
    pytest.param(
        "fal-ai/sync-lipsync/v3",
        {"options": {"active_speaker_detection": {"frame_number": True}}},
        ["options", "active_speaker_detection", "frame_number"],
        "int_type",
        id="speaker",
    ),
]


@pytest.mark.parametrize(("endpoint", "wrong", "loc", "kind"), BAD_ARGUMENTS)
def test_bad_arguments_are_taken_and_end_in_a_422_with_a_list(  # noqa: PLR0913, PLR0917  a table
    emulator: Emulator,
    client: fal_client.SyncClient,
    pair: tuple[Path, Path],
    endpoint: str,
    wrong: dict[str, Any],
    loc: list[str],
    kind: str,
) -> None:
    handle = client.submit(endpoint, uploaded(client, pair) | wrong)
    emulator.clock.advance(10)
    answer = handle.client.get(handle.response_url)
    assert answer.status_code == 422
    assert [(entry["loc"], entry["type"]) for entry in answer.json()["detail"]] == [
        (["body", *loc], kind)
    ]
    (job,) = emulator.account().accepted
    assert not job.billed_usd
    assert not job.billed_units


def test_media_may_be_a_data_uri_or_lie_on_this_machine(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    inline = "data:video/mp4;base64," + base64.b64encode(pair[0].read_bytes()).decode()
    with _listening() as (url, _):
        _Listener.files["/voice.wav"] = pair[1].read_bytes()
        handle = client.submit(V2, {"video_url": inline, "audio_url": f"{url}/voice.wav"})
        emulator.clock.advance(10)
        assert handle.get()["video"]["url"]


def test_a_redirect_out_of_this_machine_is_not_followed(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    with _listening() as (url, _):
        media = uploaded(client, pair) | {"audio_url": f"{url}/redirect"}
        handle = client.submit(V2, media)
        emulator.clock.advance(10)
        (entry,) = handle.client.get(handle.response_url).json()["detail"]
    assert "redirected to 192.0.2.1" in entry["msg"]


def test_the_mode_in_the_options_of_v3_overrides_the_other(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    write_wav(tmp_path / "longer.wav", speech(1.4))
    media = uploaded(client, (pair[0], tmp_path / "longer.wav"))
    for options in ({}, {"sync_mode": "loop"}):
        arguments = media | {"sync_mode": "cut_off", "options": options}
        client.submit("fal-ai/sync-lipsync/v3", arguments)
    emulator.clock.advance(10)
    assert [job.output_s for job in emulator.account().accepted] == [1.0, 1.4]


def test_the_same_pair_uploaded_twice_is_one_dub_bought_twice(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    for _ in range(2):
        client.submit(V2, uploaded(client, pair))
    client.submit(V2, uploaded(client, pair) | {"sync_mode": "loop"})
    account = emulator.account()
    assert (len(account.accepted), account.distinct, account.duplicates) == (3, 2, 1)


def test_a_webhook_is_told_and_its_signature_holds(start: Start, pair: tuple[Path, Path]) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    start(clock=None, latency_s=0.05)
    client = fal_client.SyncClient()
    with _listening() as (url, told):
        handle = client.submit(V2, uploaded(client, pair), webhook_url=f"{url}/hook?job=1")
        while not told:
            time.sleep(0.01)
    path, headers, body = told[0]
    assert path == "/hook?job=1"
    said = httpx.Response(200, content=body).json()
    assert (said["request_id"], said["status"]) == (handle.request_id, "OK")
    (key,) = httpx.get("https://rest.fal.ai/.well-known/jwks.json").json()["keys"]
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "=="))
    signed = "\n".join(
        [
            headers["x-fal-webhook-request-id"],
            headers["x-fal-webhook-user-id"],
            headers["x-fal-webhook-timestamp"],
            hashlib.sha256(body).hexdigest(),
        ]
    )
    public.verify(bytes.fromhex(headers["x-fal-webhook-signature"]), signed.encode())


Told = list[tuple[str, dict[str, str], bytes]]


class _Listener(BaseHTTPRequestHandler):
    """A server on this machine that has files and hears webhooks."""

    files: dict[str, bytes] = {}  # noqa: RUF012  one per test run is enough
    told: Told = []  # noqa: RUF012  the same

    def do_GET(self) -> None:
        if self.path == "/redirect":
            # RFC 5737: an address that belongs to nobody.
            self.send_response(302)
            self.send_header("Location", "http://192.0.2.1/voice.wav")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.files[self.path])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.told.append((self.path, headers, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


class _listening:  # noqa: N801  a context manager
    def __enter__(self) -> tuple[str, Told]:
        _Listener.told = []
        self.server = HTTPServer(("127.0.0.1", 0), _Listener)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}", _Listener.told

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
