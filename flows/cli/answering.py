"""How a command answers: one object or a few lines on stdout, everything else on stderr."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from flows.cli.interrupting import interruptible
from lipsync.errors import LipsyncError, UsageError

# The shell's convention for a command ended by SIGINT: 128 + 2.
INTERRUPTED = 130
LEFT_WHOLE = "interrupted; nothing half-written is left, the same command goes on from here"


def say(line: str) -> None:
    """Tell the person at the terminal something that is not the answer."""
    typer.echo(line, err=True)


def answer(data: dict[str, Any]) -> None:
    """Print the one JSON object."""
    typer.echo(json.dumps(data, ensure_ascii=False, default=str))


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with what became of the jobs that were waited for."""


@contextmanager
def answered(*, as_json: bool) -> Iterator[None]:
    """End a command that fails with one sentence and its exit code, never a traceback.

    Raises:
        typer.Exit: With the code of the error (README, exit codes), 130 when interrupted.
    """
    try:
        with interruptible():
            yield
    except LipsyncError as error:
        _end(error, str(error), error.exit_code, as_json=as_json)
    except KeyboardInterrupt as error:
        _end(error, str(error) or LEFT_WHOLE, INTERRUPTED, as_json=as_json)


def _end(error: BaseException, sentence: str, code: int, *, as_json: bool) -> None:
    _tell(type(error).__name__, sentence, code, as_json=as_json)
    raise typer.Exit(code) from error


def _tell(kind: str, sentence: str, code: int, *, as_json: bool) -> None:
    say(f"dubline: {sentence}")
    if as_json:
        answer({"error": sentence, "kind": kind, "exit_code": code})


def misused(error: typer.TyperException, *, as_json: bool) -> int:
    """Say in one sentence how a command was misused.

    Returns:
        The exit code.
    """
    text = error.format_message()
    if "\n" in text:  # not a mistake: the bare `dubline` gets its help
        say(text)
    else:
        sentence = f"{_plain(text).rstrip('.')}; see `dubline --help`, or that of the command"
        _tell("UsageError", sentence, error.exit_code, as_json=as_json)
    return error.exit_code


def hasty(*, as_json: bool) -> int:
    """Say that a command was interrupted before it had begun.

    Returns:
        The exit code.
    """
    _tell(KeyboardInterrupt.__name__, LEFT_WHOLE, INTERRUPTED, as_json=as_json)
    return INTERRUPTED


def unheard() -> int:
    """End quietly when whoever read the answer has gone, as `head` does.

    Returns:
        The exit code.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def valid(fields: dict[str, Any]) -> Any:
    """Build DubParams of a command's options.

    Raises:
        UsageError: With the first thing that is wrong, in one sentence.
    """
    from lipsync.params import DubParams  # noqa: PLC0415  0.1 s that --help does not need

    given = fields.get("options") or ()
    return built(DubParams, fields | {"options": dict(map(read_option, given))})


def built(form: Any, fields: dict[str, Any]) -> Any:
    """Build a form of a command's options.

    Raises:
        UsageError: With the first thing that is wrong, in one sentence.
    """
    from pydantic import ValidationError  # noqa: PLC0415  0.1 s that --help does not need

    try:
        return form.model_validate(fields)
    except ValidationError as error:
        raise UsageError(_mistake(error.errors()[0])) from error


def read_option(text: str) -> tuple[str, Any]:
    """Read NAME=VALUE; a value is JSON where it can be, else text.

    Raises:
        UsageError: There is no name, or no value.

    >>> read_option("guidance_scale=1.5"), read_option("prompt=smile a little")
    (('guidance_scale', 1.5), ('prompt', 'smile a little'))
    """
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise UsageError(f"--option {text}: write NAME=VALUE, e.g. --option guidance_scale=1.5")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


# The options that are not called as their field is.
_OPTIONS = {
    "video": "VIDEO",
    "voice": "VOICE",
    "loudness_lufs": "--loudness",
    "budget_usd": "--budget",
    "bed_level_lu": "--bed-level",
    "options": "--option",
    "require_approval_over_usd": "--require-approval-over",
}


def _mistake(first: Any) -> str:
    """Say what pydantic found, with the name the option has on the command line."""
    field = str(first["loc"][0])
    option = _OPTIONS.get(field, f"--{field.replace('_', '-')}")
    wrong = _plain(first["msg"])
    from lipsync.tickets import address  # noqa: PLC0415  loads pydantic, which has been by now

    given = address(str(first["input"])) if field in {"video", "voice"} else first["input"]
    if wrong.startswith(str(given)):
        return f"{option} {wrong}"
    return wrong if wrong.startswith(option) else f"{option} {given}: {wrong}"


def _plain(text: str) -> str:
    """Take out of a message what only a programmer reads.

    >>> _plain("Value error, it is 3")
    'it is 3'
    """
    return text.replace("Value error, ", "").replace("Input should", "it should")
