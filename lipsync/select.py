"""Select: which models can make a dub, which is best under the policy, and at what price."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from pydantic import Field

from lipsync.catalogue import Catalogue, Model, Policy
from lipsync.errors import BudgetError, NoModelError, UsageError
from lipsync.facts import FaceFacts, MediaFacts
from lipsync.fit import FitPlan
from lipsync.options import check_options
from lipsync.preflight import Finding, Lengths, preflight
from lipsync.price import dollars
from lipsync.quote import predicted_s, quote
from lipsync.rank import Candidate, explain, ranked
from lipsync.values import Value
from lipsync.voice import Voice


class Choice(Value):
    """One model of the catalogue held against one dub."""

    model: str
    vendor: str
    accepted: bool
    reasons: tuple[str, ...] = Field(
        description="Why it was rejected, or why it ranks where it does."
    )
    warnings: tuple[str, ...] = ()
    predicted_s: float
    price_usd: Decimal | None = Field(description="None where no price or length can be predicted.")


class Selection(Value):
    """The ranked choices; the first accepted one is taken."""

    chosen: str = Field(description="Id of the model that is taken.")
    choices: tuple[Choice, ...] = Field(description="Best first; rejected ones last.")


class SelectRequest(Value):
    """What is known of a dub, and what somebody wants of it."""

    video: MediaFacts
    voice: Voice | MediaFacts = Field(description="Normalized, or the facts of a raw voice file.")
    faces: FaceFacts | None = Field(default=None, description="None: nobody looked.")
    plan: FitPlan = Field(description="How the lengths are made equal, by us or by the vendor.")
    policy: Policy = Policy.AUTO
    model: str | None = Field(default=None, description="Pins one row; the policy ranks the rest.")
    budget_usd: Decimal | None = Field(default=None, ge=0)
    options: dict[str, Any] = Field(default_factory=dict)
    vendors: dict[str, str | None] = Field(
        description="Every vendor; None when it can be used, else why not: 'FAL_KEY is not set'."
    )
    allow_preview: bool = True


class _Weighed(Value):
    """A row held against the request; whatever is in `misused` or `refused` rejects it."""

    row: Model
    absent: str | None = Field(description="Why the vendor cannot be used.")
    misused: tuple[str, ...] = Field(description="What was asked for that the row cannot do.")
    refused: tuple[str, ...] = Field(description="What of the media the row cannot take.")
    warnings: tuple[str, ...]
    predicted_s: float
    price_usd: Decimal | None

    @property
    def reasons(self) -> tuple[str, ...]:
        away = () if self.absent is None else (f"{self.row.vendor}: {self.absent}",)
        return (*away, *self.misused, *self.refused)


def select(request: SelectRequest, catalogue: Catalogue) -> Selection:
    """Choose a model for a dub and price every option; spends nothing.

    Rehearsals rank after every real model under any policy and are taken when nothing else can be.

    Args:
        request: The dub; every vendor of the catalogue should stand in `vendors`.
        catalogue: The rows; their order does not matter.

    Returns:
        Every row, accepted ones best first, rejected ones last in the order of their ids.

    Raises:
        UsageError: The pinned model does not exist, cannot be used here, or cannot do what is
            asked of it.
        NoModelError: No row takes this pair; every reason is named.
        BudgetError: The choice costs more than the budget, or what it costs is not known.
    """
    rows = [weigh(request, catalogue.models[name]) for name in sorted(catalogue.models)]
    if request.model is not None:
        _accept_pin(request.model, rows)
    open_rows = {weighed.row.id: weighed for weighed in rows if not weighed.reasons}
    if not open_rows:
        raise NoModelError(f"no model can make this dub: {_all_reasons(rows)}")
    order = [open_rows[name] for name in _order(request, list(open_rows.values()))]
    choices = [_choice(weighed, request.policy) for weighed in order]
    rejected = [_choice(weighed, request.policy) for weighed in rows if weighed.reasons]
    _keep_budget(request.budget_usd, choices)
    return Selection(chosen=choices[0].model, choices=(*choices, *rejected))


def weigh(request: SelectRequest, model: Model) -> _Weighed:
    """Hold one row against the request."""
    length_s = predicted_s(model, request.plan)
    output_s = request.plan.predicted_s if length_s is None else length_s
    found = [
        *check_options(model, request.options),
        *preflight(
            model, request.video, request.voice, request.faces, _sent(request.plan, output_s)
        ),
    ]
    return _Weighed(
        row=model,
        absent=request.vendors.get(model.vendor, "no account is set up"),
        misused=_misused(request, model, found, has_mode=length_s is not None),
        refused=_sentences(found, refusal=True, options=False),
        warnings=(
            *_sentences(found, refusal=False, options=True),
            *_sentences(found, refusal=False, options=False),
            *_own_warnings(request, model, output_s),
        ),
        predicted_s=output_s,
        price_usd=None if length_s is None else quote(model, length_s),
    )


def _sent(plan: FitPlan, output_s: float) -> Lengths:
    """Say how long the two sides are as they leave: equal, unless the vendor makes them so."""
    if plan.by_vendor:
        sides = plan.mismatch
        return Lengths(video_s=sides.video_s, voice_s=sides.voice_s, output_s=output_s)
    return Lengths(video_s=output_s, voice_s=output_s, output_s=output_s)


def _misused(
    request: SelectRequest, model: Model, found: Sequence[Finding], *, has_mode: bool
) -> tuple[str, ...]:
    said = list(_sentences(found, refusal=True, options=True))
    if not has_mode:
        modes = ", ".join(model.sync.modes)
        said.append(f"{model.id} has no {request.plan.sync_mode} of its own, only {modes}")
    if model.preview and not request.allow_preview:
        said.append("a preview is not wanted")
    return tuple(said)


def _sentences(found: Sequence[Finding], *, refusal: bool, options: bool) -> tuple[str, ...]:
    return tuple(
        finding.sentence
        for finding in found
        if finding.refusal is refusal and finding.check.startswith("option ") is options
    )


def _own_warnings(request: SelectRequest, model: Model, output_s: float) -> tuple[str, ...]:
    """Warn of what follows from the row itself: lost speech, no price, only a rehearsal."""
    said = []
    lost_s = request.plan.mismatch.voice_s - output_s
    if request.plan.by_vendor and lost_s > float(1 / request.plan.rate):
        said.append(f"{model.vendor} would cut {lost_s:.2f} s off the end of the voice")
    if quote(model, output_s) is None:
        said.append(f"no price is known: {model.price.note or 'none is published'}")
    if model.preview:
        said.append("a preview to look at, not a trained model")
    return tuple(said)


def _accept_pin(pinned: str, rows: Sequence[_Weighed]) -> None:
    """Refuse a pin that cannot be kept, by whose fault it is."""
    weighed = {row.row.id: row for row in rows}.get(pinned)
    if weighed is None:
        known = ", ".join(row.row.id for row in rows)
        raise UsageError(f"there is no model {pinned!r}; the catalogue has {known}")
    if weighed.absent is not None:
        raise UsageError(
            f"{pinned} is sold by {weighed.row.vendor}, which cannot be used here: "
            f"{weighed.absent}; pin another model or none"
        )
    if weighed.misused:
        raise UsageError("; ".join(weighed.misused))
    if weighed.refused:
        raise NoModelError(f"{pinned} cannot make this dub: {'; '.join(weighed.refused)}")


def _order(request: SelectRequest, rows: Sequence[_Weighed]) -> list[str]:
    """Rank what was accepted, the pinned row before everything."""
    names = ranked(request.policy, [_candidate(weighed) for weighed in rows])
    return sorted(names, key=lambda name: name != request.model)


def _candidate(weighed: _Weighed) -> Candidate:
    return Candidate(row=weighed.row, predicted_s=weighed.predicted_s, price_usd=weighed.price_usd)


def _choice(weighed: _Weighed, policy: Policy) -> Choice:
    return Choice(
        model=weighed.row.id,
        vendor=weighed.row.vendor,
        accepted=not weighed.reasons,
        reasons=weighed.reasons or explain(policy, _candidate(weighed)),
        warnings=weighed.warnings,
        predicted_s=weighed.predicted_s,
        price_usd=weighed.price_usd,
    )


def _all_reasons(rows: Sequence[_Weighed]) -> str:
    """Name what rejects every row, else each reason with the rows it rejects."""
    shared: dict[str, list[str]] = {}
    for weighed in rows:
        for reason in weighed.reasons:
            shared.setdefault(reason, []).append(weighed.row.id)
    everywhere = [reason for reason, names in shared.items() if len(names) == len(rows)]
    apart = [f"{reason} ({', '.join(names)})" for reason, names in shared.items()]
    return "; ".join(everywhere or apart)


def _keep_budget(budget_usd: Decimal | None, choices: Sequence[Choice]) -> None:
    """Refuse a first choice that is over the budget, or whose price is not known."""
    taken = choices[0]
    if budget_usd is None or (taken.price_usd is not None and taken.price_usd <= budget_usd):
        return
    within = [one for one in choices if one.price_usd is not None and one.price_usd <= budget_usd]
    way_out = "raise --budget"
    for one in within[:1]:
        way_out += f" or choose {one.model} at ${one.price_usd:.4f}"
    cost = "has no known price" if taken.price_usd is None else f"costs ${taken.price_usd:.4f}"
    raise BudgetError(f"{taken.model} {cost}, the budget is {dollars(budget_usd)}: {way_out}")
