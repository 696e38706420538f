"""Scorer: what a user brings is asked about both clips, and can only warn."""

from pathlib import Path

import pytest

from lipsync.errors import UsageError
from lipsync.measures.scorer import asked, scored
from lipsync.verdicts import Mark

JUDGE = """
def score(video, voice):
    assert voice.suffix == ".wav"
    return {"confidence": CONFIDENCE[video.stem], "offset_ms": 40}
"""


def brought(folder: Path, text: str) -> str:
    path = folder / "judge of mine.py"
    path.write_text(text)
    return f"{path}:score"


@pytest.mark.parametrize(
    ("after", "before", "mark"), [(7.0, 2.0, Mark.PASS), (2.0, 7.0, Mark.WARN)]
)
def test_a_score_counts_only_beside_the_sources(
    tmp_path: Path, after: float, before: float, mark: Mark
) -> None:
    scorer = brought(tmp_path, f"CONFIDENCE = {{'dub': {after}, 'talk': {before}}}\n{JUDGE}")
    verdict = scored(scorer, Path("dub.mp4"), Path("talk.mp4"), Path("v.wav"))
    assert verdict.verdict is mark
    assert (verdict.value, verdict.limit) == (after, f"> {before:.3f}")
    alone = scored(scorer, Path("dub.mp4"), None, Path("v.wav"))
    assert alone.verdict is Mark.UNMEASURED


@pytest.mark.parametrize(
    "text",
    ["score = 3", "def score(video, voice): return 3", "def score(video, voice): return {}",
     "def score(v, w): return {'confidence': float('nan'), 'offset_ms': 0}"],
)  # fmt: skip
def test_a_scorer_that_gives_something_else_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"DUBLINE_SCORER=.*judge of mine"):
        scored(brought(tmp_path, text), Path("dub.mp4"), None, Path("v.wav"))


def test_a_scorer_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"write file\.py:function"):
        scored(f"{tmp_path / 'none.py'}:score", Path("dub.mp4"), None, Path("v.wav"))


def test_a_scorer_that_cannot_be_used_costs_nobody_the_dub() -> None:
    verdict = asked("none.py:score", Path("dub.mp4"), None, Path("v.wav"))
    assert verdict.verdict is Mark.UNMEASURED
    assert "write file.py:function" in verdict.note
