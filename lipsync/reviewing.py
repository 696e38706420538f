"""Reviewing: what a person says about a dub is written down; a redo is quoted before it is bought.

Nothing is bought here: whoever has the parameters of a redo runs them like any other dub.
"""

from collections.abc import Callable
from decimal import Decimal

from lipsync import stages
from lipsync.errors import UsageError
from lipsync.params import DubParams
from lipsync.review import Review, Wish, check_permit, redo_params, state_after
from lipsync.review_params import ReviewParams
from lipsync.values import Value
from lipsync.workshop import Workshop


class Redo(Value):
    """A dub that shall be made once more, and what it costs."""

    params: DubParams
    model: str
    price_usd: Decimal | None
    predicted_s: float


class Answer(Value):
    """A review as it stands after a word, and the dub that is to be made now, if there is one."""

    review: Review
    redo: DubParams | None = None


Confirm = Callable[[Redo], bool]


def never(_redo: Redo) -> bool:
    """Confirm nothing: nobody is there to be asked."""
    return False


def answer(shop: Workshop, params: ReviewParams, by: str, confirm: Confirm = never) -> Answer:
    """Write down a person's word about a dub.

    Args:
        shop: Where the ledger is.
        params: Which dub, and what is said.
        by: Who says it.
        confirm: Shows a price to a person and says whether they want it; asked only where no
            budget is named and it is not free.

    Raises:
        UsageError: There is no such review, the word comes too late, or makes no sense.
        BudgetError: A redo costs more than it may, or nobody has agreed to its price.
        NoModelError: No model takes the pair as it is wished.
    """
    review = shop.ledger.review(params.review)
    if params.decision != "redo":
        _refuse_wishes(params)
        decided = shop.ledger.decide_review(review, params.decision, by, params.note)
        return Answer(review=decided)
    state_after(review, "redo")
    redo = quoted(shop, review, wish_of(params))
    agreed = params.budget_usd is None and redo.price_usd != 0 and confirm(redo)
    check_permit(wish_of(params), redo.price_usd, confirmed=agreed)
    wanted = _at_this_price(redo) if agreed else redo.params
    decided = shop.ledger.decide_review(review, "redo", by, params.note, wanted)
    return Answer(review=decided, redo=wanted)


def quoted(shop: Workshop, review: Review, wish: Wish) -> Redo:
    """Plan a redo and say what it costs; what was probed and normalized before is found again."""
    params = redo_params(review, wish)
    pair = stages.probe(shop, params).value
    voice = stages.normalize(shop, params, pair).value
    choice = stages.select(shop, params, pair, voice).value.choice
    return Redo(
        params=params,
        model=choice.model,
        price_usd=choice.price_usd,
        predicted_s=choice.predicted_s,
    )


def wish_of(params: ReviewParams) -> Wish:
    """Take from a word how a dub shall be made once more."""
    return Wish(model=params.model, sync_mode=params.sync_mode, budget_usd=params.budget_usd)


def _refuse_wishes(params: ReviewParams) -> None:
    if wish_of(params) != Wish():
        raise UsageError(
            f"review {params.review}: a model, a sync mode and a budget are for redo; "
            f"{params.decision} takes none"
        )


def _at_this_price(redo: Redo) -> DubParams:
    """Hold a redo to the price that somebody has seen and agreed to."""
    if redo.price_usd is None:
        return redo.params
    return redo.params.model_copy(update={"budget_usd": float(redo.price_usd)})
