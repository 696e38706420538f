"""The flow `approve`: a person's word about a batch that waits for it."""

from prefect import flow
from prefect.client.schemas.objects import State

from lipsync.approval import Approval
from lipsync.approve_params import ApproveParams
from tasks.approving import answer


@flow(name="approve", flow_run_name="{params.decision} {params.approval}")
def approve(params: ApproveParams) -> State[Approval]:
    """Approve or refuse a batch; approved, it is started again where it came from, once.

    Args:
        params: Which batch, and what you say.
    """
    return answer(params)
