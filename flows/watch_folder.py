"""The flow `watch-folder`: one look at an inbox; complete pairs become dubs in the outbox."""

from prefect import flow
from prefect.client.schemas.objects import State

from lipsync.arrivals import Tick
from lipsync.watch_params import WatchParams
from tasks.watch_folder import concluded, look


@flow(name="watch-folder", flow_run_name="watch {params.inbox.name}")
def watch_folder(params: WatchParams) -> State[Tick]:
    """Dub every complete pair that has arrived in a folder, each exactly once.

    Files still being written are left alone, what cannot be used is set aside with its reason, and
    what lacks money or a free vendor waits for the next look.

    Args:
        params: Which folders, and how to dub.
    """
    return concluded(look(params))
