"""Approvals: batches that wait for a person, and what was said to each."""

import json
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from lipsync.approval import (
    Approval,
    ApprovalState,
    Proposal,
    Word,
    answer_to,
    state_after,
)
from lipsync.errors import UsageError
from lipsync.ledger import rows
from lipsync.ledger.database import clock, take_turns
from lipsync.ledger.pages import Pages
from lipsync.ledger.schema import approvals


class Approvals(Pages):
    """Asking, answering, and beginning on the strength of an answer.

    Every change is one transaction that looks and writes: of two people who answer at once one is
    first, and the other is told so.
    """

    def ask(self, proposal: Proposal) -> Approval:
        """Find what was said about a proposal, or write down that it is asked about."""
        with self._writing() as connection:
            take_turns(connection, f"approval {proposal.batch}")
            known = _read(connection, approvals.c.batch == proposal.batch)
            return answer_to(proposal, known) or _asked(connection, proposal)

    def approval(self, approval_id: int) -> Approval:
        """Read an approval as it stands.

        Raises:
            UsageError: There is none of that number.
        """
        with self._reading() as connection:
            return _one(connection, approval_id)

    def approvals(
        self, states: Collection[ApprovalState] = tuple(ApprovalState)
    ) -> tuple[Approval, ...]:
        """Read all approvals in one of these states, oldest first."""
        with self._reading() as connection:
            return _read(connection, approvals.c.state.in_([state.value for state in states]))

    def decide(
        self, approval_id: int, word: Word, by: str | None = None, note: str | None = None
    ) -> Approval:
        """Write down what a person says; the same word again changes nothing.

        Raises:
            UsageError: There is no such approval, or the word comes too late.
        """
        with self._writing() as connection:
            take_turns(connection, f"approval {approval_id}")
            before = _one(connection, approval_id)
            state = state_after(before, word)
            if state is before.state:
                return before
            said = {"state": state, "decided_by": by, "note": note}
            return _changed(connection, before, said | {"decided_at": clock(connection)})

    def use(self, approval: Approval, run: str | None) -> Approval:
        """Write down that a batch begins on the strength of an approval; the first is kept.

        Raises:
            UsageError: It was withdrawn meanwhile.
        """
        with self._writing() as connection:
            take_turns(connection, f"approval {approval.id}")
            before = _one(connection, approval.id)
            if before.state is ApprovalState.USED:
                return before
            if before.state is not ApprovalState.APPROVED:
                raise UsageError(
                    f"approval {before.id} has become {before.state}; nothing was sent"
                )
            change = {"state": ApprovalState.USED, "used_at": clock(connection), "run": run}
            return _changed(connection, before, change)


def _asked(connection: sa.Connection, proposal: Proposal) -> Approval:
    fields = {
        "key": proposal.key,
        "state": ApprovalState.WAITING,
        "title": proposal.title,
        "batch": proposal.batch,
        "total_usd": proposal.total_usd,
        "unpriced": proposal.unpriced,
        "purchases": proposal.model_dump(mode="json")["purchases"],
        "parameters": proposal.parameters,
        "deployment": proposal.deployment,
        "asked_at": clock(connection),
    }
    connection.execute(approvals.insert().values(_cells(fields)))
    return _read(connection, approvals.c.key == proposal.key)[0]


def _changed(connection: sa.Connection, before: Approval, changes: dict[str, Any]) -> Approval:
    mine = approvals.c.id == before.id
    connection.execute(approvals.update().where(mine).values(_cells(changes)))
    return _one(connection, before.id)


def _one(connection: sa.Connection, approval_id: int) -> Approval:
    found = _read(connection, approvals.c.id == approval_id)
    if not found:
        raise UsageError(
            f"{approval_id}: there is no such approval; `dubline approve --list` shows them all"
        )
    return found[0]


def _read(connection: sa.Connection, where: sa.ColumnElement[bool]) -> tuple[Approval, ...]:
    query = sa.select(approvals).where(where).order_by(approvals.c.id)
    return tuple(_to_approval(row) for row in connection.execute(query).mappings())


def _cells(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: rows.cell(value) for name, value in fields.items()}


def _to_approval(row: sa.RowMapping) -> Approval:
    parts = {name: json.loads(row[name]) for name in ("purchases", "parameters")}
    return Approval.model_validate({**row, **parts})
