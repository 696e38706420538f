"""The commands below `dubline requests` and their options; what they do is in `requests`."""

from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated

import typer

requests = typer.Typer(
    name="requests",
    help="See and settle what was bought.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class StateName(StrEnum):
    """The states of `lipsync.tickets`, as a menu that costs no import."""

    INTENDED = "intended"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    COMPLETED = "completed"
    DELIVERED = "delivered"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


def _dollars(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text} is no sum in US dollars, e.g. 0.50") from None


Id = Annotated[int, typer.Argument(help="Number of the ticket.", metavar="ID", min=1)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


@requests.command("list")
def list_(
    state: Annotated[
        list[StateName] | None, typer.Option(help="Only those; again for more.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the tickets: what was asked for, where it stands, what it cost."""
    from flows.cli.requests import list_tickets  # noqa: PLC0415  each command imports its own

    list_tickets([one.value for one in state or ()], as_json=as_json)


@requests.command()
def show(ticket_id: Id, as_json: Json = False) -> None:
    """Show one ticket with its history."""
    from flows.cli.requests import show_ticket  # noqa: PLC0415  as above

    show_ticket(ticket_id, as_json=as_json)


@requests.command()
def resume(ticket_id: Id, as_json: Json = False) -> None:
    """Bring a paid result here.

    From wherever its ticket stands; waits for it, and never buys.
    """
    from flows.cli.requests import resume_ticket  # noqa: PLC0415  as above

    resume_ticket(ticket_id, as_json=as_json)


@requests.command()
def cancel(ticket_id: Id, as_json: Json = False) -> None:
    """Ask the vendor to let go of a job."""
    from flows.cli.requests import cancel_ticket  # noqa: PLC0415  as above

    cancel_ticket(ticket_id, as_json=as_json)


@requests.command()
def resolve(
    ticket_id: Id,
    bought: Annotated[
        str | None,
        typer.Option(help="The vendor has it, under this id.", metavar="REQUEST_ID"),
    ] = None,
    not_bought: Annotated[
        bool, typer.Option("--not-bought", help="The vendor never took it.")
    ] = False,
    billed_usd: Annotated[
        Decimal | None,
        typer.Option("--billed", help="What it cost, in US dollars.", parser=_dollars),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what became of an unknown request.

    One of --bought REQUEST_ID, --not-bought or --billed USD; look at the vendor's site first.
    """
    from flows.cli.requests import resolve_ticket  # noqa: PLC0415  as above

    resolve_ticket(
        ticket_id, bought=bought, not_bought=not_bought, billed_usd=billed_usd, as_json=as_json
    )
