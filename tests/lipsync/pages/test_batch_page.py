"""Claims about the page of a batch."""

import re
from decimal import Decimal
from itertools import pairwise

import pytest

from lipsync.pages.batch import (
    batch_page,
    billed,
    headline,
    pictures,
    spending,
    worst_first,
)
from tests.lipsync.pages.stories import HOSTILE, batch, failed, row
from tests.lipsync.pages.test_dub_page import read


def test_what_is_not_there_stands_first_then_what_is_not_right_then_the_manifest() -> None:
    doubtful = row(4, good=False, reason="checks failed: length")
    rows = [row(2), row(3), doubtful, failed(8), failed(6)]
    assert [one.line for one in worst_first(rows)] == [6, 8, 4, 2, 3]
    page = batch_page(batch(*rows))
    places = [page.index(f"{one.id}<", page.index("All rows")) for one in worst_first(rows)]
    assert all(first < second for first, second in pairwise(places))


@pytest.mark.parametrize(
    ("rows", "mark", "said"),
    [
        pytest.param((row(2), row(3)), "pass", "Right: all 2 dubs are there", id="right"),
        pytest.param((row(2), failed(3)), "fail", "2 dubs: 1 failed", id="failed"),
        pytest.param(
            (row(2), failed(3, state="waiting", coming=True)),
            "warn",
            "2 dubs: 1 still to come",
            id="waiting",
        ),
        pytest.param((row(2, good=False),), "warn", "1 dub: 1 to be reviewed", id="doubtful"),
        pytest.param((), "warn", "Nothing to dub: the batch has no rows", id="empty"),
    ],
)
def test_the_headline_counts_what_is_not_right(rows: tuple, mark: str, said: str) -> None:
    found = headline(rows)
    assert (found.mark, found.said) == (mark, said)
    assert said in read(batch_page(batch(*rows))).text


def test_money_is_added_up_by_model_and_language_without_rounding() -> None:
    rows = [row(line, spent_usd=Decimal("0.1")) for line in range(2, 32)]
    by_model = {one.name: one.spent_usd for one in spending(rows, lambda one: one.model)}
    assert by_model == {"sync-2": Decimal("1.5"), "latentsync": Decimal("1.5")}
    assert "$3.00" in read(batch_page(batch(*rows))).text


def test_the_dearest_is_named_first() -> None:
    rows = [row(2, model="a", spent_usd=Decimal(1)), row(3, model="b", spent_usd=Decimal(4))]
    assert [(one.name, one.share) for one in spending(rows, lambda one: one.model)] == [
        ("b", 100.0),
        ("a", 25.0),
    ]


def test_a_thousand_rows_with_pictures_stay_under_5_mb() -> None:
    thumb = "data:image/jpeg;base64," + "A" * 4_300
    rows = [row(line, thumb=thumb, reason="r" * 200) for line in range(2, 1_002)]
    page = batch_page(batch(*rows))
    assert len(page.encode()) < 5_000_000
    assert len(re.findall("<tr", page)) > 1_000


def test_the_contact_sheet_says_how_much_of_it_there_is() -> None:
    thumb = "data:," + "A" * 1_000_000
    rows = [row(line, thumb=thumb) for line in range(2, 7)]
    assert len(pictures(rows)) == 2
    assert "Contact sheet, 2 of 5" in read(batch_page(batch(*rows))).text


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_row_is_shown_and_never_run(name: str) -> None:
    clean = read(batch_page(batch(failed(2))))
    page = batch_page(batch(failed(2, id=name, reason=name, language=name, model=name), title=name))
    page.encode("utf-8")
    seen = read(page)
    assert [tag for tag, _ in seen.tags] == [tag for tag, _ in clean.tags]
    assert not any(key.startswith("on") for _, attrs in seen.tags for key in attrs)
    assert len(page) < 60_000


def test_every_dub_is_linked_beside_the_page() -> None:
    page = read(batch_page(batch(row(2, page="a b/ü#1.mp4.html"), tables=("week.csv",))))
    links = {attrs["href"] for tag, attrs in page.tags if tag == "a"}
    assert links == {"./a%20b/%C3%BC%231.mp4.html", "./week.csv"}


def test_what_two_rows_share_was_billed_once() -> None:
    """The same video with the same voice under two names is one purchase."""
    rows = [row(2, ticket_id=7), row(3, ticket_id=7), row(4, ticket_id=8), row(5), failed(9)]
    assert billed(rows) == Decimal("0.90")
    assert "all billed $0.90" in batch_page(batch(*rows))
