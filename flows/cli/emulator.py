"""`dubline emulator`: fal and the unified API on this machine, until Ctrl-C."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from flows.cli.answering import answer, answered
from lipsync.errors import UsageError

if TYPE_CHECKING:
    from lipsync.emulator.emulator import Emulator

EXTRA = "the emulator needs the extra [emulator]: make setup, or pip install 'dubline[emulator]'"


def run_emulator(  # noqa: PLR0913  one option each
    *,
    faults: Path | None,
    render: Literal["mux", "engine"],
    latency_s: float,
    fal_slots: int,
    env_file: Path | None,
    as_json: bool,
) -> None:
    """Start the emulated vendors, print what to export, and wait for Ctrl-C.

    Args:
        faults: A TOML file of [[fault]] tables.
        render: How results are made: muxed at once, or drawn by the embedded engine.
        latency_s: How long a job runs.
        fal_slots: How many run at once at fal.
        env_file: Where the exports are written too, for `. FILE`.
        as_json: Print one JSON object in place of the exports.
    """
    with answered(as_json=as_json):
        try:
            import trustme  # noqa: F401, PLC0415  only to say what is missing

            from lipsync.emulator.standing import Wishes, stand  # noqa: PLC0415  media libraries
        except ImportError as error:
            raise UsageError(f"{EXTRA} ({error})") from error
        wishes = Wishes(faults=faults, render=render, latency_s=latency_s, fal_slots=fal_slots)

        def started(emulator: "Emulator") -> None:
            _say(emulator, as_json=as_json)
            if env_file is not None:
                env_file.write_text(exports(emulator.environment), encoding="utf-8")

        stand(wishes, started)


def exports(environment: dict[str, str]) -> str:
    """Write an environment as a shell reads it.

    >>> print(exports({"FAL_KEY": "a b"}), end="")
    export FAL_KEY='a b'
    """
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())


def _say(emulator: "Emulator", *, as_json: bool) -> None:
    account = f"{emulator.url}/emulator/account"
    if as_json:
        answer({"environment": emulator.environment, "account": account})
        return
    typer.echo(exports(emulator.environment), nl=False)
    typer.echo(f"# account: {account}   faults: POST {emulator.url}/emulator/faults", err=True)
    typer.echo("# Ctrl-C ends it; nothing is kept", err=True)
