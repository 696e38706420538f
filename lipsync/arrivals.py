"""Arrivals: what is said of each pair of an inbox after a look."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from pydantic import Field

from lipsync.pairing import Match
from lipsync.values import Value


def output_name(match: Match, *, preview: bool, tag: str = "") -> str:
    """Name the dub of a pair, with a tag where that name is another's.

    >>> match = Match(video="a.mov", voice="a.de.wav", language="de")
    >>> output_name(match, preview=False), output_name(match, preview=True, tag="3f")
    ('a.de.dub.mp4', 'a.de.3f.preview.mp4')
    """
    words = (Path(match.video).stem, match.language, tag, "preview" if preview else "dub")
    return f"{'.'.join(word for word in words if word)}.mp4"


class LineState(StrEnum):
    """What a pair is at a look."""

    DUBBED = "dubbed"
    DONE = "done before"
    SAME = "the same as another"
    ARRIVING = "arriving"
    WAITING = "waiting"
    FAILED = "failed"
    SET_ASIDE = "set aside"


class Line(Value):
    """One pair at one look."""

    video: str
    voice: str
    language: str
    state: LineState
    said: str = ""
    output: Path | None = None


class Tick(Value):
    """What one look at an inbox found and did."""

    busy: bool = Field(default=False, description="Another look was still at work; nothing done.")
    lines: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()

    def count(self, state: LineState) -> int:
        """Count the pairs in a state."""
        return sum(line.state is state for line in self.lines)


def line(match: Match, state: LineState, said: str = "", output: Path | None = None) -> Line:
    """Say what a pair is."""
    return Line(**match.model_dump(), state=state, said=said, output=output)


def blamed(match: Match, folder: Path, said: str) -> str:
    """Say which file an error is about: it begins with its path; the voice, where it is about both.

    A video without its voice can still be dubbed with others; so the voice is the one that goes.
    """
    return match.video if said.startswith(f"{folder / match.video}:") else match.voice


def in_words(tick: Tick) -> str:
    """Sum a look up in a line.

    >>> in_words(Tick(busy=True))
    'an earlier look is still at work'
    >>> in_words(Tick())
    'nothing lies there'
    """
    if tick.busy:
        return "an earlier look is still at work"
    counts = ((tick.count(state), state.value) for state in LineState)
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "nothing lies there"


def rows(lines: Iterable[Line]) -> list[dict[str, str]]:
    """Lay out as rows of a table what is not long done."""
    return [
        {
            "video": one.video,
            "voice": one.voice,
            "language": one.language,
            "state": one.state.value,
            "because": one.said,
            "output": "" if one.output is None else str(one.output),
        }
        for one in lines
        if one.state is not LineState.DONE
    ]
