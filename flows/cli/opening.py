"""Opening: the workshop a command works in, and the Prefect server where that takes one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flows.cli.answering import say
from lipsync.errors import LipsyncError
from lipsync.home import Home

if TYPE_CHECKING:
    from lipsync.workshop import Workshop

# Prefect's own patience is 60 s, six times over; a server that is there says so within one.
REACH_LIMIT_S = 10.0


class ServerGone(LipsyncError):
    """The Prefect server went away during a run; what was made and bought is kept."""

    retryable = True
    exit_code = 6


@contextmanager
def opened() -> Iterator["Workshop"]:
    """Open the workshop: as the environment says, or as blocks do where they are in use.

    Raises:
        LipsyncError: Blocks are in use, and no Prefect server answers.
    """
    from lipsync.means import uses_blocks  # noqa: PLC0415  not needed by --help
    from lipsync.workshop import Workshop  # noqa: PLC0415  as above

    home = Home.found()
    if not uses_blocks(home, os.environ):
        yield Workshop(home)
        return
    from flows.embedded import serving  # noqa: PLC0415  only where a server is needed

    given = os.environ.get("PREFECT_API_URL")
    with serving(home, say) as url:
        if given:
            reach(url)
        from tasks.workshop import workshop  # noqa: PLC0415  Prefect, now that it is served

        yield workshop()


@contextmanager
def connected() -> Iterator[None]:
    """Say in one sentence that the server went away, once Prefect has given it up."""
    import httpx  # noqa: PLC0415  Prefect's client, loaded by now

    try:
        yield
    except httpx.TransportError as error:
        raise ServerGone(
            f"the Prefect server went away during the run ({error}); nothing that was made or "
            "bought is lost, the same command starts a server and goes on from here"
        ) from error


@contextmanager
def impatient() -> Iterator[None]:
    """Wait for the server briefly below this block, and ask it once."""
    from prefect.settings import (  # noqa: PLC0415  Prefect is served now
        PREFECT_API_REQUEST_TIMEOUT,
        PREFECT_CLIENT_MAX_RETRIES,
        temporary_settings,
    )

    brief = {PREFECT_API_REQUEST_TIMEOUT: REACH_LIMIT_S, PREFECT_CLIENT_MAX_RETRIES: 0}
    with temporary_settings(brief):
        yield


def reach(url: str) -> None:
    """Ask a server that is not ours whether it is there, before a run is told to it.

    Raises:
        LipsyncError: It is not.
    """
    from prefect.client.orchestration import get_client  # noqa: PLC0415  Prefect is served now

    with impatient(), get_client(sync_client=True) as client:
        if (why := client.api_healthcheck()) is not None:
            raise LipsyncError(
                f"PREFECT_API_URL={url}: no Prefect server answers there ({why}); start it, "
                "correct the address, or unset it to have one started for you"
            ) from why
