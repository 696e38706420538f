"""Limits: read from the profiles with their sources, and a wrong file is named."""

from pathlib import Path

import pytest

from lipsync.errors import UsageError
from lipsync.limits import Limit, Limits, load_limits
from lipsync.verdicts import Mark


def test_every_limit_says_who_sets_it() -> None:
    limits = load_limits()
    assert all(getattr(limits, name).source for name in Limits.model_fields)


@pytest.mark.parametrize(
    ("passes", "warns", "figures", "marks"),
    [
        (30, 24, (30, 29.9, 24, 23.9), (Mark.PASS, Mark.WARN, Mark.WARN, Mark.FAIL)),
        (0.2, 0.5, (0.2, 0.3, 0.5, 0.6), (Mark.PASS, Mark.WARN, Mark.WARN, Mark.FAIL)),
        (0, 0, (0, 0.01), (Mark.PASS, Mark.FAIL)),
    ],
    ids=["more is better", "less is better", "no warning"],
)
def test_a_figure_is_graded_at_its_limits(
    passes: float, warns: float, figures: tuple[float, ...], marks: tuple[Mark, ...]
) -> None:
    limit = Limit(passes=passes, warns=warns, source="ours")
    assert tuple(limit.mark(figure) for figure in figures) == marks


@pytest.mark.parametrize("text", ["", "[limits]\n", "[limits.black]\npasses = 'x'\n", "no TOML"])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"own\.toml: the limits"):
        load_limits(path)
