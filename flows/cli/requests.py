"""`dubline requests`: the tickets of the ledger, seen and settled; none of this ever buys."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console

from flows.cli.answering import answer, answered
from flows.cli.opening import opened
from flows.cli.showing import table
from flows.cli.watching import watched
from lipsync.report import money
from lipsync.tickets import Ticket, TicketState


def list_tickets(states: Sequence[str], *, as_json: bool) -> None:
    """Print the tickets in these states, or all; oldest first."""
    with answered(as_json=as_json), opened() as shop:
        wanted = {TicketState(state) for state in states} or set(TicketState)
        found = shop.ledger.tickets(wanted)
        if as_json:
            answer({"tickets": [_as_json(ticket) for ticket in found]})
            return
        headings = ("id", "state", "model", "request", "billed", "video", "updated (UTC)")
        Console().print(table(headings, map(_row, found), whole=4))


def show_ticket(ticket_id: int, *, as_json: bool) -> None:
    """Print a ticket and every move it made."""
    with answered(as_json=as_json), opened() as shop:
        ticket = shop.ledger.ticket(ticket_id)
        history = shop.ledger.history(ticket)
        if as_json:
            events = [event.model_dump(mode="json") for event in history]
            answer({**_as_json(ticket), "history": events})
            return
        _say(ticket)
        moves = (
            (f"{event.at:%Y-%m-%d %H:%M:%S}", str(event.state), event.detail or "")
            for event in history
        )
        Console().print(table(("at (UTC)", "became", "because"), moves, whole=2))


def resume_ticket(ticket_id: int, *, as_json: bool) -> None:
    """Wait for the result of a ticket and bring it into the store."""
    from lipsync.following import follow  # noqa: PLC0415  not needed to list
    from lipsync.settle import resume  # noqa: PLC0415  as above
    from lipsync.waiting import Waiting  # noqa: PLC0415  as above

    with answered(as_json=as_json), opened() as shop:
        waiting = Waiting(watch=follow(shop.ledger.ticket(ticket_id)))
        with watched():
            delivery = resume(ticket_id, shop.ledger, shop.vendor, shop.store, waiting)
        if as_json:
            answer(delivery.model_dump(mode="json"))
            return
        _print([f"ticket {ticket_id} is delivered: {delivery.file.path}", _FINISH])


_FINISH = "run the dub again to finish it from there; nothing is bought"


def cancel_ticket(ticket_id: int, *, as_json: bool) -> None:
    """Ask the vendor to let go of a job, and print what it answered."""
    from lipsync.settle import cancel  # noqa: PLC0415  not needed to list

    with answered(as_json=as_json), opened() as shop:
        _tell(cancel(ticket_id, shop.ledger, shop.vendor), as_json=as_json)


def resolve_ticket(
    ticket_id: int,
    *,
    bought: str | None,
    not_bought: bool,
    billed_usd: Decimal | None,
    as_json: bool,
) -> None:
    """Write down what a person found out, and print where the ticket stands now."""
    from lipsync.settle import resolve  # noqa: PLC0415  not needed to list

    with answered(as_json=as_json), opened() as shop:
        ticket = resolve(
            ticket_id, shop.ledger, bought=bought, not_bought=not_bought, billed_usd=billed_usd
        )
        _tell(ticket, as_json=as_json)


def _tell(ticket: Ticket, *, as_json: bool) -> None:
    if as_json:
        answer(_as_json(ticket))
    else:
        _say(ticket)


def _as_json(ticket: Ticket) -> dict[str, Any]:
    return ticket.model_dump(mode="json")


def _row(ticket: Ticket) -> tuple[str, ...]:
    billed = "" if ticket.billed_usd is None else f"${ticket.billed_usd}"
    return (
        str(ticket.id),
        str(ticket.state),
        ticket.model,
        ticket.request_id or "",
        billed,
        ticket.order.video.path.name,
        f"{ticket.updated_at:%Y-%m-%d %H:%M}",
    )


def _say(ticket: Ticket) -> None:
    """Print a ticket for a person."""
    delivery = ticket.delivery.path if ticket.delivery else None
    lines = {
        "ticket": f"{ticket.id}, {ticket.state}",
        "because": ticket.detail,
        "model": f"{ticket.model} at {ticket.vendor}, {ticket.endpoint}",
        "request": ticket.request_id,
        "sent": ticket.sent_at and f"{ticket.sent_at:%Y-%m-%d %H:%M:%S} UTC",
        "video": str(ticket.order.video.path),
        "quoted": money(ticket.quoted_usd),
        "billed": money(ticket.billed_usd),
        "delivery": delivery and str(delivery),
        "flaw": ticket.flaw,
    }
    _print(f"{name:<9} {text}" for name, text in lines.items() if text)


def _print(lines: Iterable[str]) -> None:
    out = Console()
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
