"""An office: a home deployed and operated by commands, as a person at a terminal does."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from flows.embedded import standing
from lipsync.home import Home

ROOT = Path(__file__).parents[2]


class Answer(NamedTuple):
    status: int
    body: Any


@dataclass
class Office:
    """A home, and how a person reaches it: commands in a clean environment, and the API."""

    home: Home
    folder: Path
    exports: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        ours = ("PREFECT_", "DUBLINE_", "FAL_", "UNIFIED_", "HOSTING_")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        ours_now = {"DUBLINE_HOME": str(self.home.root), "DUBLINE_SERVER_IDLE_S": "300"}
        return clean | ours_now | self.exports

    def run(self, *argv: str) -> str:
        done = subprocess.run(
            argv, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def deploy(self) -> str:
        return self.run(sys.executable, "-m", "flows.deploying")

    def up(self, *more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [Path(sys.executable).with_name("dubline"), "up", "--json", *more],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def api(self) -> str:
        """The address of its server: the one that is named, else the home's own."""
        if "PREFECT_API_URL" in self.exports:
            return self.exports["PREFECT_API_URL"]
        server = standing(self.home)
        assert server is not None
        return server.url

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        with httpx.Client(trust_env=False, timeout=30) as client:
            for _ in range(20):
                answer = client.request(method, self.api + path, json=body)
                if answer.status_code != 503:  # a busy database; Prefect's client asks again, too
                    break
                time.sleep(0.5)
        return Answer(answer.status_code, answer.json() if answer.content else None)

    @property
    def ui(self) -> str:
        return self.api.removesuffix("/api")

    def all(self, what: str) -> list[dict[str, Any]]:
        return list(self.call("POST", f"/{what}/filter", {}).body)

    def deployment(self, name: str) -> dict[str, Any]:
        return dict(self.call("GET", f"/deployments/name/{name}/{name}").body)

    def order(self, output: Path, clip: tuple[Path, Path], **more: Any) -> Answer:
        """Start a run of `dub`, as the UI does."""
        video, voice = map(str, clip)
        wanted = {"video": video, "voice": voice, "output": str(output), "model": "local-preview"}
        place = f"/deployments/{self.deployment('dub')['id']}/create_flow_run"
        parameters = {"params": wanted | {"trim_silence": False} | more}
        return self.call("POST", place, {"parameters": parameters, "state": {"type": "SCHEDULED"}})

    def state_of(self, run: str) -> str:
        return str(self.call("GET", f"/flow_runs/{run}").body["state_name"])


def eventually(holds: Callable[[], object], within_s: float = 90.0) -> bool:
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        if holds():
            return True
        time.sleep(0.25)
    return False


@dataclass
class Deployed:
    """What two deploys said, and what was there after each."""

    said: tuple[str, str]
    there: tuple[dict[str, Any], dict[str, Any]]


def deploy_twice(office: Office) -> Deployed:
    """Deploy, switch a schedule on and an automation off as a person would, and deploy again."""
    first = office.deploy()
    watch = office.deployment("watch-folder")
    (schedule,) = watch["schedules"]
    switch = f"/deployments/{watch['id']}/schedules/"
    office.call("PATCH", switch + schedule["id"], {"active": True})
    lost = next(one for one in office.all("automations") if "lost" in one["name"])
    office.call("PATCH", f"/automations/{lost['id']}", {"enabled": False})
    before = everything(office)
    second = office.deploy()
    found = Deployed((first, second), (before, everything(office)))
    (schedule,) = office.deployment("watch-folder")["schedules"]
    office.call("PATCH", switch + schedule["id"], {"active": False})
    return found


def everything(office: Office) -> dict[str, Any]:
    """Everything a deploy makes, without what Prefect renews by itself."""
    fleeting = {
        "updated", "created", "last_polled", "schedules", "parameter_openapi_schema", "status",
        "global_concurrency_limit", "version_id", "version", "version_info", "current_version",
    }  # fmt: skip
    rows: dict[str, Any] = {}
    for what in ("deployments", "automations", "work_pools", "block_documents", "work_queues"):
        rows[what] = [
            {key: value for key, value in row.items() if key not in fleeting}
            for row in sorted(office.all(what), key=lambda row: str(row["id"]))
        ]
    rows["schedules"] = sorted(
        (row["name"], one["slug"], one["active"], one["schedule"]["interval"])
        for row in office.all("deployments")
        for one in row["schedules"]
    )
    return rows
