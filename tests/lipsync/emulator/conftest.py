"""An emulator for every test, and a pair it can make a dub of."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import fal_client
import httpx
import pytest

from lipsync.emulator import emulating
from lipsync.emulator.clock import Clock
from lipsync.emulator.emulator import Emulator
from tests.clips import make_clip, speech, write_wav

V2 = "fal-ai/sync-lipsync/v2"
Start = Callable[..., Emulator]


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A video and a voice of one second each."""
    folder = tmp_path_factory.mktemp("pair")
    video = make_clip(folder / "talk.mp4", frames=25)
    voice = folder / "voice.wav"
    write_wav(voice, speech(1.0))
    return video, voice


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start an emulator with settings of your own; its clock stands still unless you say so."""
    with ExitStack() as stack:

        def begin(**wishes: Any) -> Emulator:
            usual: dict[str, Any] = {"clock": Clock(running=False), "latency_s": 10}
            emulator = stack.enter_context(emulating(tmp_path / "emulated", **(usual | wishes)))
            for name, value in emulator.environment.items():
                monkeypatch.setenv(name, value)
            return emulator

        yield begin


@pytest.fixture
def emulator(start: Start) -> Emulator:
    """An emulator where a job ends when the clock is moved on by ten seconds."""
    return start()


@pytest.fixture
def client(emulator: Emulator) -> fal_client.SyncClient:
    """Fal's own client, as it comes."""
    return fal_client.SyncClient()


@pytest.fixture
def web(emulator: Emulator) -> Iterator[httpx.Client]:
    """A plain client with the key of the account."""
    headers = {"Authorization": f"Key {emulator.settings.fal_key}"}
    with httpx.Client(headers=headers, timeout=30) as client:
        yield client


def uploaded(client: fal_client.SyncClient, pair: tuple[Path, Path]) -> dict[str, str]:
    """Upload a pair, and write it as the arguments of a request."""
    video, voice = pair
    return {
        "video_url": client.upload_file(video),
        "audio_url": client.upload_file(voice),
    }
