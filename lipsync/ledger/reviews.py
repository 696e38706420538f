"""Reviews: dubs that wait for a person's word, and what was said about each."""

import json
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from lipsync.errors import UsageError
from lipsync.ledger import rows
from lipsync.ledger.database import clock
from lipsync.ledger.pages import Pages
from lipsync.ledger.schema import reviews
from lipsync.params import DubParams
from lipsync.review import Case, Review, ReviewState, Word, is_answered, state_after

_PARTS = ("doubts", "parameters", "redo")


class Reviews(Pages):
    """Asking about a dub, and writing down the answer.

    Each change is one transaction, compared against the state that was read: of two people who
    answer at once one is first, and the other is told so.
    """

    def ask_review(self, case: Case) -> Review:
        """Find the review of a dub, or write down that it needs one.

        One that was answered is asked about again only when another check fails than was known.
        """
        try:
            return self._asked(case)
        except sa.exc.IntegrityError:  # another worker has just written it down
            return self._asked(case)

    def review(self, review_id: int) -> Review:
        """Read a review as it stands.

        Raises:
            UsageError: There is none of that number.
        """
        with self._reading() as connection:
            return _one(connection, review_id)

    def reviews(self, states: Collection[ReviewState] = tuple(ReviewState)) -> tuple[Review, ...]:
        """Read all reviews in one of these states, oldest first."""
        with self._reading() as connection:
            return _read(connection, reviews.c.state.in_([state.value for state in states]))

    def decide_review(
        self,
        seen: Review,
        word: Word,
        by: str,
        note: str | None = None,
        redo: DubParams | None = None,
    ) -> Review:
        """Write down what a person says, who, when and why; the same again changes nothing.

        Args:
            seen: The review as that person saw it.
            word: What is said.
            by: Who says it.
            note: Why.
            redo: With what the dub is made once more.

        Raises:
            UsageError: The word comes too late, or somebody else has just said something.
        """
        with self._writing() as connection:
            before = _one(connection, seen.id)
            state = state_after(before, word)
            if state is before.state and redo is None:
                return before
            if (before.state, before.redo) != (seen.state, seen.redo):
                raise UsageError(_say_answered(seen))
            said = {
                "state": state,
                "decided_by": by,
                "decided_at": clock(connection),
                "note": note,
                "redo": None if redo is None else redo.model_dump(mode="json"),
            }
            return _changed(connection, before, said)

    def redone_review(self, review_id: int, ticket_id: int) -> Review:
        """Write down which purchase a redo has led to."""
        with self._writing() as connection:
            before = _one(connection, review_id)
            if before.state is ReviewState.REDONE:
                return before
            change = {"state": ReviewState.REDONE, "redo_ticket_id": ticket_id}
            return _changed(connection, before, change)

    def _asked(self, case: Case) -> Review:
        this = (reviews.c.dub_key == case.dub_key) & (reviews.c.ticket_id == case.ticket_id)
        with self._writing() as connection:
            fields = case.model_dump(mode="json")
            known = _read(connection, this)
            if not known:
                new = {"state": ReviewState.WAITING, "asked_at": clock(connection)}
                connection.execute(reviews.insert().values(_cells(fields | new)))
                return _read(connection, this)[0]
            if is_answered(known[0], case):
                return known[0]
            again = fields | {"state": ReviewState.WAITING, "asked_at": clock(connection)}
            return _changed(connection, known[0], again)


def _changed(connection: sa.Connection, before: Review, changes: dict[str, Any]) -> Review:
    mine = (reviews.c.id == before.id) & (reviews.c.state == before.state.value)
    change = reviews.update().where(mine).values(_cells(changes))
    if connection.execute(change).rowcount != 1:
        raise UsageError(_say_answered(before))
    return _one(connection, before.id)


def _say_answered(review: Review) -> str:
    return (
        f"somebody has just answered review {review.id}; look at it with "
        f"`dubline review {review.id}`"
    )


def _one(connection: sa.Connection, review_id: int) -> Review:
    found = _read(connection, reviews.c.id == review_id)
    if not found:
        raise UsageError(
            f"{review_id}: there is no such review; `dubline review --all` shows them all"
        )
    return found[0]


def _read(connection: sa.Connection, where: sa.ColumnElement[bool]) -> tuple[Review, ...]:
    query = sa.select(reviews).where(where).order_by(reviews.c.id)
    return tuple(_to_review(row) for row in connection.execute(query).mappings())


def _cells(fields: dict[str, Any]) -> dict[str, Any]:
    written = {
        name: json.dumps(value, sort_keys=True) if name in _PARTS and value is not None else value
        for name, value in fields.items()
    }
    return {name: rows.cell(value) for name, value in written.items()}


def _to_review(row: sa.RowMapping) -> Review:
    parts = {name: json.loads(row[name]) for name in _PARTS if row[name] is not None}
    return Review.model_validate({**row, **parts})
