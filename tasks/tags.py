"""Tags: what a run is found by in the UI: the models it takes and the languages it speaks."""

import logging
from threading import Lock

import httpx
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectException

log = logging.getLogger("lipsync.tags")

_writing = Lock()


def tag_run(*tags: str | None) -> None:
    """Add tags to the flow run this is called in; those it has cost nothing.

    A server that does not take them stops no dub.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if run is None:
        return
    with _writing:
        more = [tag for tag in tags if tag and tag not in run.tags]
        if not more:
            return
        run.tags.extend(dict.fromkeys(more))
        try:
            with get_client(sync_client=True) as client:
                client.update_flow_run(run.id, tags=run.tags)
        except (httpx.HTTPError, PrefectException) as error:
            log.info("the run was not tagged %s: %s", ", ".join(more), error)
