"""The unified API's words: what each answer means for the money, and where a result lies."""

import json
from decimal import Decimal
from typing import Any

import pytest

from lipsync.errors import (
    OutcomeUnknown,
    UsageError,
    VendorBusy,
    VendorError,
    VendorRefused,
)
from lipsync.tickets import Media, Ticket
from lipsync.vendors.protocol import Standing
from lipsync.vendors.unified.addresses import (
    check_base,
    check_reach,
    check_same_place,
    joined,
    task_url,
)
from lipsync.vendors.unified.faults import SAID_CHARACTERS, Reply, fault_in, said
from lipsync.vendors.unified.media import container_of
from lipsync.vendors.unified.rulings import Meaning, on_silence, on_submit, receipt
from lipsync.vendors.unified.standing import TaskGone, standing_of, task_in
from lipsync.vendors.unified.tasks import links_in, notes_of, progress_of
from tests.lipsync.vendors.unified_parts import unified_ticket

FAMILIES = {
    "evolink": lambda status, kind: {
        "error": {
            "code": status,
            "type": kind,
            "message": "as it is",
            "param": "video",
            "fallback_suggestion": "do better",
        }
    },
    "foxapi": lambda _status, kind: {"error": {"message": "as it is", "type": kind}},
    "a proxy": lambda _status, _kind: None,
}

WRONG, LATER, UNKNOWN = Meaning.WRONG, Meaning.LATER, Meaning.UNKNOWN
ERRORS = {WRONG: VendorRefused, LATER: VendorBusy, UNKNOWN: OutcomeUnknown}

RULES = [
    (301, "moved", WRONG),
    (302, "found", UNKNOWN),
    (303, "see other", UNKNOWN),
    (307, "moved", WRONG),
    (308, "moved", WRONG),
    (400, "invalid_request_error", WRONG),
    (401, "authentication_error", WRONG),
    (402, "insufficient_quota_error", WRONG),
    (403, "permission_error", WRONG),
    (404, "not_found_error", WRONG),
    (405, "invalid_request_error", WRONG),
    (408, "timeout_error", UNKNOWN),
    (409, "conflict", UNKNOWN),
    (413, "request_too_large_error", WRONG),
    (415, "invalid_request_error", WRONG),
    (418, "odd", UNKNOWN),
    (422, "invalid_request_error", WRONG),
    (429, "rate_limit_error", LATER),
    (499, "client_closed", UNKNOWN),
    (500, "server_error", UNKNOWN),
    (502, "upstream_error", UNKNOWN),
    (503, "service_unavailable_error", UNKNOWN),
    (504, "timeout_error", UNKNOWN),
    (524, "timeout_error", UNKNOWN),
]


def asked_at(task_id: str) -> str:
    return f"https://api.example.com/v1/tasks/{task_id}"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("status", "kind", "meaning"), RULES, ids=str)
def test_every_answer_to_the_post_says_what_to_do_and_whether_it_billed(
    family: str, status: int, kind: str, meaning: Meaning
) -> None:
    ruling = on_submit(Reply(status=status, body=FAMILIES[family](status, kind), text="a page"))
    assert ruling.meaning is meaning
    assert ruling.billed is (None if meaning is UNKNOWN else False)
    with pytest.raises(ERRORS[meaning], match=f"HTTP {status}"):
        receipt(ruling, asked_at)


@pytest.mark.parametrize(
    ("status", "fault", "meaning"),
    [
        (422, {"type": "service_unavailable_error"}, LATER),
        (422, {"type": "x", "code": "unsupported_advanced_options"}, WRONG),
        (400, {"type": "service_unavailable_error"}, WRONG),
    ],
)
def test_want_of_a_channel_is_no_fault_of_the_request(
    status: int, fault: dict[str, str], meaning: Meaning
) -> None:
    assert on_submit(Reply(status=status, body={"error": fault})).meaning is meaning


def test_the_way_out_is_in_the_sentence() -> None:
    def sentence(status: int, message: str = "no", **more: Any) -> str:
        body = {"error": {"message": message}}
        return on_submit(Reply(status=status, body=body, **more)).sentence

    assert "check UNIFIED_API_KEY" in sentence(401)
    assert "top up" in sentence(402)
    assert "try again in 60 s" in sentence(429, retry_after_s=60)
    assert "UNIFIED_VIDEO_FIELD and UNIFIED_VOICE_FIELD" in sentence(422, "video_url is required")
    assert "UNIFIED_VIDEO_FIELD" not in sentence(422, "the video is too long")
    assert "not sent again before someone has looked" in sentence(502)


@pytest.mark.parametrize("name", ["id", "task_id"])
@pytest.mark.parametrize("task_id", ["task-unified-1-a", 17])
def test_an_accepted_task_is_taken_with_its_id_and_where_to_ask(name: str, task_id: Any) -> None:
    ruling = on_submit(Reply(status=200, body={name: task_id, "status": "pending"}))
    assert ruling.meaning is Meaning.TAKEN
    taken = receipt(ruling, asked_at)
    assert (taken.request_id, taken.urls) == (str(task_id), {"status": asked_at(str(task_id))})


@pytest.mark.parametrize(
    "body",
    [None, [], "ok", {}, {"id": None}, {"id": ""}, {"id": True}, {"id": {}}, {"status": "pending"}],
    ids=str,
)
def test_success_without_an_id_may_have_been_taken(body: Any) -> None:
    assert on_submit(Reply(status=200, body=body)).meaning is UNKNOWN


def test_silence_is_harmless_only_when_nothing_left() -> None:
    assert on_silence("ConnectError", sent=False).meaning is LATER
    assert on_silence("ReadTimeout", sent=True).meaning is UNKNOWN


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": {"code": 400, "type": "t", "message": "m", "param": "p"}}, "t (p): m"),
        ({"error": {"code": "no_face", "message": "m", "type": "task_error"}}, "task_error: m"),
        ({"error": {"code": "no_face", "message": "m"}}, "no_face: m"),
        ({"error": {"message": "m", "fallback_suggestion": "s"}}, "m; it suggests: s"),
        ({"error": "m"}, "m"),
        ({"code": 500, "message": "m"}, "m"),
        ({"detail": [{"loc": ["body", "video"], "msg": "Field required"}]}, "body.video: Field r"),
        ({"error": {"type": "t"}}, "t: without a reason"),
    ],
)
def test_a_fault_is_read_in_every_shape(body: Any, text: str) -> None:
    assert str(fault_in(body)).startswith(text)


@pytest.mark.parametrize("body", [None, "x", [], {}, {"error": None}, {"error": {}}, {"id": "t"}])
def test_what_names_no_fault_has_none(body: Any) -> None:
    assert fault_in(body) is None


def test_what_a_vendor_says_is_one_short_line_without_markup_or_signatures() -> None:
    text = "<h1>502</h1>\r\n\x1b[31mno https://b/v.mp4?X-Amz-Signature=planted&a=b, " + "x" * 999
    line = said(text)
    assert line.startswith("502 [31mno https://b/v.mp4?…")
    assert "planted" not in line
    assert line.isprintable()
    assert len(line) == SAID_CHARACTERS + 1


LINK = "https://files.example.com/r.mp4?sig=1"
SHAPES = [
    {"results": [{"url": LINK}]},
    {"results": [LINK]},
    {"results": LINK},
    {"results": [{"video_url": LINK}]},
    {"results": None, "result_data": [{"video_url": LINK}]},
    {"output": {"url": LINK}},
    {"output": {"urls": [LINK]}},
    {"output": {"url": LINK, "urls": [LINK], "duration": 5}},
]


@pytest.mark.parametrize("shape", SHAPES, ids=json.dumps)
def test_the_link_is_found_in_every_shape(shape: dict[str, Any]) -> None:
    assert list(links_in({"status": "completed", **shape})) == [LINK]


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"results": []},
        {"results": [None, 3, {"url": None}]},
        {"results": ["file:///etc/passwd", {"url": "data:video/mp4,"}]},
        {"output": "done"},
    ],
    ids=json.dumps,
)
def test_what_is_no_link_is_none(shape: dict[str, Any]) -> None:
    assert not list(links_in(shape))


FAULT = {"code": "generation_timeout", "message": "too slow"}


@pytest.mark.parametrize(
    ("task", "state", "billed_usd"),
    [
        ({"status": "pending"}, Standing.QUEUED, None),
        ({"status": "processing", "error": None}, Standing.RUNNING, None),
        ({"status": "COMPLETED", "results": [LINK]}, Standing.DONE, None),
        ({"status": "completed", "results": [LINK], "error": {}}, Standing.DONE, None),
        ({"status": "completed", "results": [LINK], "error": FAULT}, Standing.DONE, None),
        ({"status": "completed", "error": FAULT}, Standing.FAILED, None),
        ({"status": "completed"}, Standing.DONE, None),
        ({"status": "failed", "error": FAULT}, Standing.FAILED, Decimal(0)),
        ({"status": "failed"}, Standing.FAILED, Decimal(0)),
        ({"status": "cancelled"}, Standing.CANCELLED, None),
        ({"status": "canceled", "error": FAULT}, Standing.CANCELLED, None),
        ({"status": "archived"}, Standing.RUNNING, None),
        ({"status": "archived", "results": [LINK]}, Standing.DONE, None),
        ({"status": "archived", "error": FAULT}, Standing.FAILED, None),
    ],
    ids=str,
)
def test_every_state_says_how_it_stands_and_whether_it_billed(
    task: dict[str, Any], state: Standing, billed_usd: Decimal | None
) -> None:
    progress = progress_of(task)
    assert (progress.state, progress.billed_usd) == (state, billed_usd)


def test_why_a_task_ended_and_what_it_is_called_are_told() -> None:
    assert progress_of({"status": "failed", "error": FAULT}).detail == (
        "generation_timeout: too slow"
    )
    assert progress_of({"status": "cancelled"}).detail == "unified says 'cancelled' and no reason"
    assert progress_of({"status": "on_ice"}).detail == "unified calls it 'on_ice'"


@pytest.mark.parametrize(
    ("said_percent", "percent"),
    [(0, 0), (42, 42), (99.5, 99.5), (100, 100), (101, None), ("42", None), (True, None)],
)
def test_progress_is_told_in_percent(said_percent: Any, percent: float | None) -> None:
    assert progress_of({"status": "processing", "progress": said_percent}).percent == percent


def test_the_credits_that_were_held_are_noted_and_not_taken_for_dollars() -> None:
    assert notes_of({"usage": {"credits_reserved": 123}}) == ("unified held 123 credits for it",)
    assert notes_of({"usage": None}) == ()


TICKET: Ticket = unified_ticket(request_id="t-1", urls={"status": asked_at("t-1")})
OWN_404 = {"error": {"code": 404, "type": "not_found_error", "message": "Task not found"}}


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        pytest.param(Reply(status=404, body=OWN_404), TaskGone, "knows no task t-1", id="gone"),
        pytest.param(
            Reply(status=404, text="nginx"), VendorBusy, "UNIFIED_POLL_PATH", id="wrong path"
        ),
        pytest.param(
            Reply(status=401, body={"error": {"message": "no"}}),
            VendorError,
            "UNIFIED_API_KEY",
            id="key refused",
        ),
        pytest.param(Reply(status=403, text="blocked"), VendorBusy, "HTTP 403", id="a wall"),
        pytest.param(Reply(status=429), VendorBusy, "HTTP 429", id="too many"),
        pytest.param(Reply(status=500, body=OWN_404), VendorBusy, "HTTP 500", id="server error"),
        pytest.param(Reply(status=200, text="<html>"), VendorBusy, "HTTP 200", id="a page"),
        pytest.param(Reply(status=200, body={"id": "t-1"}), VendorBusy, "ask again", id="no state"),
    ],
)
def test_no_answer_about_a_task_ends_it_but_its_own_words(
    reply: Reply, error: type[VendorError], says: str
) -> None:
    with pytest.raises(VendorError, match=says) as told:
        task_in(reply, TICKET)
    assert type(told.value) is error


def test_a_task_nobody_knows_is_lost_and_not_failed() -> None:
    assert standing_of(Reply(status=404, body=OWN_404), TICKET).state is Standing.LOST


def test_whichever_part_carries_the_version_it_is_there_once() -> None:
    assert joined("https://x/v1", "/v1/videos") == joined("https://x", "/v1/videos")
    assert joined("https://x/api/", "/v1/videos") == "https://x/api/v1/videos"
    assert joined("https://x/v1", "/v2/videos") == "https://x/v1/v2/videos"


def test_an_id_leads_nowhere_but_to_its_task() -> None:
    url = task_url("https://x", "/v1/tasks/{id}?full=1", "a/../b?c#d e")
    assert url == "https://x/v1/tasks/a%2F..%2Fb%3Fc%23d%20e?full=1"


@pytest.mark.parametrize(
    ("base_url", "says"),
    [
        ("http://api.example.com", "unencrypted"),
        ("http://8.8.8.8", "unencrypted"),
        ("https://", "no plain address"),
        ("https://user:planted@api.example.com", "no plain address"),
        ("https://api.example.com?key=planted", "no plain address"),
    ],
)
def test_a_base_url_that_gives_the_key_away_is_refused(base_url: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as told:
        check_base(base_url)
    assert "planted" not in str(told.value)


def test_plain_http_is_for_this_machine_and_its_network() -> None:
    for base_url in (
        "http://127.0.0.1:9",
        "http://localhost",
        "http://gateway:8080",
        "https://x.y",
    ):
        check_base(base_url)


def test_a_link_into_this_machine_is_not_sent_to_a_vendor_elsewhere() -> None:
    media = Media(
        video_url="https://b.example.com/v.mp4", voice_url="http://192.168.1.5/a?s=planted"
    )
    check_reach("http://127.0.0.1:8000", media)
    with pytest.raises(UsageError, match=r"192\.168\.1\.5/a: leads into this machine") as told:
        check_reach("https://api.example.com", media)
    assert "planted" not in str(told.value)


def test_a_ticket_is_asked_about_only_where_it_was_bought() -> None:
    check_same_place(TICKET, "https://api.example.com/v1")
    check_same_place(unified_ticket(request_id="t", urls={}), "https://other.example.com")
    with pytest.raises(UsageError, match=r"was bought at api\.example\.com"):
        check_same_place(TICKET, "https://other.example.com")


@pytest.mark.parametrize(
    ("head", "container"),
    [
        (b"\0\0\0\x20ftypisom", "mp4"),
        (b"\0\0\0\x14ftypqt  ", None),
        (b"RIFF\0\0\0\0WAVEfmt ", "wav"),
        (b"RIFF\0\0\0\0AVI LIST", None),
        (b"ID3\x04", "mp3"),
        (b"\xff\xfb\x90", "mp3"),
        (b"\xff\xf3\x90", "mp3"),
        (b"\xff\xf1\x50", None),  # AAC in ADTS has the same sync and layer 0
        (b"\xff\xeb\x90", None),  # a version that is reserved
        (b"\x1aE\xdf\xa3", None),
        (b"", None),
    ],
)
def test_files_are_known_by_their_bytes(head: bytes, container: str | None) -> None:
    assert container_of(head) == container
