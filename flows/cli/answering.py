"""How a command answers: one object or a few lines on stdout, everything else on stderr."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from lipsync.errors import LipsyncError, UsageError

# The shell's convention for a command ended by SIGINT: 128 + 2.
INTERRUPTED = 130


def say(line: str) -> None:
    """Tell the person at the terminal something that is not the answer."""
    typer.echo(line, err=True)


def answer(data: dict[str, Any]) -> None:
    """Print the one JSON object."""
    typer.echo(json.dumps(data, ensure_ascii=False, default=str))


@contextmanager
def answered(*, as_json: bool) -> Iterator[None]:
    """End a command that fails with one sentence and its exit code, never a traceback.

    Raises:
        typer.Exit: With the code of the error (design: exit codes), 130 when interrupted.
    """
    try:
        yield
    except LipsyncError as error:
        _end(error, str(error), error.exit_code, as_json=as_json)
    except KeyboardInterrupt as error:
        sentence = "interrupted; nothing half-written is left, the same command goes on from here"
        _end(error, sentence, INTERRUPTED, as_json=as_json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None


def _end(error: BaseException, sentence: str, code: int, *, as_json: bool) -> None:
    say(f"dubline: {sentence}")
    if as_json:
        answer({"error": sentence, "kind": type(error).__name__, "exit_code": code})
    raise typer.Exit(code) from error


def valid(fields: dict[str, Any]) -> Any:
    """Build DubParams of a command's options.

    Raises:
        UsageError: With the first thing that is wrong, in one sentence.
    """
    from pydantic import ValidationError  # noqa: PLC0415  0.1 s that --help does not need

    from lipsync.params import DubParams  # noqa: PLC0415  as above

    try:
        return DubParams.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{where}: {first['msg']} (given: {first['input']!r})") from error
