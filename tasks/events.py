"""Events: what automations may wait for. Names and figures only: no path, no link, no key."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.events import emit_event

from lipsync.errors import BudgetError, LipsyncError, OutcomeUnknown
from lipsync.links import Link
from lipsync.params import DubParams
from lipsync.report import DubReport
from lipsync.tickets import Ticket, TicketState

EventName = Literal[
    "dub.delivered", "dub.failed", "budget.exceeded", "ticket.unknown", "approval.waiting"
]

Tell = Callable[[str, dict[str, str], dict[str, Any]], object]

_tell: ContextVar[Tell | None] = ContextVar("tell", default=None)

# A trigger matches `dubline.dub.*`, `dubline.ticket.*`, and so on.
PREFIX = "dubline."


def emit(name: EventName, resource: str, **payload: object) -> None:
    """Send one event; the flow run it happened in is added by Prefect.

    Args:
        name: What happened.
        resource: What it happened to, e.g. `ticket.17`; automations see it as `dubline.ticket.17`.
        payload: What else is to be known: a path becomes its last name, money a text.
    """
    named = {"prefect.resource.id": PREFIX + resource, "prefect.resource.name": resource}
    said = {key: _plain(value) for key, value in payload.items()}
    tell = _tell.get()
    if tell is None:
        emit_event(name, resource=named, payload=said)
    else:
        tell(name, named, said)


@contextmanager
def told_through(tell: Tell) -> Iterator[None]:
    """Have what is sent in the block told with much else: an event costs a batch 2 ms otherwise.

    Args:
        tell: Takes name, resource and payload of an event.
    """
    token = _tell.set(tell)
    try:
        yield
    finally:
        _tell.reset(token)


def dub_named(video: Path | Link, voice: Path | Link) -> str:
    """Name a dub as a resource.

    >>> dub_named(Path("in/talk.mp4"), Path("in/talk.de.wav"))
    'dub.talk.mp4.talk.de.wav'
    """
    return f"dub.{video.name}.{voice.name}"


def ticket_named(ticket: Ticket) -> str:
    """Name a ticket as a resource."""
    return f"ticket.{ticket.id}"


@contextmanager
def overrun_told(dub: str) -> Iterator[None]:
    """Send `budget.exceeded` when the block refuses a dub for its price; the error goes on.

    Args:
        dub: Its resource.
    """
    try:
        yield
    except BudgetError as error:
        emit("budget.exceeded", dub, why=str(error))  # figures and names of models only
        raise


@contextmanager
def unknown_told(ticket: Callable[[], Ticket | None]) -> Iterator[None]:
    """Send `ticket.unknown` when the block leaves a ticket in that state; the error goes on.

    Args:
        ticket: Finds the ticket the block works on, once it is needed.
    """
    try:
        yield
    except OutcomeUnknown:
        found = ticket()
        if found is not None and found.state is TicketState.UNKNOWN:
            known = {"model": found.model, "vendor": found.vendor, "quoted_usd": found.quoted_usd}
            emit("ticket.unknown", ticket_named(found), **known)
        raise


def tell_delivery(params: DubParams, report: DubReport) -> None:
    """Send `dub.delivered` for a dub that has just been put in its place."""
    emit(
        "dub.delivered",
        dub_named(params.video, params.voice),
        output=report.output,
        model=report.model,
        billed_usd=report.billed_usd,
        output_s=report.output_s,
        failed_checks=[row.check for row in report.failed],
    )


def tell_failure(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Send `dub.failed` for a run of `dub` that has failed; why is on the run's page."""
    params = DubParams.model_validate(flow_run.parameters["params"])
    error = state.result(raise_on_failure=False)
    code = error.exit_code if isinstance(error, LipsyncError) else 1
    dub = dub_named(params.video, params.voice)
    emit("dub.failed", dub, kind=type(error).__name__, exit_code=code)


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return value.name
    return str(value) if isinstance(value, Decimal) else value
