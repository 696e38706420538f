"""The unified API: its fields, its states, its shapes, and both families of errors."""

import time
from pathlib import Path
from typing import Any

import fal_client
import httpx
import pytest

from lipsync.emulator.emulator import Emulator
from lipsync.probe import probe
from tests.clips import as_file
from tests.lipsync.emulator.conftest import Start, uploaded

SUBMIT = "/v1/videos/generations"


class Api:
    """The API of an emulator, with the key of the account."""

    def __init__(self, emulator: Emulator, pair: tuple[Path, Path]) -> None:
        self.emulator = emulator
        media = uploaded(fal_client.SyncClient(), pair)
        self.media = {"video": media["video_url"], "audio": media["audio_url"]}
        self.web = httpx.Client(
            base_url=emulator.url,
            headers={"Authorization": f"Bearer {emulator.settings.unified_key}"},
            timeout=30,
        )

    def submit(self, **fields: Any) -> httpx.Response:
        return self.web.post(SUBMIT, json=self.media | {"model": "lipsync-2"} | fields)

    def task(self, receipt: httpx.Response) -> dict[str, Any]:
        return dict(self.web.get(f"/v1/tasks/{receipt.json()['id']}").json())

    def ended(self, **fields: Any) -> dict[str, Any]:
        receipt = self.submit(**fields)
        assert receipt.status_code == 200, receipt.text
        self.emulator.clock.advance(10)
        return self.task(receipt)


@pytest.fixture
def api(emulator: Emulator, pair: tuple[Path, Path]) -> Api:
    return Api(emulator, pair)


def test_a_task_is_pending_processing_and_completed(start: Start, pair: tuple[Path, Path]) -> None:
    emulator = start(unified_slots=1)
    api = Api(emulator, pair)
    first, second = api.submit(), api.submit()
    assert first.json()["id"].startswith("task-unified-")
    assert (first.json()["status"], first.json()["progress"]) == ("pending", 0)
    emulator.clock.advance(4)
    assert (api.task(first)["status"], api.task(first)["progress"]) == ("processing", 40)
    assert api.task(second)["status"] == "pending"
    emulator.clock.advance(6)
    assert (api.task(first)["status"], api.task(first)["progress"]) == ("completed", 100)


def _video(task: dict[str, Any], shape: str) -> Any:
    return {
        "results.url": lambda: task["results"][0]["url"],
        "results": lambda: task["results"][0],
        "result_data": lambda: task["result_data"][0]["video_url"],
        "output": lambda: task["output"]["urls"][0],
    }[shape]()


@pytest.mark.parametrize("shape", ["results.url", "results", "result_data", "output"])
def test_the_result_comes_in_each_of_four_shapes(
    start: Start, pair: tuple[Path, Path], tmp_path: Path, shape: str
) -> None:
    emulator = start(result_shape=shape)
    url = _video(Api(emulator, pair).ended(), shape)
    path = tmp_path / "result.mp4"
    path.write_bytes(httpx.get(url).content)
    assert probe(as_file(path)).video.frames == 25  # type: ignore[union-attr]
    emulator.clock.advance(86_400)
    assert httpx.get(url).status_code == 404


REFUSALS = [
    pytest.param({"model": None}, 422, "model is required", id="no-model"),
    pytest.param({"model": "lipsync-9"}, 422, "does not exist", id="unknown-model"),
    pytest.param({"video": "files/a.mp4"}, 422, "video must be a URL", id="not-a-url"),
    pytest.param({"sync_mode": "stretch"}, 422, "sync_mode", id="sync-mode"),
    pytest.param({"temperature": 1.5}, 422, "between 0 and 1", id="temperature"),
    pytest.param({"model": "sync-3", "temperature": 0.5}, 422, "not supported", id="sync-3"),
    pytest.param({"model": "sync-3", "active_speaker": False}, 422, "not supported", id="default"),
    pytest.param({"colour": "red"}, 422, "Unknown field", id="unknown-field"),
]


@pytest.mark.parametrize("dialect", ["foxapi", "evolink"])
@pytest.mark.parametrize(("fields", "status", "said"), REFUSALS)
def test_what_is_wrong_is_refused_at_once_in_both_families(  # noqa: PLR0913, PLR0917  a table
    start: Start,
    pair: tuple[Path, Path],
    dialect: str,
    fields: dict[str, Any],
    status: int,
    said: str,
) -> None:
    emulator = start(dialect=dialect)
    wanted = {name: value for name, value in fields.items() if value is not None}
    api = Api(emulator, pair)
    body = {"model": "lipsync-2"} | api.media | wanted
    body = {name: value for name, value in body.items() if fields.get(name, "") is not None}
    answer = api.web.post(SUBMIT, json=body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert said in error["message"]
    assert isinstance(error.get("code", ""), int if dialect == "evolink" else str)
    assert not emulator.account().accepted


@pytest.mark.parametrize("dialect", ["foxapi", "evolink"])
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422, 429, 500, 502, 503])
def test_every_status_can_be_answered_in_both_families(
    start: Start, pair: tuple[Path, Path], dialect: str, status: int
) -> None:
    emulator = start(dialect=dialect)
    api = Api(emulator, pair)
    emulator.fault("error_500", vendor="unified", status=status)
    answer = api.submit()
    assert answer.status_code == status
    assert answer.json()["error"]["type"]
    assert not emulator.account().accepted


def test_keys_and_ids_that_are_not_known_are_401_and_404(api: Api) -> None:
    bad = httpx.post(api.emulator.url + SUBMIT, headers={"Authorization": "Bearer x"}, json={})
    assert (bad.status_code, bad.json()["error"]["type"]) == (401, "authentication_error")
    assert api.web.get("/v1/tasks/task-unified-1-00000000").status_code == 404
    assert api.web.post(SUBMIT, content=b"{").status_code == 400


def test_media_may_come_under_either_pair_of_names(api: Api) -> None:
    media = {"video_url": api.media["video"], "audio_url": api.media["audio"]}
    answer = api.web.post(SUBMIT, json=media | {"model": "sync-3"})
    assert answer.status_code == 200


def test_a_voice_it_does_not_read_ends_in_a_failed_task(
    api: Api, tmp_path: Path, pair: tuple[Path, Path]
) -> None:
    from tests.clips import ffmpeg

    other = tmp_path / "voice.ogg"
    ffmpeg("-i", str(pair[1]), "-c:a", "libopus", str(other))
    task = api.ended(audio=fal_client.SyncClient().upload_file(other))
    assert task["status"] == "failed"
    assert task["error"]["code"] == "invalid_parameters"
    assert "ogg" in task["error"]["message"]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        pytest.param("completed_with_error", "failed", id="failed"),
        pytest.param("withdrawn", "cancelled", id="cancelled"),
        pytest.param("odd_state", "archived", id="unknown-state"),
    ],
)
def test_a_task_may_end_otherwise(api: Api, name: str, status: str) -> None:
    api.emulator.fault(name)
    task = api.ended()
    assert task["status"] == status
    (job,) = api.emulator.account().accepted
    assert job.billed_units == (5 if name == "odd_state" else 0)


def test_a_task_may_be_gone(api: Api) -> None:
    api.emulator.fault("result_expired")
    receipt = api.submit()
    api.emulator.clock.advance(10)
    assert api.web.get(f"/v1/tasks/{receipt.json()['id']}").status_code == 404


@pytest.mark.parametrize(
    ("name", "bought"), [("cut_after_acceptance", 1), ("cut_before_acceptance", 0)]
)
def test_a_submit_may_be_cut_off_before_or_after_it_is_taken(
    api: Api, name: str, bought: int
) -> None:
    api.emulator.fault(name, vendor="unified")
    with pytest.raises(httpx.RemoteProtocolError):
        api.submit()
    assert len(api.emulator.account().accepted) == bought


def test_a_connection_is_refused_for_a_while(api: Api) -> None:
    api.emulator.fault("refused", vendor="unified", delay_s=0.3)
    with pytest.raises(httpx.ConnectError):
        api.submit()
    while True:
        try:
            assert api.submit().status_code == 200
            break
        except httpx.ConnectError:
            time.sleep(0.05)


def test_its_silence_keeps_the_length_of_the_video(
    start: Start, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    from tests.clips import speech, write_wav

    emulator = start()
    api = Api(emulator, pair)
    longer = tmp_path / "longer.wav"
    write_wav(longer, speech(1.4))
    voice = fal_client.SyncClient().upload_file(longer)
    api.ended(audio=voice, sync_mode="silence")
    api.ended(audio=voice)  # its default is loop
    lengths_s = [job.output_s for job in emulator.account().accepted]
    assert lengths_s == [1.0, 1.4]
