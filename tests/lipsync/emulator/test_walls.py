"""Nothing leaves this machine through the emulator, and it leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import fal_client
import httpx
import pytest

from lipsync.emulator import emulating
from lipsync.emulator.clock import Clock
from lipsync.emulator.emulator import Emulator
from lipsync.emulator.fetching import is_here
from tests.lipsync.emulator.conftest import V2, uploaded


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "https://queue.fal.run.example.com/",
        "https://fal.ai/",
        "https://169.254.169.254/",
        "http://example.com/",
    ],
)
def test_the_proxy_lets_nothing_out(emulator: Emulator, url: str) -> None:
    try:
        status = httpx.get(url).status_code
    except httpx.ProxyError as error:
        status = int(str(error).split()[0])
    assert status == 403
    assert any(host in url for host in emulator.account().turned_away)


def test_only_the_loopback_interface_is_listened_on(emulator: Emulator) -> None:
    doors = (emulator._plain, emulator._proxy, emulator._tls)
    assert {door.server_address[0] for door in doors} == {"127.0.0.1"}


def test_every_variable_that_could_lead_out_is_taken(emulator: Emulator) -> None:
    names = {"https_proxy", "http_proxy", "all_proxy"}
    proxies = {emulator.environment[name] for name in names | {name.upper() for name in names}}
    assert len(proxies) == 1
    assert proxies.pop().startswith("http://127.0.0.1:")


def test_the_tls_port_speaks_as_fal_to_those_who_resolve_its_names_here(
    emulator: Emulator,
) -> None:
    with httpx.Client() as web:
        answer = web.get(
            f"https://127.0.0.1:{emulator.tls_port}/.well-known/jwks.json",
            headers={"Host": "rest.fal.ai"},
            extensions={"sni_hostname": "rest.fal.ai"},
        )
    assert answer.json()["keys"][0]["crv"] == "Ed25519"


def test_nothing_is_left_and_no_key_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pair: tuple[Path, Path]
) -> None:
    with emulating(tmp_path, fal_key="planted-id:planted-secret") as emulator:
        for name, value in emulator.environment.items():
            monkeypatch.setenv(name, value)
        client = fal_client.SyncClient()
        client.submit(V2, uploaded(client, pair))
        emulator.account()
        kept = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert kept
        for path in kept:
            data = path.read_bytes()
            assert b"planted" not in data
            assert b"PRIVATE KEY" not in data
        assert "planted" not in repr(emulator.settings)
        assert "planted" not in json.dumps(emulator.account().summary())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8000/a", True),
        ("http://localhost/a", True),
        ("http://[::1]/a", True),
        ("https://10.0.0.1/a", False),
        ("https://127.0.0.1.example.com/a", False),
        ("file:///etc/passwd", False),
        ("ftp://127.0.0.1/a", False),
    ],
)
def test_media_are_fetched_from_this_machine_only(url: str, here: bool) -> None:
    assert is_here(url) is here


def test_a_clock_moves_on_only() -> None:
    clock = Clock(running=False)
    before = clock.now_s()
    assert clock.advance(5) == before + 5
    for back in (-1, float("nan")):
        with pytest.raises(ValueError, match="moves on only"):
            clock.advance(back)


def test_it_runs_as_a_process_until_it_is_told_to_stop(tmp_path: Path) -> None:
    script = tmp_path / "faults.toml"
    script.write_text('[[fault]]\nname = "locked"\n')
    process = subprocess.Popen(
        [sys.executable, "-m", "lipsync.emulator", "--faults", str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    environment = json.loads(process.stdout.readline())["environment"]
    code = "import fal_client; fal_client.submit('fal-ai/latentsync', {})"
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "User is locked" in said.stderr
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    process.stdout.close()
    assert [path.name for path in tmp_path.iterdir()] == ["faults.toml"]
