"""The command `dubline approve` and its options; what it does is in `approving`."""

from typing import Annotated

import typer


def approve(  # noqa: PLR0913, PLR0917  one option each
    approval: Annotated[
        int | None,
        typer.Argument(help="Number of the approval; none lists what waits.", metavar="ID", min=1),
    ] = None,
    refuse: Annotated[bool, typer.Option("--refuse", help="Say no: nothing is ever sent.")] = False,
    note: Annotated[str | None, typer.Option(help="Why; kept with the decision.")] = None,
    by: Annotated[
        str | None, typer.Option(help="Who decides; else the user of this machine.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--list", help="List all approvals, also those that were answered.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout.")
    ] = False,
) -> None:
    """Answer a batch that waits for a person.

    A batch that costs more than --require-approval-over waits here. Approved, it is started again
    where it came from; one that was started by hand is run again by hand.
    """
    from flows.cli.approving import answer_one, list_approvals  # noqa: PLC0415  imports its own

    if approval is None or everything:
        list_approvals(everything=everything, as_json=as_json)
    else:
        answer_one(approval, refuse=refuse, by=by, note=note, as_json=as_json)
