"""An inbox on a real disk with a clock that is set, and a stand-in for the dubbing itself."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import count
from pathlib import Path
from typing import Any

from lipsync.arrivals import Line, LineState, Tick
from lipsync.destination import Wanted
from lipsync.errors import LipsyncError
from lipsync.home import Home
from lipsync.inbox import Became, Ended, ended_by
from lipsync.store import hash_file
from lipsync.tick import Told, tick
from lipsync.watch_params import SET_ASIDE, WatchParams
from lipsync.workshop import Workshop
from tests.clips import make_clip, speech, write_wav

EVERY_S = 300.0
# 2026-11-01 00:00 UTC: long before the files of a test are really written.
START_S = 1_793_491_200.0

Pair = tuple[str, str]


@cache
def clip_bytes(folder: Path) -> bytes:
    """Encode one tiny clip."""
    return make_clip(folder / "clip.mp4", frames=10).read_bytes()


class Killed(BaseException):
    """As kill -9: what was on the disk at that moment is all that is left."""


@dataclass
class Studio:
    """An inbox, an outbox, and what was dubbed out of one and into the other."""

    root: Path
    now_s: float = START_S
    dubbed: Counter[Pair] = field(default_factory=Counter)
    begun: Counter[Pair] = field(default_factory=Counter)
    fails: dict[Pair, list[LipsyncError | BaseException]] = field(default_factory=dict)
    wishes: dict[str, Any] = field(default_factory=dict)
    _when_killed: dict[Path, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        for folder in (self.inbox, self.outbox, self.root / "made"):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def outbox(self) -> Path:
        return self.root / "outbox"

    @property
    def aside(self) -> Path:
        return self.inbox / SET_ASIDE

    @cached_property
    def shop(self) -> Workshop:
        return Workshop(Home(self.root / "home"))

    def video(self) -> bytes:
        """A video nobody has seen before: an empty box at its end carries a number."""
        number = next(self._numbers).to_bytes(8)
        return clip_bytes(self.root / "made") + (16).to_bytes(4) + b"free" + number

    def voice(self) -> bytes:
        """A voice nobody has heard before."""
        sound = speech(0.4).copy()
        sound[0] = next(self._numbers) / 32767
        return write_wav(self.root / "made" / "voice.wav", sound).read_bytes()

    def put(self, name: str, content: bytes) -> Path:
        """Write a file at once, as of now."""
        path = self.inbox / name
        path.write_bytes(content)
        return self.stamp(path)

    def stamp(self, path: Path) -> Path:
        """Have a file changed at the time of this studio, not of the machine."""
        os.utime(path, (self.now_s, self.now_s))
        return path

    def look(self, *, after_s: float = EVERY_S, **wishes: Any) -> Tick:
        """Let time pass, then look."""
        self.now_s += after_s
        try:
            return tick(self.shop, self.params(**wishes), self.dub, lambda: self.now_s)
        except Killed:
            for path, text in self._when_killed.items():
                path.write_text(text)
            del self.shop
            raise

    def params(self, **wishes: Any) -> WatchParams:
        return WatchParams(inbox=self.inbox, outbox=self.outbox, **(self.wishes | wishes))

    def looks(self, times: int, **wishes: Any) -> Tick:
        """Look so many times; returns the last."""
        for _ in range(times - 1):
            self.look(**wishes)
        return self.look(**wishes)

    def dub(self, pairs: tuple[Wanted, ...], told: Told) -> None:
        """Stand in for the stages: what they would be given is written down."""
        for one in pairs:
            pair = (hash_file(one.params.video), hash_file(one.params.voice))
            self.begun[pair] += 1
            if self.fails.get(pair):
                error = self.fails[pair].pop(0)
                if isinstance(error, Killed):
                    memories = (self.root / "home" / "watch").glob("*.json")
                    self._when_killed = {path: path.read_text() for path in memories}
                if not isinstance(error, LipsyncError):
                    raise error
                told(one.key, ended_by(error))
                continue
            self.dubbed[pair] += 1
            assert one.params.output is not None
            assert one.params.overwrite or not one.params.output.exists()
            one.params.output.write_text(" ".join(pair))
            told(one.key, Ended(became=Became.DUBBED))


def of(found: Tick, voice: str) -> Line:
    """Return what a tick says of a voice."""
    (line,) = [line for line in found.lines if line.voice == voice]
    return line


def states(found: Tick) -> dict[str, LineState]:
    """Return the state of every pair, by its voice."""
    return {line.voice: line.state for line in found.lines}
