"""The task `tell_unknown`: the tickets that wait for a person, in the log, a table, a message."""

import logging
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.blocks.core import Block
from prefect.cache_policies import NO_CACHE
from prefect.variables import Variable

from lipsync.errors import UsageError
from lipsync.tickets import Ticket, TicketState
from tasks.workshop import workshop

log = logging.getLogger("lipsync.unknown")

# A Prefect variable: a notification block as TYPE/NAME, e.g. slack-webhook/ops.
NOTIFY = "dubline_notify"


@task(name="unknown-tickets", task_run_name="tell which are unknown", cache_policy=NO_CACHE)
def tell_unknown() -> tuple[str, ...]:
    """Tell of every unknown ticket.

    Returns:
        A sentence for each.

    Raises:
        UsageError: The variable names a block that sends no notifications.
    """
    found = workshop().ledger.tickets({TicketState.UNKNOWN})
    create_table_artifact(
        table=[row(ticket) for ticket in found],
        key="unknown-tickets",
        description="Paid requests whose outcome nobody knows; none is sent again by itself.",
    )
    said = tuple(sentence(ticket) for ticket in found)
    for line in said:
        log.warning("%s", line)
    if said:
        _notify(said)
    return said


def row(ticket: Ticket) -> dict[str, str]:
    """Lay one ticket out as a row of a table."""
    return {
        "ticket": str(ticket.id),
        "model": ticket.model,
        "vendor": ticket.vendor,
        "sent (UTC)": f"{ticket.sent_at:%Y-%m-%d %H:%M:%S}" if ticket.sent_at else "",
        "quoted $": "" if ticket.quoted_usd is None else str(ticket.quoted_usd),
        "what to do": f"dubline requests show {ticket.id}",
    }


def sentence(ticket: Ticket) -> str:
    """Say what is to be done about one ticket."""
    quoted = "an unknown price" if ticket.quoted_usd is None else f"${ticket.quoted_usd}"
    return (
        f"ticket {ticket.id} ({ticket.model}, {quoted}) is unknown: look whether {ticket.vendor} "
        f"has it, then `dubline requests resolve {ticket.id}`"
    )


def _notify(said: tuple[str, ...]) -> None:
    """Send the sentences by the block the variable names, if it is set."""
    name: Any = Variable.get(NOTIFY)
    if not name:
        return
    block: Any = Block.load(str(name))
    if not hasattr(block, "notify"):
        raise UsageError(
            f"the variable {NOTIFY} names {name}, which sends no notifications; name a block "
            "of Slack, Teams, mail or a webhook, as TYPE/NAME"
        )
    tickets = "ticket" if len(said) == 1 else "tickets"
    block.notify("\n".join(said), subject=f"Dubline: {len(said)} unknown {tickets}")
