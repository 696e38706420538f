"""The command line: `dubline`. Every heavy import waits until a command needs it."""

import sys

from typer import TyperException

from flows.cli.answering import hasty, misused, unheard
from flows.cli.app import app
from flows.cli.interrupting import TooEarly, outside_commands


def main() -> None:
    """Run the command line and end with its exit code (README, exit codes)."""
    wants_json = "--json" in sys.argv
    try:
        with outside_commands():
            code = app(prog_name="dubline", standalone_mode=False)
            sys.stdout.flush()
    except TyperException as error:
        code = misused(error, as_json=wants_json)
    except BrokenPipeError:
        code = unheard()
    except TooEarly:
        code = hasty(as_json=wants_json)
    sys.exit(code)
