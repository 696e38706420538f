"""Budgets: what may be spent on a dub, by a run and in a day, and what counts as spent."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from pydantic import Field

from lipsync.errors import BudgetError
from lipsync.price import dollars
from lipsync.tickets import Order, Ticket, TicketState
from lipsync.values import Value

# Totals are whole numbers, exact in every database; a quote has four decimals (lipsync.quote).
_NANO = Decimal("1E-9")


class Budget(Value):
    """Limits in US dollars; None is no limit. What is known to be free is never refused."""

    per_dub_usd: Decimal | None = Field(default=None, ge=0)
    per_run_usd: Decimal | None = Field(default=None, ge=0)
    per_day_usd: Decimal | None = Field(default=None, ge=0, description="A day is a UTC date.")


NO_BUDGET = Budget()


class Amount(NamedTuple):
    """What tickets take from a budget.

    Attributes:
        nano_usd: Billionths of a dollar, rounded up per ticket.
        unpriced: How many of them may cost something nobody knows.
    """

    nano_usd: int = 0
    unpriced: int = 0

    @property
    def usd(self) -> Decimal:
        """The known part, in dollars."""
        return self.nano_usd * _NANO


def amount(ticket: Ticket | None) -> Amount:
    """Say what a ticket takes from its budgets: its bill, until that is known its quote.

    An intended ticket takes its quote only while a worker holds it: that is its reservation.
    """
    if ticket is None or (ticket.state is TicketState.INTENDED and ticket.lease_holder is None):
        return Amount()
    usd = ticket.quoted_usd if ticket.billed_usd is None else ticket.billed_usd
    if usd is None:
        return Amount(unpriced=1)
    return Amount(nano_usd=int((usd / _NANO).to_integral_value(ROUND_CEILING)))


def scopes(ticket: Ticket | None) -> tuple[str, ...]:
    """Name the totals a ticket is part of, always in one order: two writers never wait crosswise.

    >>> scopes(None)
    ()
    """
    if ticket is None:
        return ()
    day = (f"day:{ticket.day}",) if ticket.day else ()
    return (*day, f"run:{ticket.run}") if ticket.run else day


def changes(before: Ticket | None, after: Ticket) -> dict[str, Amount]:
    """Say by how much each total changes when a ticket moves; totals that stay are left out."""
    old, new = amount(before), amount(after)
    was, now = scopes(before), scopes(after)
    found = {
        scope: Amount(
            nano_usd=new.nano_usd * (scope in now) - old.nano_usd * (scope in was),
            unpriced=new.unpriced * (scope in now) - old.unpriced * (scope in was),
        )
        for scope in sorted({*was, *now})
    }
    return {scope: change for scope, change in found.items() if any(change)}


def limits(budget: Budget, ticket: Ticket) -> Mapping[str, Decimal]:
    """Say which totals must stay below what for a ticket; none for what is known to be free."""
    if ticket.quoted_usd == 0:
        return {}
    wanted = {"day": budget.per_day_usd, "run": budget.per_run_usd}
    found = {scope: wanted[scope.partition(":")[0]] for scope in scopes(ticket)}
    return {scope: limit for scope, limit in found.items() if limit is not None}


def check_order(budget: Budget, order: Order) -> None:
    """Refuse an order that is over the budget all by itself, or whose price nobody knows.

    Raises:
        BudgetError: It must not be sent.
    """
    set_usd = [limit for limit in budget.model_dump().values() if limit is not None]
    if order.quoted_usd is None:
        if set_usd:
            raise BudgetError(
                f"{order.model} has no published price, so no budget ({dollars(min(set_usd))}) can "
                "be kept; choose a model with a price, or run without a budget"
            )
        return
    limit = budget.per_dub_usd
    if limit is not None and order.quoted_usd > limit:
        raise BudgetError(
            f"this dub costs {dollars(order.quoted_usd)} on {order.model}, its budget is "
            f"{dollars(limit)}; nothing was sent, raise the budget or choose another model"
        )


def check_total(scope: str, limit_usd: Decimal, total: Amount, order: Order) -> None:
    """Refuse an order whose reservation brought a total over its limit.

    Args:
        scope: Which total, as `scopes` names it.
        limit_usd: What it may come to.
        total: What it came to, this order included.
        order: What is to be sent.

    Raises:
        BudgetError: It must not be sent.
    """
    kind, _, name = scope.partition(":")
    whose = f"the day {name} (UTC)" if kind == "day" else f"run {name}"
    if total.unpriced:
        raise BudgetError(
            f"{total.unpriced} of the tickets of {whose} have no known price, so its budget of "
            f"{dollars(limit_usd)} cannot be kept; record what they cost with "
            "`dubline requests resolve ID --billed USD`, or run without this budget"
        )
    if total.usd > limit_usd:
        quoted = order.quoted_usd or Decimal(0)
        raise BudgetError(
            f"this dub costs {dollars(quoted)} on {order.model}, and {whose} has "
            f"{dollars(total.usd - quoted)} of its {dollars(limit_usd)} spent or reserved; nothing "
            "was sent, raise that budget or wait"
        )
