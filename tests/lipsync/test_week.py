"""A week of an inbox: 2,016 looks while files arrive in pieces, change, move, vanish and rot."""

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any
from unicodedata import normalize

from lipsync.arrivals import Tick
from lipsync.errors import BudgetError, MediaError, VendorBusy
from tests.lipsync.inboxes import EVERY_S, START_S, Killed, Pair, Studio

WEEK = 7 * 24 * 12
DAY_S = 86_400.0
HOUR_S = 3_600.0
STEMS = (
    "Gespräch",
    "対談",
    "интервью",
    "مقابلة",
    "talk 🎬",
    "it's; $(a) talk",
    "a" * 60,
    "%03d",
    "-x",
)

Act = Callable[[], None]


@dataclass
class Week:
    """What the people around an inbox do in a week, and what must have come of it."""

    studio: Studio
    chance: random.Random
    wanted: set[Pair] = field(default_factory=set)
    poisoned: set[str] = field(default_factory=set)
    _plan: list[tuple[float, int, Act]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)

    def at(self, when_s: float, act: Act) -> None:
        heapq.heappush(self._plan, (when_s, next(self._order), act))

    def live(self, until_s: float) -> None:
        """Let everything happen that is due."""
        while self._plan and self._plan[0][0] <= until_s:
            self.studio.now_s, _, act = heapq.heappop(self._plan)
            act()
        self.studio.now_s = until_s

    def arrive(self, when_s: float, name: str, content: bytes) -> float:
        """Copy a file into the inbox, in one of the ways people do; returns when it is whole."""
        ways = ["at once", "in pieces", "part"]
        # A WAV of zeros is a whole one: nobody can know that it is not.
        how = self.chance.choice(ways if name.endswith(".wav") else [*ways, "preallocated"])
        path = self.studio.inbox / name
        if how == "at once":
            self.at(when_s, partial(self._write, path, content))
            return when_s
        cuts = sorted(self.chance.sample(range(1, len(content)), self.chance.randint(1, 6)))
        ends_s = [when_s + self.chance.uniform(1, 1500) for _ in [*cuts, len(content)]]
        ends_s.sort()
        on_its_way = path.with_name(f"{name}.part") if how == "part" else path
        for cut, then_s in zip([*cuts, len(content)], ends_s, strict=True):
            piece = content[:cut]
            if how == "preallocated":
                piece = piece.ljust(len(content), b"\0")
            self.at(then_s, partial(self._write, on_its_way, piece))
        if how == "part":
            self.at(ends_s[-1], partial(self._move, on_its_way, path))
        return ends_s[-1]

    def pair(self, when_s: float, stem: str, languages: tuple[str, ...] = ("de",)) -> None:
        """Bring a video and its voices; some days later all is cleared away."""
        video = self.studio.video()
        name = normalize(self.chance.choice(["NFC", "NFD"]), f"{stem}.mp4")
        self.arrive(when_s, name, video)
        for language in languages:
            voice = self.studio.voice()
            self.wanted.add(pair_of(video, voice))
            called = normalize(self.chance.choice(["NFC", "NFD"]), f"{stem}.{language}.wav")
            self.arrive(when_s + self.chance.uniform(-600, 1800), called, voice)
            self.at(when_s + 7 * HOUR_S, partial(self._remove, called))
        self.at(when_s + 7 * HOUR_S, partial(self._remove, name))

    def later(self, when_s: float, stem: str, act: str) -> None:
        """Do something to a pair that was dubbed hours ago."""
        names = [f"{stem}.mp4", f"{stem}.de.wav"]
        inbox = self.studio.inbox
        if act == "rename":
            for name in names:
                other = name.replace(stem, f"{stem} renamed")
                self.at(when_s, partial(self._move, inbox / name, inbox / other))
                self.at(when_s + 4 * HOUR_S, partial(self._remove, other))
        if act == "touch":
            for name in names:
                self.at(when_s, partial(self._touch, name))
        if act == "copy":
            for name in names:
                other = name.replace(stem, f"copy of {stem}")
                self.at(when_s, partial(self._copy, name, other))
                self.at(when_s + 4 * HOUR_S, partial(self._remove, other))
        if act == "replace":
            voice = self.studio.voice()
            self.at(when_s, partial(self._replaced, stem, voice))

    def _replaced(self, stem: str, voice: bytes) -> None:
        video = (self.studio.inbox / f"{stem}.mp4").read_bytes()
        self.wanted.add(pair_of(video, voice))
        self._write(self.studio.inbox / f"{stem}.de.wav", voice)

    def _write(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        self.studio.stamp(path)

    def _move(self, path: Path, to: Path) -> None:
        if path.exists():
            path.rename(to)

    def _copy(self, name: str, to: str) -> None:
        if (self.studio.inbox / name).exists():
            self._write(self.studio.inbox / to, (self.studio.inbox / name).read_bytes())

    def _touch(self, name: str) -> None:
        if (self.studio.inbox / name).exists():
            self.studio.stamp(self.studio.inbox / name)

    def _remove(self, name: str) -> None:
        (self.studio.inbox / name).unlink(missing_ok=True)


def pair_of(video: bytes, voice: bytes) -> Pair:
    return sha256(video).hexdigest(), sha256(voice).hexdigest()


def planned(studio: Studio, seed: int) -> Week:
    """Plan the week: some 20 pairs a day and their fates."""
    week = Week(studio, random.Random(seed))  # noqa: S311  no secret
    fates = ("rename", "touch", "copy", "replace", "", "")
    for number in range(140):
        when_s = START_S + 900 + number * (6.2 * DAY_S / 140)
        stem = f"{week.chance.choice(STEMS)} {number}"
        if number % 10 == 9:  # a file that will never be whole
            whole = studio.video()
            rot = week.chance.choice([whole[: len(whole) // 2], b"", b"<html>gone", b"PK\x03\x04"])
            week.at(when_s, partial(week._write, studio.inbox / f"{stem}.mp4", rot))
            week.arrive(when_s, f"{stem}.de.wav", studio.voice())
            week.poisoned.add(f"{stem}.mp4")
        elif number % 10 == 5:
            week.pair(when_s, stem, ("de", "fr", "pt-BR"))
        else:
            plain = f"talk {number}"  # of one Unicode form, to be found again
            week.pair(when_s, plain)
            week.later(when_s + 4 * HOUR_S, plain, week.chance.choice(fates))
    return week


class Weather:
    """What comes between the pairs and their dubs: full vendors, empty purses, poison, deaths."""

    def __init__(self, week: Week) -> None:
        self.week = week
        self.sick: set[Pair] = set()
        self._met: set[Pair] = set()

    def falls(self) -> None:
        """Let a few of the pairs that were not begun yet meet with something."""
        studio, chance = self.week.studio, self.week.chance
        for pair in sorted(self.week.wanted - self._met):
            self._met.add(pair)
            late: list[Any] = chance.choice(
                [[], [], [VendorBusy("503")] * 3, [BudgetError("over")] * 20]
            )
            died = [Killed()] if chance.random() < 0.05 else []
            sick = [MediaError("the voice is silent")] if chance.random() < 0.05 else []
            self.sick |= {pair} if sick else set()
            studio.fails[pair] = [*died, *late, *sick]


def look(studio: Studio) -> Tick | None:
    try:
        return studio.look(after_s=0)
    except Killed:
        return None


def test_in_a_week_everything_that_arrives_whole_is_dubbed_exactly_once(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    week = planned(studio, seed=1)
    weather = Weather(week)
    died = 0
    for number in range(1, WEEK + 1):
        week.live(START_S + number * EVERY_S)
        weather.falls()
        found = look(studio)
        died += found is None
        if number % 100 == 0:
            del studio.shop  # a new process
        for path in studio.outbox.iterdir():  # whoever waits for the dubs takes them away
            path.unlink()
    assert died > 2
    assert len(weather.sick) > 2
    assert set(studio.dubbed) == week.wanted - weather.sick
    assert set(studio.dubbed.values()) == {1}
    aside = [path.name for path in studio.aside.iterdir()]
    reasons = {name for name in aside if name.endswith(".reason.txt")}
    assert {f"{name}.reason.txt" for name in aside if name not in reasons} == reasons
    assert {name for name in aside if name.endswith(".mp4")} == week.poisoned
    assert len(reasons) == len(week.poisoned) + len(weather.sick)
