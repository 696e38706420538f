"""Proposing: what a person is asked about a batch, and what it may spend once they agree."""

import hashlib
from pathlib import Path

from lipsync.approval import Priced, Proposal
from lipsync.batch.params import BatchParams
from lipsync.batch.plan import NOTHING_USD, BatchPlan


def proposal_of(
    params: BatchParams, plan: BatchPlan, place: Path, deployment: str | None
) -> Proposal:
    """Say what a planned batch has yet to buy; what is there, bought or free is not asked about.

    Args:
        params: What it was started with, and is started again with.
        plan: Every row and its price.
        place: The manifest's absolute path; plans of one manifest are compared.
        deployment: Id of the deployment it came from; None: it was started by hand.
    """
    purchases = {
        row.purchase: Priced(model=row.model, usd=row.to_pay_usd)
        for row in plan.rows
        if row.to_pay_usd != NOTHING_USD
    }
    return Proposal(
        title=params.manifest.name,
        batch=hashlib.sha256(str(place).encode(errors="surrogateescape")).hexdigest(),
        purchases=purchases,
        parameters={"params": params.model_dump(mode="json", exclude_unset=True)},
        deployment=deployment,
    )


def within(params: BatchParams, proposal: Proposal) -> BatchParams:
    """Keep a batch to what was approved: a dearer model may not stand in for one that failed.

    Where a price is not known there is nothing to keep to but the batch's own budget.
    """
    if proposal.unpriced:
        return params
    own_usd = params.limit_usd
    total_usd = proposal.total_usd if own_usd is None else min(own_usd, proposal.total_usd)
    return params.model_copy(update={"budget_usd": float(total_usd)})
