"""The environment the embedded server and the commands that use it live in.

Prefect reads its settings once, while it is imported, so this is plain text, set before that.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

HOST = "127.0.0.1"
LOCAL = (HOST, "localhost")


def api_url(port: int) -> str:
    """Name the API of an embedded server.

    >>> api_url(20123)
    'http://127.0.0.1:20123/api'
    """
    return f"http://{HOST}:{port}/api"


def server_environment(inherited: Mapping[str, str], home: Path, port: int) -> dict[str, str]:
    """Return the whole environment of the server process.

    Args:
        inherited: The starting command's environment.
        home: `DUBLINE_HOME`; database, results, memo and the unpacked UI stay below it.
        port: The port already bound for the server.
    """
    return {
        **inherited,
        **_private(home),
        **_direct(inherited),
        "PREFECT_API_URL": api_url(port),
        "PREFECT_UI_API_URL": api_url(port),
        # Unpacked into Prefect's own package otherwise: outside home, often not ours to write.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "server" / "ui"),
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        # Prefect 3.8.8, 1,000 task runs on PostgreSQL: 19.4 ms of server CPU a task run with
        # the defaults, 4.6 ms with these three, nothing lost.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "PREFECT__SERVER_FINAL": "1",
    }


def client_environment(inherited: Mapping[str, str], home: Path, port: int) -> dict[str, str]:
    """Return what a command changes in its own environment to use the embedded server."""
    return {
        **_private(home),
        **_direct(inherited),
        **_logs(inherited),
        "PREFECT_API_URL": api_url(port),
    }


def guest_environment(inherited: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return what a command changes to use somebody else's server: results stay in our home.

    Profile and keys remain the user's: `PREFECT_HOME` is not touched.
    """
    results = inherited.get("PREFECT_LOCAL_STORAGE_PATH", str(home / "prefect" / "storage"))
    return {**_logs(inherited), "PREFECT_LOCAL_STORAGE_PATH": results}


@contextmanager
def changed(changes: dict[str, str]) -> Iterator[None]:
    """Change this process's environment for a while, and Prefect's settings if it is imported."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        with _settings_read_again():
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _private(home: Path) -> dict[str, str]:
    return {
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_PROFILES_PATH": str(home / "prefect" / "profiles.toml"),
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",  # the client half of Prefect's telemetry
    }


def _logs(inherited: Mapping[str, str]) -> dict[str, str]:
    named = inherited.get("PREFECT_LOGGING_EXTRA_LOGGERS", "")
    return {
        "PREFECT_LOGGING_EXTRA_LOGGERS": _joined(named, "lipsync"),
        # A stage that is called as a plain function has no run's page to write to.
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    }


def _direct(inherited: Mapping[str, str]) -> dict[str, str]:
    """Keep loopback calls off a proxy; the lower-case name wins in Python's and httpx's reading."""
    exempt = _joined(inherited.get("no_proxy") or inherited.get("NO_PROXY", ""), *LOCAL)
    return {"NO_PROXY": exempt, "no_proxy": exempt}


def _joined(listed: str, *more: str) -> str:
    """Add words to a comma-separated list.

    >>> _joined("a, b", "b", "c")
    'a,b,c'
    """
    words = [word.strip() for word in listed.split(",") if word.strip()]
    return ",".join(dict.fromkeys([*words, *more]))


@contextmanager
def _settings_read_again() -> Iterator[None]:
    if "prefect" not in sys.modules:
        yield
        return
    from prefect.context import SettingsContext  # noqa: PLC0415  it is imported already
    from prefect.settings import Settings  # noqa: PLC0415

    with SettingsContext(profile=SettingsContext.get().profile, settings=Settings()):  # type: ignore[union-attr]
        yield
