"""`dubline doctor`: what this machine is, and whether a dub can be made on it."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer
from rich.console import Console

from flows.cli.answering import answer, answered
from flows.cli.showing import table
from lipsync.errors import LipsyncError
from lipsync.home import Home

# A 1080p dub of ten minutes keeps about half a gigabyte of intermediates.
FREE_MB_WANTED = 1024
# What Prefect 3.8's server does not go with: with fastapi 0.155 it does not import, and with
# SQLAlchemy 2.1 its scheduler fails at every insert: no scheduled run is ever made.
TOO_NEW = {"fastapi": (0, 151), "sqlalchemy": (2, 1)}
FROM_THE_LOCK = "install from the lock: make setup"


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    found: str
    good: bool
    advice: str = ""


def run_doctor(*, as_json: bool) -> None:
    """Look at everything; exit 1 when something must be mended first."""
    with answered(as_json=as_json):
        findings = list(_findings(Home.found()))
        if as_json:
            healthy = all(finding.good for finding in findings)
            answer({"healthy": healthy, "findings": [vars(finding) for finding in findings]})
        else:
            rows = (
                (f.what, "ok", f.found, "") if f.good else (f.what, "mend", f.found, f.advice)
                for f in findings
            )
            Console().print(table(("what", "", "found", "advice"), rows))
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)


def _findings(home: Home) -> Iterator[Finding]:
    yield Finding("python", sys.version.split()[0], sys.version_info >= (3, 11), "3.11 or newer")
    yield _packages()
    yield _tried("ffmpeg", _ffmpeg, "reinstall imageio-ffmpeg")
    yield _tried("pyav", _pyav, "reinstall av")
    yield _tried("face finder", _cascade, "opencv-python-headless must be 4.x")
    yield _tried("home", lambda: _home(home), "set DUBLINE_HOME to a folder with room")
    yield _tried("ledger", lambda: _ledger(home), "see docs/adr/0001")
    yield _tried("catalogue", _catalogue, "reinstall dubline")
    yield _server(home)
    yield from _vendors(home)


def _tried(what: str, look: Callable[[], str], advice: str) -> Finding:
    try:
        return Finding(what, look(), good=True)
    except (LipsyncError, OSError, ImportError, RuntimeError) as error:
        return Finding(what, str(error), good=False, advice=advice)


def _packages() -> Finding:
    try:
        found = {name: version(name) for name in ("prefect", *TOO_NEW)}
    except PackageNotFoundError as error:
        return Finding("prefect", str(error), good=False, advice=FROM_THE_LOCK)
    good = all(_release(found[name]) < limit for name, limit in TOO_NEW.items())
    beside = " and ".join(f"{name} {found[name]}" for name in TOO_NEW)
    said = f"{found['prefect']} with {beside}"
    return Finding("prefect", said, good, "" if good else FROM_THE_LOCK)


def _release(text: str) -> tuple[int, ...]:
    """Read the first two numbers of a version.

    >>> _release("2.0.58")
    (2, 0)
    """
    return tuple(int(part) for part in text.split(".")[:2])


def _ffmpeg() -> str:
    import imageio_ffmpeg  # noqa: PLC0415  each look imports what it looks at

    return f"{imageio_ffmpeg.get_ffmpeg_version()}, bundled"


def _pyav() -> str:
    import av  # noqa: PLC0415  as above

    return f"{av.__version__}, x264 {'yes' if 'libx264' in av.codecs_available else 'no'}"


def _cascade() -> str:
    import cv2  # noqa: PLC0415  as above
    import cv2.data  # noqa: PLC0415  as above

    name = "haarcascade_frontalface_alt2.xml"
    if not (Path(cv2.data.haarcascades) / name).is_file():
        raise ImportError(f"OpenCV {cv2.__version__} ships no {name}")
    return f"OpenCV {cv2.__version__}"


def _home(home: Home) -> str:
    free_mb = shutil.disk_usage(home.folder("scratch")).free // 2**20
    if free_mb < FREE_MB_WANTED:
        raise OSError(f"{home.root}: {free_mb} MB free, {FREE_MB_WANTED} MB wanted")
    return f"{home.root}, {free_mb // 1024} GB free"


def _ledger(home: Home) -> str:
    from lipsync.workshop import Workshop  # noqa: PLC0415  as above

    tickets = Workshop(home).ledger.tickets()
    return f"{len(tickets)} tickets"


def _catalogue() -> str:
    from lipsync.shelf import load_catalogue  # noqa: PLC0415  as above

    return f"{len(load_catalogue().models)} models"


def _server(home: Home) -> Finding:
    from flows.embedded import standing  # noqa: PLC0415  as above

    if url := os.environ.get("PREFECT_API_URL"):
        return Finding("server", f"{url} (PREFECT_API_URL)", good=True)
    up = standing(home)
    found = "not running; started when needed" if up is None else up.url
    return Finding("server", found, good=True)


def _vendors(home: Home) -> Iterator[Finding]:
    from lipsync.workshop import Workshop  # noqa: PLC0415  as above

    for vendor, reason in Workshop(home).availability.items():
        found = f"not set up: {reason}" if reason else "available"
        yield Finding(f"vendor {vendor}", found, good=True)
