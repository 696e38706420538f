"""Advice: what to try where a check did not pass, with its price; nothing is bought by it."""

from collections.abc import Sequence

from lipsync.select import Choice
from lipsync.verdicts import Mark, Verdict

# Checks that another model may pass: what the model made of the picture.
BY_MODEL = frozenset({
    "mouth_changed", "mouth_sync", "picture_kept", "sharpness", "picture_time",
    "black", "frozen", "flicker", "size", "rate", "length", "scorer",
})  # fmt: skip
# Checks of the lips themselves.
LIPS = frozenset({"mouth_changed", "mouth_sync"})
AS_FILMED = "a preview: lips it is not sure of stay as filmed"
_RED = frozenset({Mark.WARN, Mark.FAIL})


def advised(
    verdicts: Sequence[Verdict], choices: Sequence[Choice], model: str
) -> tuple[Verdict, ...]:
    """Name the next best model, and its price, where the chosen one did not do well.

    Args:
        verdicts: What was found.
        choices: Every model as it was held against the dub, best first.
        model: The one that made it.
    """
    other = next((one for one in choices if one.accepted and one.model != model), None)
    return tuple(_advised(verdict, other) for verdict in verdicts)


def of_preview(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """Judge a preview by what it promises: lips where it is sure of them, and nowhere else.

    It is no dub to be delivered, so lips that are left as filmed call for no decision.
    """
    return tuple(map(_as_preview, verdicts))


def _as_preview(verdict: Verdict) -> Verdict:
    if verdict.check not in LIPS or verdict.verdict is not Mark.FAIL:
        return verdict
    notes = [note for note in (verdict.note, AS_FILMED) if note]
    return verdict.model_copy(update={"verdict": Mark.WARN, "note": "; ".join(notes)})


def _advised(verdict: Verdict, other: Choice | None) -> Verdict:
    if verdict.verdict not in _RED or verdict.check not in BY_MODEL:
        return verdict
    own = verdict.advice or "have it made again with another model"
    return verdict.model_copy(update={"advice": own + _named(other)})


def _named(other: Choice | None) -> str:
    """Say which model comes next and what it costs."""
    if other is None:
        return "; no other model took this pair, so try another sync mode, or allow a vendor"
    price = "a price nobody publishes" if other.price_usd is None else f"${other.price_usd}"
    return f", such as {other.model} ({other.vendor}) for {price}, or try another sync mode"
