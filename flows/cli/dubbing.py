"""`dubline run` and `dubline demo`: one dub, from the flow to the lines on the terminal."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from flows.cli.answering import answer, answered, say, valid
from flows.cli.watching import watched
from flows.embedded import serving
from lipsync.errors import LipsyncError, StorageError, UsageError
from lipsync.home import Home
from lipsync.report import DubReport, StageRun

# README, exit codes.
VERIFICATION_FAILED = 8
# Prefect's own patience is 60 s, six times over; a server that is there says so within one.
REACH_LIMIT_S = 10.0


def run_dub(fields: dict[str, Any], *, as_json: bool) -> None:
    """Dub one pair through the flow and answer with its report."""
    with answered(as_json=as_json):
        params = valid(fields)
        _look_first(params)
        report, stages = _through_the_flow(params)
        _show(report, stages, as_json=as_json)
        if report.failed:
            raise typer.Exit(VERIFICATION_FAILED)


def run_demo(folder: Path, *, as_json: bool) -> None:
    """Dub the bundled sample into `folder`."""
    from lipsync.shelf import data_folder  # noqa: PLC0415  the demo alone needs the samples

    samples = data_folder() / "samples"
    with answered(as_json=as_json):
        _make(folder)
    fields = {
        "video": samples / "talk.mp4",
        "voice": samples / "equal_fr.wav",
        "output": folder / "demo.preview.mp4",
        "model": "local-preview",
        "overwrite": True,
    }
    run_dub(fields, as_json=as_json)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{folder}: is a file; name a folder for the demo's output") from error
    except OSError as error:
        raise StorageError(
            f"{folder}: cannot be created ({error.strerror}); name another folder"
        ) from error


def _look_first(params: Any) -> None:
    """Refuse a bad file now, and not when a server has been started for it."""
    from lipsync.admission import inspect  # noqa: PLC0415  media libraries, not needed by --help
    from tasks.workshop import workshop  # noqa: PLC0415  as above

    inspect(workshop(), params)


def _through_the_flow(params: Any) -> tuple[DubReport, tuple[StageRun, ...]]:
    """Run the flow against the server that is there, or the one this command starts."""
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
            _reach(url)
        from flows.dub import dub  # noqa: PLC0415  as above
        from tasks.stage import journal  # noqa: PLC0415  as above

        # Ending a flow waits up to a second for its heartbeat's thread. A run of a worker needs
        # the heartbeat, so that its death is noticed; here a person is watching.
        quiet = temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
        with quiet, watched(), journal() as stages, _connected():
            report = dub(params)
        return report, tuple(stages)


class ServerGone(LipsyncError):
    """The Prefect server went away during a run; what was made and bought is kept."""

    retryable = True
    exit_code = 6


@contextmanager
def _connected() -> Iterator[None]:
    """Say in one sentence that the server went away, once Prefect has given it up."""
    import httpx  # noqa: PLC0415  Prefect's client, loaded by now

    try:
        yield
    except httpx.TransportError as error:
        raise ServerGone(
            f"the Prefect server went away during the run ({error}); nothing that was made or "
            "bought is lost, the same command starts a server and goes on from here"
        ) from error


def _reach(url: str) -> None:
    """Ask a server that is not ours whether it is there, before a run is told to it.

    Raises:
        LipsyncError: It is not.
    """
    from prefect.client.orchestration import get_client  # noqa: PLC0415  Prefect is served now
    from prefect.settings import (  # noqa: PLC0415  as above
        PREFECT_API_REQUEST_TIMEOUT,
        PREFECT_CLIENT_MAX_RETRIES,
        temporary_settings,
    )

    brief = {PREFECT_API_REQUEST_TIMEOUT: REACH_LIMIT_S, PREFECT_CLIENT_MAX_RETRIES: 0}
    with temporary_settings(brief), get_client(sync_client=True) as client:
        if (why := client.api_healthcheck()) is not None:
            raise LipsyncError(
                f"PREFECT_API_URL={url}: no Prefect server answers there ({why}); start it, "
                "correct the address, or unset it to have one started for you"
            ) from why


def _show(report: DubReport, stages: tuple[StageRun, ...], *, as_json: bool) -> None:
    """Print the report: as JSON, or as the lines a person wants."""
    if as_json:
        answer(report.model_copy(update={"stages": stages}).model_dump(mode="json"))
        return
    from flows.cli.showing import show_report  # noqa: PLC0415  a script needs no tables

    show_report(report, stages)
