"""Claims about batches that wait for a person: nothing is sent before, and one batch runs after."""

import asyncio
import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from flows.cli import main
from lipsync.approval import Approval, ApprovalRefused, ApprovalState
from lipsync.batch.outcome import BatchOutcome
from lipsync.batch.params import BatchParams
from lipsync.emulator import emulating
from lipsync.errors import UsageError
from lipsync.home import Home
from lipsync.ledger import Ledger
from tests.clips import make_voice
from tests.flows.paid import Desk, export, make_pair
from tests.flows.terminal import Answer

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("server")


class Office(Desk):
    """A desk with a manifest of three dubs for $0.05 each, which may cost $0.10 by itself."""

    def __init__(self, *given: Any, folder: Path) -> None:
        super().__init__(*given)
        self.folder = folder
        self.manifest = folder / "talks.csv"
        self.outputs = folder / "dubs"
        self.outputs.mkdir()
        self.write(3)

    @property
    def ledger(self) -> Ledger:
        return self.shop.ledger

    def write(self, rows: int) -> None:
        """Write a manifest of so many rows, each a voice of its own."""
        with self.manifest.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["video", "voice", "model"])
            for seed in range(1, rows + 1):
                voice = self.folder / f"v{seed}.wav"
                if not voice.exists():
                    make_voice(voice, 1.0, seed=seed)
                table.writerow([self.pair[0], voice, "sync-2"])

    def params(self, **wishes: Any) -> BatchParams:
        fields = {
            "manifest": self.manifest,
            "output_folder": self.outputs,
            "require_approval_over_usd": 0.10,
        }
        return BatchParams.model_validate(fields | wishes)

    def batch(self, **wishes: Any) -> tuple[str, Any]:
        """Run the flow; returns the name of its last state and what it ended with."""
        from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

        from flows.dub_batch import dub_batch

        with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            state: Any = dub_batch(self.params(**wishes), return_state=True)
        return str(state.name), state.result(raise_on_failure=False)

    def answer(self, number: int, decision: str, **more: Any) -> Any:
        """Run the flow `approve`."""
        from flows.approve import approve
        from lipsync.approve_params import ApproveParams

        return approve(ApproveParams(approval=number, decision=decision, **more), return_state=True)


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    home = Home(tmp_path / "home")
    monkeypatch.setenv("DUBLINE_HOME", str(home.root))
    with emulating(tmp_path, latency_s=0.1) as emulator:
        export(emulator, monkeypatch.setenv)
        yield Office(emulator, home, make_pair(tmp_path), folder=tmp_path)


def test_a_dear_batch_waits_and_runs_once_it_is_approved(office: Office) -> None:
    name, waiting = office.batch()
    assert name == "Awaiting approval"
    assert isinstance(waiting, Approval)
    assert (waiting.state, waiting.total_usd) == (ApprovalState.WAITING, Decimal("0.15"))
    assert office.batch()[1] == waiting
    assert office.sold == []

    said = office.answer(waiting.id, "approve", by="Eve", note="go")
    assert "run the same batch of talks.csv again" in said.message
    name, outcome = office.batch()
    assert isinstance(outcome, BatchOutcome)
    assert (name, outcome.exit_code, len(office.sold)) == ("Completed", 0, 3)
    used = office.ledger.approval(waiting.id)
    assert (used.state, used.decided_by, used.note) == (ApprovalState.USED, "Eve", "go")
    assert office.batch()[1].exit_code == 0
    assert len(office.sold) == 3


def test_a_refused_batch_sends_nothing_ever(office: Office) -> None:
    _, waiting = office.batch()
    office.answer(waiting.id, "refuse", by="Eve", note="too dear")
    for _ in range(2):
        name, error = office.batch()
        assert name == "Failed"
        assert isinstance(error, ApprovalRefused)
        assert "refused by Eve" in str(error)
    late = office.answer(waiting.id, "approve")
    assert isinstance(late.result(raise_on_failure=False), UsageError)
    assert office.sold == []


def test_a_changed_plan_asks_again_and_a_smaller_one_does_not(office: Office) -> None:
    _, first = office.batch()
    office.answer(first.id, "approve")
    office.write(4)
    _, second = office.batch()
    assert isinstance(second, Approval)
    assert second.id != first.id
    assert office.sold == []
    office.write(2)
    _, outcome = office.batch(require_approval_over_usd=0.01)
    assert isinstance(outcome, BatchOutcome)
    assert len(office.sold) == 2


def test_a_batch_within_its_limit_asks_nobody(office: Office) -> None:
    _, outcome = office.batch(require_approval_over_usd=0.15)
    assert isinstance(outcome, BatchOutcome)
    assert office.ledger.approvals() == ()
    assert len(office.sold) == 3


def test_an_approved_batch_may_spend_what_was_approved_and_no_more(office: Office) -> None:
    from lipsync.batch.proposing import proposal_of, within

    _, waiting = office.batch()
    asked = proposal_of(office.params(), _plan(office), office.manifest.absolute(), None)
    assert asked.key == waiting.key
    assert within(office.params(), asked).limit_usd == Decimal("0.15")
    assert within(office.params(budget_usd=0.12), asked).limit_usd == Decimal("0.12")


def _plan(office: Office) -> Any:
    from lipsync.batch.crew import Crew
    from lipsync.batch.desk import Desk as BatchDesk
    from lipsync.batch.planning import plan_batch
    from lipsync.reading import read_manifest

    manifest = read_manifest(office.manifest, folder=office.outputs)
    with Crew(1, "planner") as crew:
        return plan_batch(BatchDesk(office.shop, folder=office.outputs), manifest, crew)


def test_approved_twice_the_batch_of_a_deployment_runs_once_and_to_its_end(office: Office) -> None:
    """Its runs are executed as a worker does it, each in a process of its own."""
    from prefect.deployments import run_deployment

    deployment = deployed()
    wishes = {"params": office.params().model_dump(mode="json", exclude_unset=True)}
    waits: Any = run_deployment(deployment, parameters=wishes, timeout=0, as_subflow=False)
    assert executed(waits.id).state.name == "Awaiting approval"
    (waiting,) = office.ledger.approvals()
    assert waiting.deployment == str(deployment)
    assert office.sold == []

    messages = {office.answer(waiting.id, "approve").message for _ in range(2)}
    assert len(messages) == 1
    (started,) = [run for run in runs_of(deployment) if run.id != waits.id]
    assert f"its batch starts as the run {started.name}" in messages.pop()
    assert executed(started.id).state.name == "Completed"
    assert len(office.sold) == 3
    used = office.ledger.approval(waiting.id)
    assert (used.state, used.run) == (ApprovalState.USED, str(started.id))


def deployed() -> UUID:
    """Deploy `dub-batch` from this checkout."""
    from prefect.client.orchestration import get_client

    here = {"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}
    with get_client(sync_client=True) as client:
        return client.create_deployment(
            flow_id=client.create_flow_from_name("dub-batch"),
            name="of this checkout",
            entrypoint="flows/dub_batch.py:dub_batch",
            pull_steps=[here],
        )


def executed(run: UUID) -> Any:
    """Run a flow run to its end, and read it back."""
    from prefect.client.orchestration import get_client
    from prefect.runner import Runner

    asyncio.run(Runner(pause_on_shutdown=False).execute_flow_run(run))
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run)


def runs_of(deployment: UUID) -> list[Any]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

    wanted = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    with get_client(sync_client=True) as client:
        return list(client.read_flow_runs(deployment_filter=wanted))


@pytest.fixture
def here(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    def run(*argv: str | int | Path) -> Answer:
        monkeypatch.setattr("sys.argv", ["dubline", *map(str, argv)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        return Answer(int(end.value.code or 0), *capsys.readouterr())

    return run


def test_in_the_terminal_a_batch_waits_with_exit_6_and_is_answered(
    office: Office, here: Any
) -> None:
    asked = ("batch", office.manifest, "--output-folder", office.outputs)
    over = ("--require-approval-over", "0.10", "--json")
    waiting = here(*asked, *over)
    assert (waiting.code, waiting.data["kind"]) == (6, "AwaitingApproval")
    assert "`dubline approve 1`" in waiting.data["error"]
    (listed,) = here("approve", "--json").data["approvals"]
    assert (listed["id"], listed["state"]) == (1, "waiting")
    assert Decimal(listed["total_usd"]) == Decimal("0.15")
    answered = here("approve", 1, "--by", "Eve", "--note", "go", "--json")
    assert (answered.code, answered.data["state"]) == (0, "approved")
    assert here("approve", "--json").data == {"approvals": []}
    assert here(*asked, *over).code == 0
    assert len(office.sold) == 3
    (listed,) = here("approve", "--list", "--json").data["approvals"]
    assert (listed["state"], listed["decided_by"]) == ("used", "Eve")


def test_in_the_terminal_a_refused_batch_ends_with_exit_4(office: Office, here: Any) -> None:
    asked = ("batch", office.manifest, "--output-folder", office.outputs)
    assert here(*asked, "--require-approval-over", "0").code == 6
    assert "nothing is sent" in here("approve", 1, "--refuse").out
    refused = here(*asked, "--require-approval-over", "0", "--json")
    assert (refused.code, refused.data["kind"]) == (4, "ApprovalRefused")
    late = here("approve", 1, "--json")
    assert late.code == 2
    assert "a refused plan stays refused" in late.sentence
    assert office.sold == []
