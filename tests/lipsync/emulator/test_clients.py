"""fal's unmodified clients, Python and JavaScript, cannot tell the emulator from fal."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import fal_client
import httpx
import pytest

from lipsync.emulator.emulator import Emulator
from tests.clips import read_indices
from tests.lipsync.emulator.conftest import V2, Start, uploaded

# Above this fal_client uploads in parts.
SINGLE_BYTES = 100 * 1024 * 1024
JS_PACKAGE = "@fal-ai/client"


def test_a_dub_is_uploaded_bought_followed_and_fetched(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    handle = client.submit(V2, uploaded(client, pair) | {"sync_mode": "cut_off"})
    seen = []
    for event in handle.iter_events(with_logs=True, interval=0):
        seen.append(type(event))
        emulator.clock.advance(6)
    assert seen == [fal_client.InProgress, fal_client.InProgress, fal_client.Completed]
    result = tmp_path / "result.mp4"
    result.write_bytes(httpx.get(handle.get()["video"]["url"]).content)
    assert read_indices(result) == list(range(25))
    assert len(emulator.account().accepted) == 1


def test_subscribe_waits_and_returns_the_result(start: Start, pair: tuple[Path, Path]) -> None:
    emulator = start(clock=None, latency_s=0.2)
    client = fal_client.SyncClient()
    told: list[Any] = []
    result = client.subscribe(
        V2, uploaded(client, pair), with_logs=True, on_queue_update=told.append
    )
    assert httpx.head(result["video"]["url"]).headers["content-type"] == "video/mp4"
    assert isinstance(told[-1], fal_client.Completed)
    assert (told[-1].logs or [{}])[0]["message"] == "Downloading inputs"
    assert len(emulator.account().accepted) == 1


def test_a_handle_made_again_from_its_id_leads_to_the_same_result(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    request_id = client.submit(V2, uploaded(client, pair)).request_id
    emulator.clock.advance(10)
    again = fal_client.SyncClient().get_handle(V2, request_id)
    assert isinstance(again.status(), fal_client.Completed)
    assert again.get() == fal_client.SyncClient().result(V2, request_id)


def test_what_waits_is_queued_and_a_cancel_takes_it_out(
    emulator: Emulator, client: fal_client.SyncClient, pair: tuple[Path, Path]
) -> None:
    arguments = uploaded(client, pair)
    handles = [client.submit(V2, arguments) for _ in range(4)]
    assert handles[3].status() == fal_client.Queued(position=1)
    handles[2].cancel()
    assert handles[3].status() == fal_client.Queued(position=0)
    assert handles[2].status() == fal_client.Completed(
        logs=None,
        metrics={"inference_time": 0.0},
        error="Request was cancelled by the client",
        error_type="client_cancelled",
    )
    emulator.clock.advance(10)
    assert isinstance(handles[3].status(), fal_client.InProgress)
    with pytest.raises(fal_client.FalClientHTTPError) as refused:
        handles[0].cancel()
    assert refused.value.status_code == 400


def test_a_bad_key_is_refused_with_fals_own_error(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_KEY", "wrong:key")
    with pytest.raises(fal_client.FalClientHTTPError, match="Authentication is required") as error:
        fal_client.SyncClient().submit(V2, {})
    assert error.value.status_code == 401
    assert not emulator.account().accepted


def test_what_is_wrong_with_the_arguments_is_said_at_the_result(
    emulator: Emulator, client: fal_client.SyncClient
) -> None:
    handle = client.submit(V2, {"video_url": "https://v3.fal.media/files/gone.mp4"})
    emulator.clock.advance(10)
    with pytest.raises(fal_client.FalClientHTTPError) as error:
        handle.get()
    assert error.value.status_code == 422
    details: Any = error.value.message
    assert [(entry["loc"], entry["type"]) for entry in details] == [
        (["body", "audio_url"], "missing")
    ]


def test_the_direct_run_answers_with_the_result(start: Start, pair: tuple[Path, Path]) -> None:
    start(clock=None, latency_s=0.05)
    client = fal_client.SyncClient()
    assert client.run(V2, uploaded(client, pair))["video"]["url"].endswith("_output.mp4")


def test_a_file_above_100_mib_arrives_whole_in_parts(
    emulator: Emulator, client: fal_client.SyncClient, tmp_path: Path
) -> None:
    big = _big(tmp_path)
    url = client.upload_file(big)
    assert _tail(url) == b"the end"
    calls = emulator.account().calls
    assert (calls["fal multipart"], calls["fal part"], calls["fal complete"]) == (1, 11, 1)
    assert "fal upload" not in calls


def test_the_async_client_does_all_of_it_too(start: Start, pair: tuple[Path, Path]) -> None:
    emulator = start(clock=None, latency_s=0.2)
    video, voice = pair

    async def everything() -> None:
        client = fal_client.AsyncClient()
        arguments = {
            "video_url": await client.upload_file(video),
            "audio_url": await client.upload_file(voice),
        }
        handle = await client.submit(V2, arguments)
        events = [event async for event in handle.iter_events(interval=0.02)]
        assert isinstance(events[-1], fal_client.Completed)
        assert (await handle.get())["video"]["url"]
        assert (await client.subscribe(V2, arguments))["video"]["url"]
        late = await client.submit(V2, arguments)
        assert isinstance(await late.status(), fal_client.InProgress)
        await late.cancel()
        with pytest.raises(fal_client.FalClientHTTPError):
            await late.get()

    asyncio.run(everything())
    assert len(emulator.account().accepted) == 3


def test_the_async_client_uploads_in_parts_too(emulator: Emulator, tmp_path: Path) -> None:
    big = _big(tmp_path)
    url = asyncio.run(fal_client.AsyncClient().upload_file(big))
    assert _tail(url) == b"the end"
    assert emulator.account().calls["fal part"] == 11


JS = """
import { setGlobalDispatcher, EnvHttpProxyAgent } from "undici";
setGlobalDispatcher(new EnvHttpProxyAgent());
import { fal } from "@fal-ai/client";
import fs from "node:fs";
const up = (path, type) => fal.storage.upload(new File([fs.readFileSync(path)], "in", {type}));
const video_url = await up(process.argv[2], "video/mp4");
const audio_url = await up(process.argv[3], "audio/wav");
const endpoint = "fal-ai/sync-lipsync/v2";
for (const mode of ["polling", "streaming"]) {
  const seen = [];
  const done = await fal.subscribe(endpoint, {
    input: {video_url, audio_url}, logs: true, mode, pollInterval: 20,
    onQueueUpdate: (update) => seen.push(update.status),
  });
  const file = await fetch(done.data.video.url);
  console.log(mode, seen.at(-1), file.status);
}
const late = await fal.queue.submit(endpoint, {input: {video_url, audio_url}});
await fal.queue.cancel(endpoint, {requestId: late.request_id});
const big = new File([new Uint8Array(95 * 1024 * 1024)], "big", {type: "video/mp4"});
const head = await fetch(await fal.storage.upload(big), {method: "HEAD"});
console.log("parts", head.headers.get("content-length"));
"""


def test_the_javascript_client_does_all_of_it_too(
    start: Start, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    modules = Path(os.environ.get("DUBLINE_NODE_MODULES", "node_modules")).absolute()
    if shutil.which("node") is None or not (modules / JS_PACKAGE).is_dir():
        pytest.skip(
            f"needs node, and {JS_PACKAGE} with undici in DUBLINE_NODE_MODULES (npm i them)"
        )
    emulator = start(clock=None, latency_s=0.2)
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "all.mjs").write_text(JS)
    said = subprocess.run(
        ["node", "all.mjs", *map(str, pair)],
        cwd=tmp_path,
        env={**os.environ, **emulator.environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.splitlines() == [
        "polling COMPLETED 200",
        "streaming COMPLETED 200",
        f"parts {95 * 1024 * 1024}",
    ]
    calls = emulator.account().calls
    assert (calls["fal submit"], calls["fal stream"], calls["fal cancel"]) == (3, 1, 1)


def _big(folder: Path) -> Path:
    """Write a file one byte too long for a single upload; its end is known."""
    path = folder / "big.mp4"
    with path.open("wb") as file:
        file.truncate(SINGLE_BYTES - 6)
        file.seek(0, 2)
        file.write(b"the end")
    return path


def _tail(url: str) -> bytes:
    answer = httpx.get(url, headers={"Range": "bytes=-7"})
    assert (
        answer.headers["content-range"]
        == f"bytes {SINGLE_BYTES - 6}-{SINGLE_BYTES}/{SINGLE_BYTES + 1}"
    )
    return answer.content
