"""Standing: what an answer about a task means; none of them ends a job but the task's own word."""

from typing import Any

from lipsync.errors import VendorBusy, VendorError
from lipsync.tickets import Ticket
from lipsync.vendors.protocol import Progress, Standing
from lipsync.vendors.unified.faults import Reply, fault_in, said
from lipsync.vendors.unified.tasks import progress_of

_OK, _NOT_FOUND = 200, 404
# The key or the account is refused; waiting does not change that.
_KEY_REFUSED = frozenset({401, 402, 403})


class TaskGone(VendorError):
    """The vendor, in its own words, knows no such task."""


def task_in(reply: Reply, ticket: Ticket) -> dict[str, Any]:
    """Find the task in an answer.

    Raises:
        TaskGone: The API knows no such task.
        VendorError: It refuses the key; the job goes on.
        VendorBusy: Whatever else: it says nothing about the job, which goes on.
    """
    if reply.status == _OK and isinstance(reply.body, dict) and "status" in reply.body:
        return reply.body
    fault = fault_in(reply.body)
    told = f"HTTP {reply.status}: {fault or said(reply.text) or 'without a reason'}"
    if reply.status == _NOT_FOUND and fault is not None:
        raise TaskGone(f"unified knows no task {ticket.request_id} ({told})")
    if reply.status == _NOT_FOUND:
        raise VendorBusy(
            f"unified has nothing where ticket {ticket.id} was asked for ({told}); nothing is "
            "lost, check UNIFIED_BASE_URL and UNIFIED_POLL_PATH"
        )
    if reply.status in _KEY_REFUSED and fault is not None:
        raise VendorError(
            f"unified does not let this key ask about ticket {ticket.id} ({told}); the job goes "
            f"on, set UNIFIED_API_KEY, then `dubline requests resume {ticket.id}`"
        )
    raise VendorBusy(f"unified did not say how ticket {ticket.id} stands ({told}); ask again")


def standing_of(reply: Reply, ticket: Ticket) -> Progress:
    """Read how a task stands.

    Raises:
        VendorError: The key is refused; the job goes on.
        VendorBusy: The answer says nothing about the job; ask again.
    """
    try:
        return progress_of(task_in(reply, ticket))
    except TaskGone as gone:
        return Progress(state=Standing.LOST, detail=str(gone))
