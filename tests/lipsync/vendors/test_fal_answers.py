"""fal, answers: each is wrong, later or unknown, and is charged or not; tables, no network."""

import json
from decimal import Decimal
from typing import Any

import pytest

from lipsync.errors import OutcomeUnknown, VendorBusy, VendorError, VendorRefused
from lipsync.vendors.fal.answers import (
    Answer,
    May,
    charges_nothing,
    is_request_id,
    of_question,
    of_result,
    of_submit,
    of_upload,
)
from lipsync.vendors.fal.results import SUFFIXES, Result, failure_in, failure_of, link_in, result_of
from lipsync.vendors.fal.standing import events, standing, together
from lipsync.vendors.protocol import Progress, Standing

FAL = {"x-fal-request-id": "r1"}
LOCKED = {"detail": "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai."}
NGINX = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
DONE, FAILED = Progress(state=Standing.DONE), Progress(state=Standing.FAILED, detail="it says so")


def answer(status: int, body: Any = None, text: str = "", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, body=body, text=text, headers=named)


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_submit_that_was_answered_was_taken(status: int) -> None:
    assert of_submit(answer(status, {"request_id": "r1"})) is None


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, VendorRefused) for status in (400, 401, 402, 403, 404, 405, 413, 415, 422)),
        (429, VendorBusy),
        *(
            (status, OutcomeUnknown)
            for status in (301, 307, 408, 409, 499, 500, 502, 503, 504, 520)
        ),
    ],
)
@pytest.mark.parametrize("headers", [{}, FAL], ids=["in front", "fal"])
def test_a_submit_is_unbought_only_where_that_is_known(
    status: int, error: type[VendorError], headers: dict[str, str]
) -> None:
    ruling = of_submit(Answer(status=status, headers=headers, text=NGINX))
    assert ruling is not None
    assert type(ruling.error()) is error


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer(401, {"detail": "No key"}), "set FAL_KEY"),
        (answer(403, LOCKED), "has to top it up"),
        (answer(403, {"detail": "Forbidden"}), "set FAL_KEY"),
        (answer(404, {"detail": 'Application "x" not found'}), 'Application "x" not found'),
        (answer(422, {"detail": [{"loc": ["body", "seed"], "msg": "no int"}]}), "seed: no int"),
        (answer(400, None, "plain words"), "plain words"),
        (answer(429), "no reason given"),
    ],
)
def test_a_ruling_is_one_sentence_with_fals_words_and_the_way_out(said: Answer, words: str) -> None:
    ruling = of_submit(said)
    assert ruling is not None
    assert words in ruling.sentence
    assert "\n" not in ruling.sentence


@pytest.mark.parametrize("status", [401, 403, 408, 409, 429, 500, 502, 503, 504])
def test_a_question_that_got_no_answer_is_asked_again(status: int) -> None:
    ruling = of_question(answer(status, text=NGINX))
    assert ruling is not None
    assert ruling.may is May.RETRY


@pytest.mark.parametrize(
    ("said", "may"),
    [
        (answer(400, {"detail": "Request is still in progress"}), May.RETRY),
        (answer(400, {"detail": "Downstream service error"}), May.FAIL),
        (answer(401, {"detail": "key"}), May.RETRY),
        (answer(403, LOCKED), May.RETRY),
        (answer(404, {"detail": "gone"}), May.FAIL),
        (answer(404, text=NGINX), May.RETRY),
        (answer(410, {"detail": "gone"}), May.FAIL),
        (answer(422, {"detail": []}), May.FAIL),
        (answer(422, text=NGINX), May.RETRY),
        (answer(429, {"detail": "busy"}), May.RETRY),
        (answer(499, {"detail": "cancelled"}), May.FAIL),
        (answer(500, {"detail": "boom"}), May.RETRY),
        (answer(504, text=NGINX), May.RETRY),
    ],
)
def test_a_result_call_ends_a_job_only_by_fals_own_word_about_it(said: Answer, may: May) -> None:
    ruling = of_result(said)
    assert ruling is not None
    assert ruling.may is may
    assert of_result(answer(200, {"video": {}})) is None


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, VendorRefused), (403, VendorRefused), (413, VendorRefused), (500, VendorBusy)],
)
def test_an_upload_buys_nothing_whatever_it_says(status: int, error: type[VendorError]) -> None:
    assert type(of_upload(answer(status)).error()) is error


@pytest.mark.parametrize(
    ("status", "kind", "free"),
    [
        (500, None, True),
        (504, None, True),
        (504, "startup_timeout", True),
        (None, "runner_disconnected", True),
        (422, None, False),
        (422, "face_detection_error", False),
        (499, "client_cancelled", False),
        (400, "downstream_service_error", False),
        (500, "something_new", False),
        (None, None, False),
    ],
)
def test_only_what_fal_says_is_free_is_taken_to_be_free(
    status: int | None, kind: str | None, free: bool
) -> None:
    assert charges_nothing(status, kind) is free


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"status": "IN_QUEUE", "queue_position": 2}, Standing.QUEUED),
        ({"status": "IN_QUEUE"}, Standing.QUEUED),
        ({"status": "IN_QUEUE", "queue_position": "2"}, Standing.QUEUED),
        ({"status": "IN_QUEUE", "queue_position": -1}, Standing.QUEUED),
        ({"status": "IN_PROGRESS"}, Standing.RUNNING),
        ({"status": "IN_PROGRESS", "logs": "text"}, Standing.RUNNING),
        ({"status": "IN_PROGRESS", "logs": [None, {"message": 3}, "a"]}, Standing.RUNNING),
        ({"status": "COMPLETED"}, Standing.DONE),
        ({"status": "COMPLETED", "error": None, "error_type": ""}, Standing.DONE),
        ({"status": "COMPLETED", "error": "no"}, Standing.FAILED),
        ({"status": "COMPLETED", "error": {"a": 1}}, Standing.FAILED),
        ({"status": "COMPLETED", "error_type": "runner_server_error"}, Standing.FAILED),
        ({"status": "COMPLETED", "error_type": "client_cancelled"}, Standing.CANCELLED),
        ({"status": "NOT_FOUND"}, Standing.LOST),
        ({"status": "PAUSED"}, Standing.SILENT),
        ({"status": None}, Standing.SILENT),
        ({}, Standing.SILENT),
        ([], Standing.SILENT),
        (None, Standing.SILENT),
    ],
)
def test_whatever_fal_says_of_a_job_is_read(told: Any, state: Standing) -> None:
    assert standing(told).state is state


@pytest.mark.parametrize(
    ("told", "billed_usd"),
    [
        ({"error_type": "startup_timeout"}, Decimal(0)),
        ({"error_type": "client_cancelled", "metrics": {"inference_time": 0}}, Decimal(0)),
        ({"error_type": "client_cancelled", "metrics": {"inference_time": 4.2}}, None),
        ({"error_type": "client_cancelled"}, None),
        ({"error": "Invalid status code: 422"}, None),
    ],
)
def test_a_job_that_never_ran_cost_nothing(
    told: dict[str, Any], billed_usd: Decimal | None
) -> None:
    assert standing({"status": "COMPLETED"} | told).billed_usd == billed_usd


def test_log_lines_of_polls_and_of_events_make_one_log() -> None:
    poll = standing({"status": "IN_PROGRESS", "logs": [{"message": "a"}, {"message": "b"}]})
    event = standing({"status": "IN_PROGRESS", "logs": [{"message": "c"}]}, poll.lines)
    assert event.lines == ("a", "b", "c")
    assert together(event.lines, ()) == event.lines


def test_a_log_line_carries_no_signature_and_no_control_character() -> None:
    logs = [{"message": "GET https://x/v.mp4?X-Amz-Signature=abc \x1b[31mred\x07"}]
    (line,) = standing({"status": "IN_PROGRESS", "logs": logs}).lines
    assert "abc" not in line
    assert line.isprintable()


def test_a_stream_is_read_over_pulses_and_what_is_no_json() -> None:
    told = [": ping", "event: x", 'data: {"status":"COMPLETED"}', "", "data: {", "", "", "id: 1"]
    assert [event for event in events(told) if event is not None] == [{"status": "COMPLETED"}, {}]


@pytest.mark.parametrize(
    ("said", "told", "state", "free"),
    [
        (answer(200, {"video": {}}), DONE, None, False),
        (answer(500, {"detail": "boom"}), DONE, None, False),
        (answer(404, {"detail": "gone"}), DONE, None, False),
        (answer(500, {"detail": "boom"}), FAILED, Standing.FAILED, True),
        (answer(404, {"detail": "gone"}), FAILED, Standing.FAILED, False),
        (answer(401, {"detail": "key"}), FAILED, Standing.FAILED, False),
        (answer(502, text=NGINX), FAILED, Standing.FAILED, False),
        (answer(422, {"detail": "face"}), DONE, Standing.FAILED, False),
        (
            answer(499, {"detail": "x", "error_type": "client_cancelled"}),
            DONE,
            Standing.CANCELLED,
            False,
        ),
    ],
)
def test_a_5xx_of_the_result_is_the_jobs_own_only_where_its_status_says_so(
    said: Answer, told: Progress, state: Standing | None, free: bool
) -> None:
    failure = failure_of(said, told)
    assert (failure and failure.state) is state
    assert bool(failure and failure.free) is free


def test_what_a_machine_in_front_says_is_not_repeated_as_fals_reason() -> None:
    failure = failure_of(answer(502, text=NGINX), FAILED)
    assert failure is not None
    assert failure.sentence == "it says so"


@pytest.mark.parametrize(
    ("item", "failed"),
    [
        ({}, False),
        ({"status_code": None}, False),
        ({"status_code": 200}, False),
        ({"status_code": 422, "json_output": {"detail": "no face"}}, True),
        ({"status_code": 500}, True),
    ],
)
def test_the_list_says_how_a_request_ended(item: dict[str, Any], failed: bool) -> None:
    assert (failure_in(item) is not None) is failed


def test_a_result_without_a_link_is_an_error_and_one_that_is_no_json_is_asked_again() -> None:
    with pytest.raises(VendorError, match=r"video\.url") as caught:
        result_of(answer(200, {"video": {"url": 3}}), ("video.url",))
    assert not isinstance(caught.value, VendorBusy)
    with pytest.raises(VendorBusy):
        result_of(answer(200, text="<html>sign in</html>"), ("video.url",))


@pytest.mark.parametrize(
    "body", [None, [], {}, {"video": None}, {"video": {"url": "file:///etc/passwd"}}]
)
def test_a_link_is_a_link_or_nothing(body: Any) -> None:
    assert link_in(body, ("video.url",)) is None


@pytest.mark.parametrize(
    ("url", "suffix"),
    [
        ("https://x/a.webm?b=.mp4", ".webm"),
        ("https://x/a.MOV", ".mov"),
        ("https://x/a.sh", ".mp4"),
        ("https://x/", ".mp4"),
    ],
)
def test_a_file_is_named_by_an_extension_we_know(url: str, suffix: str) -> None:
    assert Result(url=url).suffix == suffix
    assert suffix in SUFFIXES


@pytest.mark.parametrize("value", ["", "../x", "a/b", "a b", "a?b", "x" * 129, None, 3])
def test_what_cannot_be_an_id_is_told_from_one(value: Any) -> None:
    assert not is_request_id(value)
    assert is_request_id("65792c4e-53cf-ba0c-cc4d-0961e597cf95")


def test_fals_words_are_kept_short() -> None:
    said = answer(400, {"detail": "x" * 5_000}).said
    assert len(said) < 400
    assert json.dumps(said)
