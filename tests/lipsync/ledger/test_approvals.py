"""Approvals in the ledger, in both databases: asked once, answered once, used once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from lipsync.approval import ApprovalState, Word
from lipsync.errors import UsageError
from lipsync.home import Home
from lipsync.ledger import Ledger
from lipsync.ledger.migrations import migrate
from lipsync.ledger.schema import HEAD
from tests.lipsync.conftest import Shelf
from tests.lipsync.deaths import at_once
from tests.lipsync.test_approval import proposal


def test_what_is_asked_twice_waits_once_and_is_read_back_whole(ledger: Ledger) -> None:
    asked = proposal("3.1234", None).model_copy(
        update={"parameters": {"params": {"manifest": "ä.csv"}}, "deployment": "0-1"}
    )
    first = ledger.ask(asked)
    assert ledger.ask(asked) == first
    assert first.state is ApprovalState.WAITING
    assert (first.purchases, first.parameters) == (asked.purchases, asked.parameters)
    assert (first.total_usd, first.unpriced, first.deployment) == (asked.total_usd, 1, "0-1")
    assert ledger.approvals() == (first,)
    assert ledger.approvals({ApprovalState.USED}) == ()


def test_an_approved_plan_and_its_parts_go_on_and_anything_else_is_asked_about(
    ledger: Ledger,
) -> None:
    asked = ledger.ask(proposal("3", "2"))
    ledger.decide(asked.id, "approve", "Eve", "go")
    for covered in (proposal("3", "2"), proposal("3"), proposal("3", "1.5")):
        assert ledger.ask(covered).id == asked.id
    for other in (proposal("3.01", "2"), proposal("3", "2", "1"), proposal("3", batch="other")):
        found = ledger.ask(other)
        assert found.id != asked.id
        assert found.state is ApprovalState.WAITING


def test_a_killed_batch_goes_on_with_the_approval_it_has_used(ledger: Ledger) -> None:
    asked = ledger.ask(proposal("3", "2"))
    approved = ledger.decide(asked.id, "approve")
    used = ledger.use(approved, "run-1")
    assert (used.state, used.run) == (ApprovalState.USED, "run-1")
    again = ledger.ask(proposal("2.5"))
    assert ledger.use(again, "run-2") == used


def test_a_refused_plan_is_never_asked_about_again(ledger: Ledger) -> None:
    asked = ledger.ask(proposal("3"))
    refused = ledger.decide(asked.id, "refuse", "Eve", "too dear")
    assert ledger.ask(proposal("3")) == refused
    with pytest.raises(UsageError, match="stays refused"):
        ledger.decide(asked.id, "approve")
    with pytest.raises(UsageError, match="has become refused"):
        ledger.use(asked, "run-1")


def test_the_first_word_is_kept_when_it_is_said_twice(ledger: Ledger) -> None:
    asked = ledger.ask(proposal("3"))
    first = ledger.decide(asked.id, "approve", "Eve", "go")
    assert ledger.decide(asked.id, "approve", "Bob", "me too") == first
    assert first.decided_at is not None


def test_an_approval_that_is_not_there_is_named(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="99: there is no such approval"):
        ledger.decide(99, "approve")


def test_of_two_who_answer_at_once_one_is_first_and_the_other_is_told(shelf: Shelf) -> None:
    for round_ in range(5):
        asked = shelf.open().ask(proposal(str(round_ + 1)))
        words: list[Word] = ["approve", "refuse"] * 3

        def say(word: Word, number: int = asked.id) -> str:
            try:
                return shelf.open("here").decide(number, word).state.value
            except UsageError:
                return "too late"

        with ThreadPoolExecutor(6) as pool:
            said = list(pool.map(say, words))
        assert shelf.open().approval(asked.id).state is ApprovalState.REFUSED
        assert set(said) <= {"approved", "refused", "too late"}


def test_eight_processes_that_ask_at_once_ask_one_question(shelf: Shelf) -> None:
    shelf.open().tickets()
    at_once(8, lambda number: shelf.open(f"machine {number}").ask(proposal("3", "2")))
    assert len(shelf.open().approvals()) == 1


def test_a_ledger_from_before_approvals_gets_their_table_and_keeps_its_tickets(
    home: Home,
) -> None:
    engine = sa.create_engine(f"sqlite:///{home.ledger}")
    with engine.begin() as connection:
        migrate(connection, "0002")
        connection.execute(sa.text("INSERT INTO schema_version VALUES (2)"))
    engine.dispose()
    assert HEAD != "0002"
    ledger = Ledger(home.ledger)
    assert ledger.approvals() == ()
    assert ledger.ask(proposal("3")).id == 1
