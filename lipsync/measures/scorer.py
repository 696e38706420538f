"""Scorer: a learned judge of lip-sync that the user brings, code and weights alike.

It is a Python function in a file of the user's: `DUBLINE_SCORER=/path/scorer.py:score`. So it may
load ONNX, TorchScript or anything else, and Dubline needs none of them; the licences of published
weights (Wav2Lip, SyncNet on LRS2) forbid commercial use, which is for its owner to settle.
"""

import importlib.util
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lipsync.errors import UsageError
from lipsync.verdicts import Mark, Verdict

# `score(video, voice)` gives these: confidence (higher is better, any scale), offset_ms (positive:
# the lips are late).
Score = Mapping[str, float]
_SOURCE = "Ours: confidence is only compared with the source clip's under the same voice"


def asked(scorer: str, output: Path, sent: Path | None, voice: Path) -> Verdict:
    """Have a scorer look; one that cannot be used is told, and costs nobody the dub."""
    try:
        return scored(scorer, output, sent, voice)
    except UsageError as error:
        return Verdict(
            check="scorer",
            value="not measurable",
            limit="> the source's",
            verdict=Mark.UNMEASURED,
            note=str(error),
            source=_SOURCE,
        )


def scored(scorer: str, output: Path, sent: Path | None, voice: Path) -> Verdict:
    """Have a scorer look at the output, and at the source under the same voice.

    Args:
        scorer: `file.py:function`; called as `function(video, voice)` with paths.
        output: The finished video.
        sent: What was sent; None: there is nothing to compare with.
        voice: The voice, 48 kHz WAV.

    Raises:
        UsageError: It cannot be loaded, or gives something else than it should.
    """
    judge = load_scorer(scorer)
    after = _score(scorer, judge, output, voice)
    before = None if sent is None else _score(scorer, judge, sent, voice)
    return verdict_of(after, before)


def verdict_of(after: Score, before: Score | None) -> Verdict:
    """Judge a score by the source's; it is a warning at worst, never a failure."""
    better = before is None or after["confidence"] > before["confidence"]
    mark = Mark.UNMEASURED if before is None else Mark.PASS if better else Mark.WARN
    return Verdict(
        check="scorer",
        value=round(after["confidence"], 3),
        limit="no source to compare with" if before is None else f"> {before['confidence']:.3f}",
        verdict=mark,
        note=f"lips {after['offset_ms']:+.0f} ms",
        unit="confidence",
        source=_SOURCE,
        advice="" if mark is not Mark.WARN else "look at it, or have another model make it",
    )


def load_scorer(scorer: str) -> Callable[[Path, Path], Any]:
    """Load the function that `file.py:function` names.

    Raises:
        UsageError: There is no such file or no such function in it.
    """
    path, _, name = scorer.rpartition(":")
    spec = importlib.util.spec_from_file_location("dubline_scorer", path)
    if not Path(path).is_file() or spec is None or spec.loader is None:
        raise UsageError(f"DUBLINE_SCORER={scorer}: there is no such file; write file.py:function")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    judge = getattr(module, name, None)
    if not callable(judge):
        raise UsageError(f"DUBLINE_SCORER={scorer}: {path} has no function {name!r}")
    return judge  # type: ignore[no-any-return]


def _score(scorer: str, judge: Callable[[Path, Path], Any], video: Path, voice: Path) -> Score:
    answer = judge(video, voice)
    try:
        score = {name: float(answer[name]) for name in ("confidence", "offset_ms")}
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"DUBLINE_SCORER={scorer}: gave {answer!r:.80}; it must give confidence and offset_ms"
        ) from error
    if not all(map(math.isfinite, score.values())):
        raise UsageError(f"DUBLINE_SCORER={scorer}: gave a figure that is no number")
    return score
