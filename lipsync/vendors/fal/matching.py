"""Matching: which request in fal's list is the one whose answer was lost."""

from collections.abc import Callable, Iterable
from typing import Any

from lipsync.catalogue import Model
from lipsync.errors import OutcomeUnknown
from lipsync.tickets import Ticket, address
from lipsync.vendors.fal.line import is_request_id


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
    links = {model.media.video: ticket.media.video_url, model.media.voice: ticket.media.voice_url}
    wanted = ticket.order.arguments | links
    found, hidden = [], 0
    for item in items:
        sent, request_id = item.get("json_input"), item.get("request_id")
        if not is_request_id(request_id) or taken(str(request_id)):
            continue
        if not isinstance(sent, dict):
            hidden += 1
        elif all(_bare(sent.get(name), name in links) == wanted[name] for name in wanted):
            found.append(str(request_id))
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


def _bare(value: Any, is_link: bool) -> Any:
    return address(value) if is_link and isinstance(value, str) else value
