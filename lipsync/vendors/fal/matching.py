"""Matching: which request in fal's list is the one whose answer was lost."""

from collections.abc import Callable, Iterable
from typing import Any

from lipsync.catalogue import Model
from lipsync.errors import OutcomeUnknown
from lipsync.tickets import Ticket, address
from lipsync.vendors.fal.answers import is_request_id


def matching(
    ticket: Ticket, model: Model, items: Iterable[dict[str, Any]], taken: Callable[[str], bool]
) -> str | None:
    """Find the request that was sent for a ticket: same links, same arguments.

    A link belongs to one content and one generation of orders, so that two orders of one account
    whose requests are alike in all of this are the same order.

    Args:
        ticket: Its media is without queries.
        model: Its row; names the fields of the links.
        items: All requests to its endpoint since it was sent.
        taken: Says of a request id that it belongs to something else.

    Returns:
        The request's id; None: there is none in the list.

    Raises:
        OutcomeUnknown: The list does not let us tell.
    """
    if ticket.media is None:
        raise OutcomeUnknown(f"ticket {ticket.id} names no links that its request could be told by")
    ours = [
        item
        for item in items
        if is_request_id(item.get("request_id")) and not taken(item["request_id"])
    ]
    found = [str(item["request_id"]) for item in ours if _is_of(ticket, model, item)]
    hidden = sum(not isinstance(item.get("json_input"), dict) for item in ours)
    if len(found) > 1:
        raise OutcomeUnknown(
            f"fal's list holds {len(found)} requests like ticket {ticket.id}: {', '.join(found)}; "
            "say which with `dubline requests resolve`"
        )
    if not found and hidden:
        raise OutcomeUnknown(
            f"fal's list does not show what was sent with {hidden} requests; look at "
            "fal.ai/dashboard/requests"
        )
    return found[0] if found else None


def _is_of(ticket: Ticket, model: Model, item: dict[str, Any]) -> bool:
    """Say whether a request was sent with a ticket's links and arguments."""
    sent, media = item.get("json_input"), ticket.media
    if not isinstance(sent, dict) or media is None:
        return False
    links = {model.media.video: media.video_url, model.media.voice: media.voice_url}
    same = all(sent.get(name) == value for name, value in ticket.order.arguments.items())
    return same and all(address(str(sent.get(name))) == link for name, link in links.items())
