"""Approving: a batch that waits for a person, and what happens when they have answered."""

import logging
from typing import cast
from uuid import UUID

import httpx
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.runtime import deployment, flow_run
from prefect.states import Completed

from lipsync.approval import (
    GIVEN,
    Approval,
    ApprovalState,
    awaiting,
    by_model,
    followed,
    in_words,
    is_needed,
    refused,
)
from lipsync.approve_params import ApproveParams
from lipsync.batch.params import BatchParams
from lipsync.batch.plan import BatchPlan
from lipsync.batch.proposing import proposal_of, within
from lipsync.errors import UsageError
from tasks.events import emit
from tasks.workshop import workshop

log = logging.getLogger("lipsync.approval")


def permitted(params: BatchParams, plan: BatchPlan) -> BatchParams | Approval:
    """Ask for a person's word about a plan that needs it, unless it was given.

    Returns:
        The parameters, kept to what was approved; or the approval that is waited for.

    Raises:
        ApprovalRefused: The word was no; nothing was sent.
    """
    place = params.manifest.expanduser().absolute()
    proposal = proposal_of(params, plan, place, deployment.id)
    limit_usd = params.approval_usd
    if not is_needed(proposal, limit_usd):
        return params
    ledger = workshop().ledger
    approval = ledger.ask(proposal)
    if approval.state is ApprovalState.REFUSED:
        raise refused(approval)
    if approval.state not in GIVEN:
        _show(approval)
        return approval
    ledger.use(approval, flow_run.id)
    log.info("approval %d of %s is used", approval.id, in_words(approval))
    return within(params, proposal)


def held(approval: Approval) -> State[Approval]:
    """End a run whose batch waits for a person; it holds nothing meanwhile."""
    return Completed(name="Awaiting approval", data=approval, message=str(awaiting(approval)))


def answer(params: ApproveParams) -> State[Approval]:
    """Write down what a person said, and start the batch again that was waiting for it."""
    by = params.by or "somebody at the Prefect UI"
    approval = workshop().ledger.decide(params.approval, params.decision, by, params.note)
    waits = approval.state is ApprovalState.APPROVED
    return Completed(
        data=approval, message=followed(approval, started(approval) if waits else None)
    )


def started(approval: Approval) -> str | None:
    """Start the deployment again that an approved batch came from; one run, however often.

    Returns:
        The run's name; None: the batch came from no deployment.

    Raises:
        UsageError: The deployment is not at this server.
    """
    if approval.deployment is None:
        return None
    try:
        run = run_deployment(
            UUID(approval.deployment),
            parameters=approval.parameters,
            timeout=0,
            as_subflow=False,
            idempotency_key=f"approval-{approval.key}",
            tags=["approved"],
        )
    except ObjectNotFound as error:
        raise UsageError(
            f"approval {approval.id} is given, but its deployment {approval.deployment} is not at "
            f"this Prefect server; start the batch of {approval.title} again by hand"
        ) from error
    return cast("FlowRun", run).name


def _show(approval: Approval) -> None:
    """Say on the run's page, and to automations, who is asked for what."""
    figures = {"usd": approval.total_usd, "dubs": len(approval.purchases)}
    emit("approval.waiting", f"approval.{approval.id}", batch=approval.title, **figures)
    try:
        text = _page(approval)
        create_markdown_artifact(text, key="approval", description="Waits for a person.")
    except (httpx.HTTPError, PrefectException) as error:
        log.info("the run's page was not told: %s", error)


def _page(approval: Approval) -> str:
    """Write what is asked for, and how to answer, as markdown."""
    table = [f"| {' | '.join(row.values())} |" for row in by_model(approval)]
    number = approval.id
    return "\n".join(
        [
            f"# Approval {number}: {in_words(approval)}",
            "",
            "| model | dubs | USD | without a price |",
            "|---|---|---|---|",
            *table,
            "",
            "Every row is in the artifact `plan` of this run. Nothing was sent.",
            "",
            f"- Here: run the deployment `approve` with approval {number} and your decision.",
            f"- In a terminal: `dubline approve {number}`, or `dubline approve {number} --refuse`.",
            "",
            "It counts for these dubs on these models at these prices; anything dearer asks again.",
        ]
    )
