"""Flowing: what a flow needs to run in this very process: a server, and quiet."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from flows.cli.answering import say
from flows.cli.opening import connected, reach
from flows.embedded import serving
from lipsync.home import Home


@contextmanager
def flowing() -> Iterator[None]:
    """Have a flow of this process run against the server that is there, or one that is started.

    Prefect is to be imported within the block, and not before: it reads the environment then.

    Raises:
        LipsyncError: No server answers, or it went away.
    """
    # The run's page keeps every line; the terminal shows progress and the one sentence of an error.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_LOGGING_INTERNAL_LEVEL", "CRITICAL")
    given = os.environ.get("PREFECT_API_URL")
    with serving(Home.found(), say) as url:
        from prefect.settings import (  # noqa: PLC0415  Prefect is imported once it is served
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
            temporary_settings,
        )

        if given:
            reach(url)
        # Ending a flow waits up to a second for its heartbeat's thread. A run of a worker needs
        # the heartbeat, so that its death is noticed; here a person is watching.
        quiet = temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
        with quiet, connected():
            yield
