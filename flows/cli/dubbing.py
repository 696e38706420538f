"""`dubline run` and `dubline demo`: one dub, from the flow to the lines on the terminal."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import typer

from flows.cli.answering import answer, answered, say, valid
from flows.cli.flowing import flowing
from flows.cli.interrupting import interruptible
from flows.cli.parting import Parting, parting
from flows.cli.watching import watched
from lipsync.errors import StorageError, UsageError
from lipsync.home import Home
from lipsync.report import DubReport, StageRun

# README, exit codes.
VERIFICATION_FAILED = 8


def run_dub(fields: dict[str, Any], *, as_json: bool) -> None:
    """Dub one pair through the flow and answer with its report."""
    with answered(as_json=as_json):
        wish: Parting | None = fields.get("on_interrupt")
        params = valid(fields | {"on_interrupt": wish or "leave"})
        _look_first(params)
        report, stages = through_the_flow(params, wish)
        _show(report, stages, as_json=as_json)
        if report.failed:
            say("it is delivered and needs review: `dubline review` shows what fails, and decides")
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
    from lipsync.links import Link  # noqa: PLC0415  as above
    from lipsync.workshop import Workshop  # noqa: PLC0415  as above

    fetches = any(isinstance(given, Link) for given in (params.video, params.voice))
    with watched() if fetches else nullcontext():
        inspect(Workshop(Home.found()), params)


def through_the_flow(params: Any, wish: Parting | None) -> tuple[DubReport, tuple[StageRun, ...]]:
    """Run the flow against the server that is there, or the one this command starts."""
    with flowing():
        from flows.dub import dub  # noqa: PLC0415  Prefect is imported once it is served
        from tasks.following import aboard  # noqa: PLC0415  as above
        from tasks.stage import journal  # noqa: PLC0415  as above

        with (
            aboard() as jobs,
            parting(jobs, wish),
            interruptible(),
            watched(),
            journal() as stages,
        ):
            report = dub(params)
        return report, tuple(stages)


def _show(report: DubReport, stages: tuple[StageRun, ...], *, as_json: bool) -> None:
    """Print the report: as JSON, or as the lines a person wants."""
    if as_json:
        answer(report.model_copy(update={"stages": stages}).model_dump(mode="json"))
        return
    from flows.cli.showing import show_report  # noqa: PLC0415  a script needs no tables

    show_report(report, stages)
