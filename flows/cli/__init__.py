"""The command line: `dubline`. Every heavy import waits until a command needs it."""

import sys

from typer import TyperException

from flows.cli.answering import misused, unheard
from flows.cli.app import app


def main() -> None:
    """Run the command line and end with its exit code (README, exit codes)."""
    wants_json = "--json" in sys.argv
    try:
        code = app(prog_name="dubline", standalone_mode=False)
        sys.stdout.flush()
    except TyperException as error:
        code = misused(error, as_json=wants_json)
    except BrokenPipeError:
        code = unheard()
    sys.exit(code)
