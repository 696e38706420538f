"""Parting: what becomes of the paid jobs of a run that is cancelled."""

import logging
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State

from lipsync.errors import LipsyncError
from lipsync.settle import cancel
from lipsync.tickets import TicketState
from tasks.workshop import workshop

log = logging.getLogger("lipsync.parting")


def let_go(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Cancel the paid jobs of a cancelled run at their vendor, if its parameters say so.

    Left alone they are collected later, by `collect-open` or by the next run of the same dub.
    """
    params = flow_run.parameters.get("params")
    wish = params.get("on_interrupt") if isinstance(params, dict) else None
    shop = workshop()
    for ticket in shop.ledger.tickets({TicketState.SUBMITTED}):
        if ticket.run != str(flow_run.id):
            continue
        if wish != "cancel":
            log.info("ticket %d is left at %s, to be collected", ticket.id, ticket.vendor)
            continue
        try:
            now = cancel(ticket.id, shop.ledger, shop.vendor)
            log.info("ticket %d is %s: %s", now.id, now.state, now.detail)
        except LipsyncError as error:
            log.warning("ticket %d was not cancelled: %s", ticket.id, error)
