"""Claims about outcomes: what a row ended as, and how a batch of them ends."""

from decimal import Decimal
from pathlib import Path

import pytest

from lipsync.batch.outcome import (
    BatchOutcome,
    RowOutcome,
    RowState,
    Spent,
    of_error,
    of_faults,
)
from lipsync.batch.tables import outcome_rows, outcome_summary, worst_first
from lipsync.errors import (
    BudgetError,
    LipsyncError,
    MediaError,
    OutcomeUnknown,
    VendorBusy,
    VendorError,
    VendorRefused,
)
from lipsync.manifest import Row, RowFault, admitted
from lipsync.params import DubParams
from tests.lipsync.batch.test_plan import a_row


def ended(*codes: int) -> BatchOutcome:
    """An outcome of rows that ended like this."""
    there = {0: RowState.DELIVERED, 8: RowState.DELIVERED}
    rows = (
        RowOutcome(line=n, id="a", state=there.get(code, RowState.FAILED), exit_code=code)
        for n, code in enumerate(codes)
    )
    return BatchOutcome(rows=tuple(rows))


@pytest.mark.parametrize(
    ("codes", "says"),
    [
        pytest.param((0, 0), 0, id="all"),
        pytest.param((), 0, id="nothing was asked for"),
        pytest.param((0, 5), 9, id="some"),
        pytest.param((0, 7), 9, id="some, and one is unknown"),
        pytest.param((0, 8), 9, id="some, and one fails its checks"),
        pytest.param((3, 5), 5, id="none"),
        pytest.param((5, 6), 6, id="none yet"),
        pytest.param((6, 7, 8), 7, id="none, and one is unknown"),
    ],
)
def test_the_exit_code_says_all_some_or_why_none(codes: tuple[int, ...], says: int) -> None:
    assert ended(*codes).exit_code == says


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (BudgetError("over"), RowState.OVER_BUDGET, 4),
        (VendorRefused("no"), RowState.REFUSED, 5),
        (VendorError("broke"), RowState.FAILED, 5),
        (VendorBusy("later"), RowState.NOT_RUN, 6),
        (OutcomeUnknown("who knows"), RowState.UNKNOWN, 7),
        (MediaError("bad"), RowState.FAILED, 3),
        (LipsyncError("else"), RowState.FAILED, 1),
        (ZeroDivisionError("with a secret"), RowState.FAILED, 1),
    ],
)
def test_a_row_ends_as_its_error_says(error: Exception, state: RowState, code: int) -> None:
    outcome = of_error(a_row(), error, None)
    assert (outcome.state, outcome.exit_code) == (state, code)
    assert "secret" not in outcome.reason
    assert outcome.output == a_row().output


def test_a_file_that_its_fault_names_is_not_named_twice() -> None:
    fault = RowFault(line=4, id="x", column="video", value="/in/a.mp4", reason="/in/a.mp4: is text")
    (outcome,) = of_faults((fault,))
    assert outcome.reason == "video: /in/a.mp4: is text"


def test_a_bad_row_is_one_row_whatever_is_wrong_with_it() -> None:
    faults = (
        RowFault(line=4, id="x", column="voice", value="a.wav", reason="there is no such file"),
        RowFault(line=4, id="x", column="trim", value="9", reason="is no stretch"),
    )
    (outcome,) = of_faults(faults)
    assert outcome.reason == "voice: a.wav: there is no such file; trim: 9: is no stretch"
    assert (outcome.state, outcome.exit_code) == (RowState.FAILED, 3)


def test_what_needs_a_look_comes_first() -> None:
    found = worst_first(ended(0, 5, 0, 7).rows)
    assert [row.exit_code for row in found] == [7, 5, 0, 0]


def test_what_was_spent_at_an_unknown_price_is_said() -> None:
    rows = (
        RowOutcome(line=2, id="a", state=RowState.DELIVERED, spent=Spent(usd=Decimal("0.05"))),
        RowOutcome(line=3, id="b", state=RowState.DELIVERED, spent=Spent(usd=None)),
        RowOutcome(line=4, id="c", state=RowState.FOUND, billed_usd=Decimal(9)),
    )
    said = outcome_summary(BatchOutcome(rows=rows, took_s=3.2))
    assert said == [
        "3 of 3 dubs are there (2 delivered, 1 found)",
        "spent: $0.05, and 1 at an unknown price, in 3 s",
    ]
    assert [row["spent_usd"] for row in outcome_rows(BatchOutcome(rows=rows))] == [0.05, None, None]


def test_a_row_over_its_own_budget_is_told_from_one_that_is_bad() -> None:
    def refuse(row: Row) -> None:
        raise (
            BudgetError("latentsync costs $0.20, the budget is $0.01")
            if row.line == 2
            else (MediaError("there is no such file"))
        )

    params = DubParams(video=Path("talk.mp4"), voice=Path("de.wav"))
    found = admitted([Row(line=line, id="a", params=params) for line in (2, 3)], refuse)
    outcomes = [(row.state, row.exit_code) for row in of_faults(found)]
    assert outcomes == [(RowState.OVER_BUDGET, 4), (RowState.FAILED, 3)]
