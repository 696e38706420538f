"""Ordering: what is bought of a decision, what makes two purchases one, and what may stand in."""

from typing import Any

from lipsync.catalogue import Catalogue, Model, Policy
from lipsync.decision import Decision
from lipsync.fit import FittedPair, SyncMode
from lipsync.options import request_arguments
from lipsync.price import Basis
from lipsync.select import Choice
from lipsync.tickets import Order, Ticket
from lipsync.values import File, Value, content_key


def alternatives(decision: Decision, catalogue: Catalogue) -> tuple[Decision, ...]:
    """Say which choices may be taken for a dub, one after the other, best first.

    The decision itself, and, unless somebody named its model, every other choice that was accepted
    gives the same length and is within the budget. A rehearsal never stands in for what was to be
    bought.
    """
    found = [decision]
    if decision.pinned or decision.model.preview:
        return tuple(found)
    for choice in decision.selection.choices:
        row = catalogue.models.get(choice.model)
        if row is None or row.preview or not choice.accepted or row.id == decision.model.id:
            continue
        if choice.predicted_s == decision.choice.predicted_s and _is_within(decision, choice):
            found.append(_on(decision, row))
    return tuple(found)


def _is_within(decision: Decision, choice: Choice) -> bool:
    limit_usd, price_usd = decision.budget_usd, choice.price_usd
    return limit_usd is None or (price_usd is not None and price_usd <= limit_usd)


def taken(decision: Decision, ticket: Ticket, catalogue: Catalogue) -> Decision:
    """Return the decision as its ticket has it: another choice may have been bought before."""
    row = catalogue.models.get(ticket.model)
    known = {choice.model for choice in decision.selection.choices}
    return decision if row is None or row.id not in known else _on(decision, row)


def _on(decision: Decision, row: Model) -> Decision:
    selection = decision.selection.model_copy(update={"chosen": row.id})
    return decision.model_copy(update={"model": row, "selection": selection})


def names(decision: Decision, catalogue: Catalogue) -> frozenset[str]:
    """Say under which keys the ledger may know a dub already, before its pair is fitted.

    An order's, for each choice that may be taken, and the dub's. What is free is not among them:
    its key depends on what is sent.
    """
    dub = _dub_key(decision)
    orders = (
        _order_key(choice, (), arguments_of(choice))
        for choice in alternatives(decision, catalogue)
        if choice.model.price.basis is not Basis.FREE
    )
    return frozenset((*orders, dub) if dub else orders)


def purchase_key(decision: Decision) -> str:
    """Name what a decision would buy before its pair is fitted, by everything that is paid for.

    That of its order in the ledger; but for what is free, whose key depends on what is sent.
    """
    return _order_key(decision, (), arguments_of(decision))


def arguments_of(decision: Decision) -> dict[str, Any]:
    """Say what is sent beside the pair; the vendor's own mode always is: defaults differ."""
    plan = decision.plan
    mode = plan.sync_mode if plan.by_vendor else SyncMode.CUT_OFF
    return request_arguments(decision.model, decision.options, mode)


def ordered(decision: Decision, fitted: FittedPair, engine: int) -> Order:
    """Write the order: what is sent, with what arguments, at what quote.

    Args:
        decision: What was settled.
        fitted: The pair as it is sent.
        engine: Version of the embedded engine; part of what the local vendor is asked for.
    """
    model, plan = decision.model, decision.plan
    arguments = arguments_of(decision)
    if model.vendor == "local":
        arguments["engine"] = engine
    return Order(
        key=_order_key(decision, (fitted.video, fitted.voice), arguments),
        generation=decision.generation,
        vendor=model.vendor,
        model=model.id,
        endpoint=model.endpoint,
        arguments=arguments,
        video=fitted.video,
        voice=fitted.voice,
        frames=plan.frames,
        rate=plan.rate,
        quoted_usd=decision.choice.price_usd,
        dub=_dub_key(decision),
    )


class _Wanted(Value):
    """What makes two dubs the same, whichever model they are bought from in the end.

    The bytes are those the user gave, with what was decided about them.
    """

    video: File
    voice: File
    track: int
    voice_starts_s: float
    fit: tuple[Any, ...]
    generation: int


class _Among(Value):
    """A dub that one of several models may make, and how they are chosen."""

    wanted: _Wanted
    policy: Policy
    options: dict[str, Any]


class _Bought(Value):
    """What makes two purchases the same (docs/adr/0001).

    The bytes are those the user gave, with what was decided about them, and not those an encoder
    made of them: another version of an encoder must never be a reason to pay again. A vendor that
    is free is asked again whenever what is sent to it changes.
    """

    video: File
    voice: File
    track: int
    voice_starts_s: float
    fit: tuple[Any, ...]
    endpoint: str
    vendor: str
    arguments: dict[str, Any]
    generation: int
    sent: tuple[File, ...]


def _order_key(decision: Decision, sent: tuple[File, ...], arguments: dict[str, Any]) -> str:
    model, wanted = decision.model, _wanted(decision)
    free = model.price.basis is Basis.FREE
    bought = _Bought(
        **{name: getattr(wanted, name) for name in _Wanted.model_fields},
        endpoint=model.endpoint,
        vendor=model.vendor,
        arguments=arguments,
        sent=sent if free else (),
    )
    return content_key("order", 1, bought)


def _dub_key(decision: Decision) -> str | None:
    """Name the dub of which one choice is bought.

    None: a model that somebody named, or that is free, takes no other's place.
    """
    if decision.pinned or decision.model.price.basis is Basis.FREE:
        return None
    among = _Among(wanted=_wanted(decision), policy=decision.policy, options=decision.options)
    return content_key("choices", 1, among)


def _wanted(decision: Decision) -> _Wanted:
    plan = decision.plan
    fit = (
        plan.sync_mode,
        str(plan.rate),
        plan.first_frame,
        plan.source_frames,
        plan.frames,
        plan.voice_samples,
        plan.tempo,
        plan.by_vendor,
    )
    return _Wanted(
        video=decision.pair.video.file,
        voice=decision.pair.voice.file,
        track=decision.track,
        voice_starts_s=decision.voice.lead_trimmed_s,
        fit=fit,
        generation=decision.generation,
    )
