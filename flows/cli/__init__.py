"""The command line: `dubline`. Every heavy import waits until a command needs it."""

from flows.cli.app import app


def main() -> None:
    """Run the command line."""
    app(prog_name="dubline")
