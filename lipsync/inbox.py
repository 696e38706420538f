"""The inbox: what the files of a watched folder are at a look, and which pairs are dubbed now.

Nothing here looks at a disk or a clock. `lipsync.intake` does, and `lipsync.tick` puts both
together. What is remembered from look to look is a `Memory`; losing it costs a wait, never money.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

from pydantic import Field

from lipsync.errors import (
    BudgetError,
    LipsyncError,
    MediaError,
    OutcomeUnknown,
    StorageError,
)
from lipsync.values import Value

# Ours: a file may stand still at one look because its sender paused; at two it was not touched
# between them.
LOOKS = 2
# Ours: a pair that was being dubbed three times when its worker died, the last time alone, is
# what kills it (a decoder that crashes, a picture that takes all memory).
DEADLY = 3
# Ours: what a vendor refuses is tried again, for the account may have been mended; more and more
# rarely.
FIRST_PAUSE_S, LONGEST_PAUSE_S, GROWTH = 3_600.0, 86_400.0, 4


class Form(Value):
    """What the folder says of a file; writing to the file changes it."""

    size_bytes: int
    mtime_ns: int


class Sighting(Value):
    """Since when a file has looked as it looks now."""

    form: Form
    since_s: float = Field(description="By our own clock: a sender's may be wrong.")
    looks: int
    flaw: str | None = Field(default=None, description="Set aside in place: it cannot be moved.")


class Attempt(Value):
    """What became of a pair so far, as long as it is not done."""

    begun: int = 0
    ended: int = 0
    failed: int = Field(default=0, description="How often in a row it was refused.")
    last_s: float = 0.0
    output: str = Field(default="", description="Where its dub was to go.")
    said: str = ""

    @property
    def deaths(self) -> int:
        """How often nothing was heard of it again."""
        return self.begun - self.ended

    @property
    def is_deadly(self) -> bool:
        """Whether it has taken its worker with it too often."""
        return self.deaths >= DEADLY


class Memory(Value):
    """What is known of an inbox from earlier looks."""

    files: dict[str, Sighting] = Field(default_factory=dict, description="By name.")
    attempts: dict[str, Attempt] = Field(default_factory=dict, description="By the pair's key.")


class Became(StrEnum):
    """What became of a pair that was begun."""

    DUBBED = "dubbed"
    POISONED = "poisoned"  # a rerun changes nothing
    LATER = "later"  # the next look tries again
    FAILED = "failed"  # tried again after a pause


class Ended(Value):
    """How a pair ended."""

    became: Became
    said: str = ""
    output: Path | None = None


class Candidate(Value):
    """A pair that could be dubbed now."""

    key: str
    name: str
    since_s: float = Field(description="When the later of its files took its form.")


def looked(memory: Memory, seen: Mapping[str, Form], now_s: float) -> Memory:
    """Remember what a look at the folder saw; what is gone is forgotten."""
    files = {name: _sighted(memory.files.get(name), form, now_s) for name, form in seen.items()}
    return memory.model_copy(update={"files": files})


def _sighted(before: Sighting | None, form: Form, now_s: float) -> Sighting:
    if before is None or before.form != form:
        return Sighting(form=form, since_s=now_s, looks=1)
    # A clock that was set back must not make a file wait for years.
    since_s = min(before.since_s, now_s)
    return before.model_copy(update={"since_s": since_s, "looks": before.looks + 1})


def is_settled(sighting: Sighting, now_s: float, settle_s: float) -> bool:
    """Say whether a file has stood still for long enough, and between two looks.

    >>> form = Form(size_bytes=1, mtime_ns=1)
    >>> is_settled(Sighting(form=form, since_s=0, looks=2), 60, 60)
    True
    >>> is_settled(Sighting(form=form, since_s=0, looks=1), 60, 60)
    False
    """
    return sighting.looks >= LOOKS and now_s - sighting.since_s >= settle_s


def marked(memory: Memory, name: str, flaw: str) -> Memory:
    """Set a file aside where it lies, until it changes."""
    sighting = memory.files[name].model_copy(update={"flaw": flaw})
    return memory.model_copy(update={"files": memory.files | {name: sighting}})


def begun(memory: Memory, outputs: Mapping[str, str], now_s: float) -> Memory:
    """Write down that pairs are about to be dubbed, by their keys, and where to."""
    started = {
        key: _attempt(memory, key).model_copy(
            update={"begun": _attempt(memory, key).begun + 1, "last_s": now_s, "output": output}
        )
        for key, output in outputs.items()
    }
    return memory.model_copy(update={"attempts": memory.attempts | started})


def ended(memory: Memory, key: str, how: Ended) -> Memory:
    """Write down what became of a pair; of one that needs no other attempt nothing is kept."""
    others = {name: one for name, one in memory.attempts.items() if name != key}
    if how.became in {Became.LATER, Became.FAILED}:
        one = memory.attempts[key]
        failed = one.failed + 1 if how.became is Became.FAILED else 0
        change = {"ended": one.begun, "failed": failed, "said": how.said}
        others[key] = one.model_copy(update=change)
    return memory.model_copy(update={"attempts": others})


def forgotten(memory: Memory, here: Iterable[str]) -> Memory:
    """Forget the attempts of pairs that are not here any more."""
    kept = {key: memory.attempts[key] for key in here if key in memory.attempts}
    return memory.model_copy(update={"attempts": kept})


def chosen(waiting: Iterable[Candidate], memory: Memory, now_s: float, most: int) -> list[str]:
    """Choose which pairs are dubbed at this look.

    New ones first, in the order they came; then those that waited longest since their last try. A
    pair whose worker died is tried alone, when nothing new is waiting: it must not take others
    with it.

    Returns:
        Their keys.
    """
    due = sorted(
        (one for one in waiting if _is_due(_attempt(memory, one.key), now_s)),
        key=lambda one: (_attempt(memory, one.key).last_s, one.since_s, one.name),
    )
    suspects = [one.key for one in due if _attempt(memory, one.key).deaths]
    healthy = [one.key for one in due if not _attempt(memory, one.key).deaths]
    if suspects and not any(key not in memory.attempts for key in healthy):
        return suspects[:1]
    return healthy[:most]


def left_by(error: BaseException) -> Ended:
    """Say what it means for a pair that all of its look ended early."""
    if isinstance(error, LipsyncError):
        return Ended(became=Became.LATER, said=str(error))
    if not isinstance(error, Exception):
        return Ended(became=Became.LATER, said="the look was interrupted")
    return ended_by(error)


def _attempt(memory: Memory, key: str) -> Attempt:
    return memory.attempts.get(key, Attempt())


def _is_due(attempt: Attempt, now_s: float) -> bool:
    return not attempt.failed or now_s >= attempt.last_s + pause_s(attempt.failed)


def pause_s(failed: int) -> float:
    """Say how long a pair rests after it was refused so many times in a row.

    >>> [pause_s(times) / 3600 for times in (1, 2, 3, 9)]
    [1.0, 4.0, 16.0, 24.0]
    """
    return float(min(FIRST_PAUSE_S * GROWTH ** (failed - 1), LONGEST_PAUSE_S))


def ended_by(error: BaseException) -> Ended:
    """Say what an error means for the pair it ended.

    A wrong file stays wrong. What lacks money, room, a free vendor or a person's look is tried
    again at once; what was refused may have been refused for the account's sake, and rests. So
    does what met a mistake of ours: it says nothing against the file.
    """
    if not isinstance(error, LipsyncError):
        return Ended(became=Became.FAILED, said=f"{type(error).__name__}, a mistake of ours")
    if isinstance(error, MediaError):
        return Ended(became=Became.POISONED, said=str(error))
    patient = isinstance(error, BudgetError | StorageError | OutcomeUnknown) or error.retryable
    return Ended(became=Became.LATER if patient else Became.FAILED, said=str(error))
