"""Claims about the parts of a batch: everything once, about equally long, videos kept together."""

from decimal import Decimal
from pathlib import Path

import pytest

from lipsync.batch.outcome import RowOutcome, RowState
from lipsync.batch.params import BatchParams
from lipsync.batch.plan import BatchPlan
from lipsync.batch.shards import cut, part_of, put_together
from tests.lipsync.batch.test_plan import a_row


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
def test_every_line_is_in_one_part(count: int) -> None:
    rows = [a_row(line, output_s=float(line)) for line in range(2, 32)]
    parts = cut(rows, {row.line: Path(f"{row.line % 4}.mp4") for row in rows}, count)
    assert sorted(line for part in parts for line in part) == list(range(2, 32))
    assert len(parts) <= count
    assert all(parts)


def test_dubs_of_one_video_stay_together_where_they_fit() -> None:
    rows = [a_row(line) for line in range(8)]
    videos = {line: Path("ab"[line % 2]) for line in range(8)}
    assert cut(rows, videos, 2) == ((0, 2, 4, 6), (1, 3, 5, 7))


def test_one_video_into_many_languages_is_shared_out_all_the_same() -> None:
    rows = [a_row(line) for line in range(10)]
    parts = cut(rows, dict.fromkeys(range(10), Path("a")), 3)
    assert sorted(len(part) for part in parts) == [2, 4, 4]


def test_the_parts_are_about_equally_long() -> None:
    rows = [a_row(line, output_s=float(1 + line % 10)) for line in range(100)]
    parts = cut(rows, {row.line: Path(str(row.line)) for row in rows}, 4)
    lengths = [sum(rows[line].output_s for line in part) for part in parts]
    assert max(lengths) - min(lengths) <= 10


def test_no_rows_are_no_parts() -> None:
    assert cut([], {}, 4) == ()


def test_a_part_is_paid_by_the_whole_and_asks_nobody_again(tmp_path: Path) -> None:
    whole = BatchParams(
        manifest=tmp_path / "m.csv", shards=4, budget_usd=9, require_approval_over_usd=1
    )
    part = part_of(whole, (2, 5), "the run")
    assert (part.run, part.only_lines, part.shards) == ("the run", (2, 5), 1)
    assert part.limit_usd == Decimal(9)
    assert part.approval_usd is None


def test_rows_of_a_part_that_died_are_not_run_and_say_why() -> None:
    plan = BatchPlan(rows=tuple(a_row(line) for line in (2, 3, 4)))
    there = RowOutcome(line=2, id="v2", state=RowState.DELIVERED)
    found = put_together(plan, {(2, 4): [there], (3,): "its part ended as Crashed"})
    assert {line: row.state for line, row in found.items()} == {
        2: RowState.DELIVERED,
        3: RowState.NOT_RUN,
        4: RowState.NOT_RUN,
    }
    assert found[3].reason == "its part ended as Crashed; run the batch again"
    assert found[3].exit_code == 6
