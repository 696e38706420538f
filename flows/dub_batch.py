"""The flow `dub-batch`: a manifest in, every dub of it out, and a table of what became of each."""

from prefect import flow
from prefect.client.schemas.objects import State

from lipsync.approval import Approval
from lipsync.batch.outcome import BatchOutcome
from lipsync.batch.params import BatchParams
from tasks.approving import held, permitted
from tasks.batch import concluded, plan, read, run
from tasks.parting import let_go


@flow(
    name="dub-batch",
    flow_run_name="dub batch {params.title}",
    on_cancellation=[let_go],
)
def dub_batch(params: BatchParams) -> State[BatchOutcome] | State[Approval]:
    """Dub every row of a manifest: planned first, refused over budget, each dub bought once.

    A batch that costs more than it may by itself waits for a person, and holds nothing meanwhile.
    A row that fails stops no other. Run again, what is finished costs nothing, what failed is
    tried again, and what is unknown waits.

    Args:
        params: Which rows, and within which limits.
    """
    manifest = read(params)
    planned = plan(params, manifest)
    allowed = permitted(params, planned)
    if isinstance(allowed, Approval):
        return held(allowed)
    return concluded(run(allowed, manifest, planned))
