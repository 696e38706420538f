"""Deploying: what a Prefect server needs to run Dubline, created or brought up to date.

`make deploy`, or `python -m flows.deploying`, on the server of `PREFECT_API_URL`, else on the one
of this home. Safe to repeat: `prefect.yaml` is what counts, but what a person has switched on or
off (schedules, automations) and the blocks that are there stay as they are.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from flows.cli.answering import answered, say
from flows.cli.opening import reach
from flows.embedded import serving
from lipsync.errors import LipsyncError, UsageError
from lipsync.home import Home
from lipsync.means import BLOCKS, Means

if TYPE_CHECKING:  # Prefect is imported once it is served
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

ROOT = Path(__file__).resolve().parents[1]
POOL = "media"
# Lower goes first: what brings paid results home, before what buys more.
QUEUES = {"free": 1, "paid": 2}
# Nothing is bought until a person raises it; free previews are never refused.
FIRST_DAY_USD = 0.0

Tell = Callable[[str], None]
# A deployment's id and the slug of a schedule; whether it is switched on.
Switches = dict[tuple[UUID, str | None], bool]


def main() -> None:
    """Deploy, and say where."""
    given = os.environ.get("PREFECT_API_URL")
    with answered(as_json=False), serving(Home.found(), say) as url:
        if given:
            reach(url)
        deploy(say)
        say(
            f"deployed to {url}; `dubline up` starts a worker, the UI is {url.removesuffix('/api')}"
        )


def deploy(tell: Tell) -> None:
    """Create or update pool, queues, blocks, deployments and automations on the current server.

    Args:
        tell: Told, in a line each, what was done.

    Raises:
        UsageError: This is no checkout.
        LipsyncError: Prefect refused a deployment.
    """
    from prefect.client.orchestration import get_client  # noqa: PLC0415  served by now

    if not (ROOT / "prefect.yaml").is_file():
        raise UsageError(f"{ROOT / 'prefect.yaml'} is not there; deploy from a checkout of Dubline")
    with get_client(sync_client=True) as client:
        tell(f"pool {POOL}: {_ensure_pool(client)}")
        for name, priority in QUEUES.items():
            tell(f"queue {name}: {_ensure_queue(client, name, priority)}")
        tell(f"block Dubline Ledger: {_ensure_blocks()}")
        before = _switches(client)
        _run_prefect_deploy()
        _switch_back(client, before)
        _ensure_automations(client, tell)


def _ensure_pool(client: "SyncPrefectClient") -> str:
    from prefect.client.schemas.actions import WorkPoolCreate  # noqa: PLC0415  as above
    from prefect.exceptions import ObjectNotFound  # noqa: PLC0415  as above
    from prefect.workers.process import ProcessWorker  # noqa: PLC0415  as above

    try:
        client.read_work_pool(POOL)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        wanted = WorkPoolCreate(name=POOL, type=ProcessWorker.type, base_job_template=template)
        client.create_work_pool(wanted)
        return "created"
    return "unchanged"


def _ensure_queue(client: "SyncPrefectClient", name: str, priority: int) -> str:
    from prefect.exceptions import ObjectNotFound  # noqa: PLC0415  as above

    try:
        client.read_work_queue_by_name(name, work_pool_name=POOL)
    except ObjectNotFound:
        client.create_work_queue(name, work_pool_name=POOL, priority=priority)
        return "created"
    return "unchanged"


def _ensure_blocks() -> str:
    """Register the types of block, and make a ledger's document where there is none."""
    import blocks  # noqa: PLC0415  as above
    from blocks.means import NAME  # noqa: PLC0415  as above

    for name in blocks.__all__:
        getattr(blocks, name).register_type_and_schema()
    document = os.environ.get(BLOCKS) or NAME
    try:
        blocks.Ledger.load(document)
    except ValueError:
        set_usd = Means().ledger().per_day_usd
        limit_usd = FIRST_DAY_USD if set_usd is None else float(set_usd)
        blocks.Ledger(per_day_usd=limit_usd).save(document)
        return f"created, with ${limit_usd:.2f} to be spent in a day; raise it in the UI to buy"
    return "unchanged"


def _run_prefect_deploy() -> None:
    """Run Prefect's own command on prefect.yaml; it templates, loads and validates every flow."""
    argv = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    done = subprocess.run(
        argv,
        cwd=ROOT,
        env=os.environ | {"PWD": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        words = [line.strip() for line in (done.stdout + done.stderr).split("\n") if line.strip()]
        raise LipsyncError(
            f"`prefect deploy --all` ended with code {done.returncode}: {' '.join(words[-4:])}"
        )


def _deployments(client: "SyncPrefectClient") -> list["DeploymentResponse"]:
    """Return what is deployed to our pool."""
    from prefect.client.schemas.filters import (  # noqa: PLC0415  as above
        WorkPoolFilter,
        WorkPoolFilterName,
    )

    ours = WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))
    return client.read_deployments(work_pool_filter=ours)


def _switches(client: "SyncPrefectClient") -> Switches:
    return {
        (deployment.id, schedule.slug): schedule.active
        for deployment in _deployments(client)
        for schedule in deployment.schedules
    }


def _switch_back(client: "SyncPrefectClient", before: Switches) -> None:
    """Leave every schedule as a person has switched it."""
    for deployment in _deployments(client):
        for schedule in deployment.schedules:
            was = before.get((deployment.id, schedule.slug), schedule.active)
            if was != schedule.active:
                client.update_deployment_schedule(deployment.id, schedule.id, active=was)


def _ensure_automations(client: "SyncPrefectClient", tell: Tell) -> None:
    from flows.automations import ensure, shipped  # noqa: PLC0415  as above

    teller = client.read_deployment_by_name("unknown-tickets/unknown-tickets")
    for automation in shipped(teller.id):
        tell(f"automation {automation.name}: {ensure(client, automation)}")


if __name__ == "__main__":
    main()
