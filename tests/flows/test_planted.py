"""Planted keys are looked for in everything a Prefect server has to tell after paid dubs."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from lipsync.emulator import emulating
from lipsync.emulator.emulator import Emulator
from lipsync.emulator.faults import Act, Fault
from lipsync.home import Home
from lipsync.workshop import Workshop
from tests.flows.paid import export, make_pair
from tests.flows.terminal import PATIENCE_S, Answer, dubline, environment

pytestmark = pytest.mark.xdist_group("planted")

# The server hands out events in pages of so many, at most.
PAGE = 50

FAL_KEY = "planted-0c5e77:planted-d81f3b60"
UNIFIED_KEY = "planted-47b2ea19"
PLANTED = (*FAL_KEY.split(":"), UNIFIED_KEY)
KEYS = ("FAL_KEY", "UNIFIED_API_KEY", "UNIFIED_BASE_URL")
BLOCKS = "planted"
# All that is heard by the root logger goes to the terminal and to the run's page.
LOUD = {"PREFECT_LOGGING_ROOT_LEVEL": "INFO", "PREFECT_LOGGING_EXTRA_LOGGERS": "root"}

ARRANGED = """
import os, sys
from pydantic import SecretStr
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from blocks import FalAccount, MediaHosting, UnifiedAccount
from flows.dub import dub

name, fal_key, unified_key, base_url = sys.argv[1:]
FalAccount(key=SecretStr(fal_key)).save(name)
UnifiedAccount(key=SecretStr(unified_key), base_url=base_url).save(name)
MediaHosting(kind="fal").save(name)
with get_client(sync_client=True) as client:
    client.create_work_pool(WorkPoolCreate(name="media", type="process"))
dub.from_source(os.getcwd(), "flows/dub.py:dub").to_deployment(
    "planted", work_pool_name="media", job_variables={"env": {"DUBLINE_BLOCKS": name}}
).apply()
"""


class Seen(NamedTuple):
    """What is there to be read after three dubs, and what the vendors sold."""

    said: list[Answer]
    told: dict[str, Any]
    database: bytes
    requests: list[str]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, server: str, flow_home: Home) -> Seen:
    """Buy with a key of the environment, and with keys of blocks."""
    folder = tmp_path_factory.mktemp("planted")
    keys = {"fal_key": FAL_KEY, "unified_key": UNIFIED_KEY}
    with (
        emulating(folder, latency_s=0.3, **keys) as emulator,
        pytest.MonkeyPatch.context() as patch,
    ):
        export(emulator, patch.setenv)
        relay(emulator)
        said = dubbed(folder, emulator.url, server)
        tickets = Workshop(Home(folder / "home")).ledger.tickets()
        told = everything(server, {f"{ticket.key[:8]} delivered" for ticket in tickets})
        sold = [job.request_id for job in emulator.account().accepted]
    files = sorted((flow_home.root / "prefect").glob("prefect.db*"))
    return Seen(said, told, b"".join(path.read_bytes() for path in files), sold)


def dubbed(folder: Path, unified_url: str, server: str) -> list[Answer]:
    """Dub three times, in a home of one's own, on the server of all these tests."""
    video, voice = make_pair(folder)
    home = Home(folder / "home")
    there = {"PREFECT_API_URL": server, "PREFECT_HOME": str(folder / "prefect")}
    without = dict.fromkeys(KEYS, "") | {"DUBLINE_BLOCKS": BLOCKS}

    def dub(model: str, number: int, **more: str) -> Answer:
        argv = ("run", video, voice, "-o", folder / f"{model}-{number}.mp4", "--json")
        which = ("--model", model, "--generation", str(number))
        return dubline(*argv, *which, home=home, cwd=folder, **there, **more)

    said = [dub("sync-2", 1)]
    argv = [sys.executable, "-c", ARRANGED, BLOCKS, FAL_KEY, UNIFIED_KEY, unified_url]
    env = environment(home, **there)
    subprocess.run(argv, env=env, cwd=env["PYTHONPATH"], check=True, timeout=PATIENCE_S)
    return said + [dub(model, 2, **LOUD, **without) for model in ("sync-2", "unified-lipsync-2")]


def relay(emulator: Emulator) -> None:
    """Have fal repeat its key in a line of each job's log."""
    event = {"status": "IN_PROGRESS", "logs": [{"message": f"no such key: Key {FAL_KEY}"}]}
    body, kind = f"data: {json.dumps(event)}\n\n", {"Content-Type": "text/event-stream"}
    emulator.faults.add(
        Fault(act=Act.REPLY, route="stream", status=200, body=body, headers=kind, times=None)
    )


def everything(url: str, lines: set[str]) -> dict[str, Any]:
    """Ask the server for all of every kind of thing, once its log has these lines."""
    until_s = time.monotonic() + PATIENCE_S
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
        while (
            missing := lines - {one["message"] for one in all_of(client, "/logs/filter")}
        ) != set():
            assert time.monotonic() < until_s, missing
            time.sleep(0.5)
        routes = client.get(url.removesuffix("/api") + "/openapi.json").json()["paths"]
        kinds = {route.removeprefix("/api") for route in routes if route.endswith("/filter")}
        return {kind: all_of(client, kind) for kind in sorted(kinds)}


def all_of(client: httpx.Client, kind: str) -> list[Any]:
    """Read page after page; nothing of what is asked about one thing, which must be named."""
    found: list[Any] = []
    answer = client.post(kind, json={"limit": PAGE})
    while answer.status_code == 200:
        page = answer.json()
        if isinstance(page, dict):  # events: each page says where the next is
            found += page.get("events", [page])
            if not page.get("next_page"):
                break
            answer = client.get(page["next_page"])
            continue
        found += page
        if len(page) < PAGE:
            break
        answer = client.post(kind, json={"limit": PAGE, "offset": len(found)})
    return found


def test_no_key_is_in_anything_a_prefect_server_tells_or_keeps_after_paid_dubs(seen: Seen) -> None:
    assert [answer.code for answer in seen.said] == [0, 0, 0]
    assert len(seen.requests) == 3
    for kind in ("flow_runs", "task_runs", "logs", "artifacts", "events", "block_documents"):
        assert seen.told[f"/{kind}/filter"], kind
    assert seen.told["/deployments/filter"]
    assert seen.told["/work_pools/filter"]
    told = json.dumps(seen.told)
    by_fal = seen.requests[:2]  # its requests are named in the log
    assert [request for request in by_fal if request not in told] == []
    assert told.count("no such key: Key ***") >= 2  # fal's line is there, without the key
    assert [word for word in PLANTED if word in told] == []


def test_no_key_lies_open_in_the_servers_database(seen: Seen) -> None:
    """Blocks are encrypted before they are written; what a run leaves has no key in it at all."""
    assert BLOCKS.encode() in seen.database
    assert seen.requests[0].encode() in seen.database
    assert [word for word in PLANTED if word.encode() in seen.database] == []


def test_no_address_and_no_key_is_on_the_terminal_or_the_page_however_loud_the_logs(
    seen: Seen,
) -> None:
    terminal = "".join(answer.out + answer.err for answer in seen.said)
    assert [word for word in PLANTED if word in terminal] == []
    lines = [line["message"] for line in seen.told["/logs/filter"]]
    assert any("delivered" in line for line in lines)
    assert [line for line in (*lines, *terminal.splitlines()) if "HTTP Request" in line] == []
