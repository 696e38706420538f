"""Spending: a budget holds whoever spends, wherever, and at whatever moment they die."""

from decimal import Decimal

import pytest
import sqlalchemy as sa

from lipsync.budget import Amount, Budget, amount
from lipsync.errors import BudgetError
from lipsync.ledger import Ledger
from lipsync.tickets import Receipt, TicketState
from tests.lipsync.conftest import Shelf
from tests.lipsync.deaths import CALLS, at_once, die_at
from tests.lipsync.ledger.test_intent import expire
from tests.lipsync.orders import NO_FILE, make_order

FIVE_CENTS = Decimal("0.05")


def per_run(usd: str) -> Budget:
    return Budget(per_run_usd=Decimal(usd))


def recounted(ledger: Ledger) -> dict[str, Amount]:
    """Add up all tickets anew, as the totals should have it."""
    found: dict[str, Amount] = {}
    for ticket in ledger.tickets():
        for scope in (f"day:{ticket.day}", *([f"run:{ticket.run}"] if ticket.run else [])):
            so_far, more = found.get(scope, Amount()), amount(ticket)
            found[scope] = Amount(so_far.nano_usd + more.nano_usd, so_far.unpriced + more.unpriced)
    return found


def assert_totals_hold(ledger: Ledger) -> None:
    for scope, sum_ in recounted(ledger).items():
        assert ledger.spent(scope) == sum_


def test_the_price_is_reserved_with_the_intent(ledger: Ledger) -> None:
    ticket = ledger.intend(make_order(), run="r").ticket
    assert ledger.spent("run:r").usd == ledger.spent(f"day:{ticket.day}").usd == FIVE_CENTS


def test_what_is_over_the_runs_budget_is_not_written(ledger: Ledger) -> None:
    budget = per_run("0.12")
    for key in "ab":
        ledger.intend(make_order(key), budget, "r")
    with pytest.raises(BudgetError, match=r"costs \$0.05.*run r has \$0.10 of its \$0.12"):
        ledger.intend(make_order("c"), budget, "r")
    assert ledger.by_key("c") is None
    assert ledger.spent("run:r").usd == Decimal("0.10")


def test_a_budget_may_be_spent_to_the_last_cent(ledger: Ledger) -> None:
    assert all(ledger.intend(make_order(key), per_run("0.10"), "r").ours for key in "ab")


def test_runs_do_not_share_a_budget_and_days_do(ledger: Ledger) -> None:
    a_day = Budget(per_run_usd=FIVE_CENTS, per_day_usd=Decimal("0.10"))
    ledger.intend(make_order("a"), a_day, "one")
    ledger.intend(make_order("b"), a_day, "two")
    with pytest.raises(BudgetError, match=r"the day .* has"):
        ledger.intend(make_order("c"), a_day, "three")


@pytest.mark.parametrize(
    ("end", "left_usd"),
    [
        pytest.param("postponed", "0", id="turned away: given back"),
        pytest.param("refused", "0", id="refused: given back"),
        pytest.param("unknown", "0.05", id="unknown: kept, it may have been bought"),
        pytest.param("submitted", "0.05", id="submitted: kept"),
    ],
)
def test_what_becomes_of_a_reservation(ledger: Ledger, end: str, left_usd: str) -> None:
    ticket = ledger.submitting(ledger.intend(make_order(), run="r").ticket)
    said = Receipt(request_id="job") if end == "submitted" else "so it went"
    getattr(ledger, end)(ticket, said)
    assert ledger.spent("run:r").usd == Decimal(left_usd)


def test_the_bill_replaces_the_quote(ledger: Ledger) -> None:
    ticket = ledger.submitting(ledger.intend(make_order(), run="r").ticket)
    ticket = ledger.completed(ledger.submitted(ticket, Receipt(request_id="job")))
    ticket = ledger.delivered(ticket, NO_FILE, Decimal("0.0423"))
    assert ledger.spent("run:r").usd == Decimal("0.0423")
    ledger.billed(ticket, Decimal("0.06"), "the vendor's books")
    assert ledger.spent("run:r").usd == Decimal("0.06")


def test_an_order_that_is_tried_again_is_reserved_once(ledger: Ledger) -> None:
    budget = per_run("0.05")
    for _ in range(3):
        ticket = ledger.intend(make_order(), budget, "r").ticket
        ledger.postponed(ledger.submitting(ticket), "429")
    assert ledger.intend(make_order(), budget, "r").ours
    assert ledger.spent("run:r").usd == FIVE_CENTS


def test_an_order_that_waited_is_paid_by_the_run_that_sends_it(ledger: Ledger) -> None:
    ledger.intend(make_order(), run="first")
    ledger.intend(make_order(), run="second")
    assert ledger.spent("run:first") == Amount()
    assert ledger.spent("run:second").usd == FIVE_CENTS


def test_what_was_bought_costs_nothing_to_attach_to(ledger: Ledger) -> None:
    ticket = ledger.submitting(ledger.intend(make_order(), run="first").ticket)
    ledger.submitted(ticket, Receipt(request_id="job"))
    assert not ledger.intend(make_order(), per_run("0"), "second").ours


def test_a_price_nobody_knows_is_refused_by_every_budget(ledger: Ledger) -> None:
    order = make_order(quoted_usd=None)
    for name in Budget.model_fields:
        with pytest.raises(BudgetError, match="no published price"):
            ledger.intend(order, Budget.model_validate({name: 500}), "r")
    assert ledger.intend(order, run="r").ours
    assert ledger.spent("run:r") == Amount(0, 1)


def test_a_total_nobody_knows_is_no_ground_to_spend_on(ledger: Ledger) -> None:
    unpriced = ledger.intend(make_order("a", quoted_usd=None), run="r").ticket
    with pytest.raises(BudgetError, match="1 of the tickets of run r have no known price"):
        ledger.intend(make_order("b"), per_run("500"), "r")
    ledger.billed(unpriced, Decimal("0.30"), "a person says so")
    assert ledger.intend(make_order("b"), per_run("0.35"), "r").ours


def test_what_is_free_is_never_over_a_budget(ledger: Ledger) -> None:
    ledger.intend(make_order("a"), run="r")
    assert ledger.intend(make_order("b", quoted_usd=Decimal(0)), per_run("0.01"), "r").ours


def test_a_dub_has_a_budget_of_its_own(ledger: Ledger) -> None:
    with pytest.raises(BudgetError, match=r"costs \$0.05 on sync-2, its budget is \$0.04"):
        ledger.intend(make_order(), Budget(per_dub_usd=Decimal("0.04")))
    assert ledger.tickets() == ()


def test_what_the_dead_had_reserved_is_given_back_when_it_is_needed(shelf: Shelf) -> None:
    there, here = shelf.open("there"), shelf.open("here")
    dead = there.intend(make_order("dead"), run="r").ticket
    with pytest.raises(BudgetError):
        here.intend(make_order("mine"), per_run("0.05"), "r")
    expire(there, dead)
    assert here.intend(make_order("mine"), per_run("0.05"), "r").ours
    assert here.ticket(dead.id).detail == "its worker is gone"


def test_eight_processes_at_eight_places_never_spend_more_than_there_is(shelf: Shelf) -> None:
    def spend(number: int) -> None:
        ledger = shelf.open(f"machine-{number}")
        for count in range(5):
            try:
                ledger.intend(make_order(f"{number}-{count}"), per_run("0.52"), "r")
            except BudgetError:
                (shelf.home.folder("refused") / f"{number}-{count}").touch()

    shelf.open().tickets()
    at_once(8, spend)
    ledger = shelf.open()
    assert (len(ledger.tickets()), ledger.spent("run:r").usd) == (10, Decimal("0.50"))
    assert len(list(shelf.home.folder("refused").iterdir())) == 30
    assert_totals_hold(ledger)


def test_killed_anywhere_the_totals_are_those_of_the_tickets(shelf: Shelf) -> None:
    point, writer, reader = 1, shelf.open(), shelf.open()

    def write() -> None:
        key = f"k{point}"
        ticket = writer.submitting(writer.intend(make_order(key), per_run("500"), "r").ticket)
        ticket = writer.postponed(ticket, "429")
        ticket = writer.submitting(writer.intend(make_order(key), per_run("500"), "r2").ticket)
        ticket = writer.completed(writer.submitted(ticket, Receipt(request_id=f"job-{point}")))
        writer.delivered(ticket, NO_FILE, Decimal("0.04"))

    while die_at(point, write, points=CALLS, before=writer.tickets):
        assert_totals_hold(reader)
        point += 31
    assert point > 100


def test_a_total_is_read_in_one_row_however_many_tickets_there_are(ledger: Ledger) -> None:
    read: list[str] = []
    for key in "abc":
        ledger.intend(make_order(key), per_run("1"), "r")

    def look(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        read.append(statement)

    sa.event.listen(ledger._engine, "before_cursor_execute", look)
    ledger.intend(make_order("d"), per_run("1"), "r")
    wide = [said for said in read if "FROM tickets" in said and "WHERE" not in said]
    assert (wide, len(read) < 20) == ([], True)
    assert ledger.by_key("d").state is TicketState.INTENDED  # type: ignore[union-attr]
