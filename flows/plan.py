"""The flow `plan`: what a manifest would be and cost; nothing is sent."""

from prefect import flow

from lipsync.batch.params import BatchParams
from lipsync.batch.plan import BatchPlan
from tasks.batch import plan as plan_rows
from tasks.batch import read


@flow(name="plan", flow_run_name="plan batch {params.title}")
def plan(params: BatchParams) -> BatchPlan:
    """Price every row of a manifest and say what is wrong with the rest; spends nothing.

    Args:
        params: Which rows, and within which limits.
    """
    return plan_rows(params, read(params))
