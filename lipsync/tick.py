"""A tick: one look at an inbox, from what lies there to what was dubbed.

Killed at any point, the next tick goes on: what is done is written down pair by pair, what was
begun is in the memory, and a dub that is in the outbox already is found there.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Protocol

from lipsync import inbox
from lipsync.arrivals import Line, LineState, Tick, blamed, line
from lipsync.destination import Wanted, check_whole, is_preview, is_there, wanted
from lipsync.errors import MediaError
from lipsync.inbox import Attempt, Became, Candidate, Ended
from lipsync.intake import Contents, Done, Intake
from lipsync.pairing import Match, pairing
from lipsync.watch_params import WatchParams
from lipsync.workshop import Workshop

log = logging.getLogger(__name__)

# Ours: writing down how a pair ended costs as much as all that is remembered. A killed look forgets
# so much of that, and takes those pairs for suspects once; what is dubbed is written at once.
SAVE_EVERY_S = 5.0

Told = Callable[[str, Ended], None]


class Dubbing(Protocol):
    """Dubs pairs."""

    def __call__(self, pairs: tuple[Wanted, ...], told: Told) -> None:
        """Dub them, and tell of each by its key how it ended, from any thread."""


def tick(
    shop: Workshop, params: WatchParams, dub: Dubbing, clock: Callable[[], float] = time.time
) -> Tick:
    """Look at an inbox once, and dub what is new and whole.

    Args:
        shop: Whose home remembers.
        params: The folders, and how to dub.
        dub: Dubs the pairs that are due.
        clock: Says what time it is, in seconds since the epoch.

    Raises:
        UsageError: A folder is missing, or there is no such model.
        StorageError: Home, the inbox or the outbox cannot be read or written.
    """
    preview = is_preview(shop, params)
    intake = Intake(shop.store, params.inbox, params.outbox)
    with intake.to_myself() as mine:
        if not mine:
            return Tick(busy=True)
        look = _Look(shop, params, intake, clock(), preview=preview)
        look.around()
        look.dub(dub)
        return Tick(lines=tuple(look.lines.values()), notes=look.notes)


class _Look:
    """What is found at one look, and what becomes of it."""

    def __init__(
        self, shop: Workshop, params: WatchParams, intake: Intake, now_s: float, *, preview: bool
    ) -> None:
        self.lines: dict[str, Line] = {}
        self.notes: tuple[str, ...] = ()
        self._shop, self._params, self._intake, self._now_s = shop, params, intake, now_s
        self._memory = intake.memory()
        self._waiting: dict[str, Wanted] = {}
        self._turn, self._saved_s, self._preview = Lock(), 0.0, preview

    def around(self) -> None:
        """See what lies there, and sort it."""
        files = self._intake.seen()
        self._memory = inbox.looked(self._memory, files, self._now_s)
        found = pairing(files)
        self.notes = tuple(f"{stray.name}: {stray.reason}" for stray in found.strays)
        for match in found.matches:
            self.lines[match.voice] = self._sorted(match)
        self._memory = inbox.forgotten(self._memory, self._waiting)
        self._save()

    def dub(self, dub: Dubbing) -> None:
        """Dub what is due, and write down what becomes of each."""
        waiting = [self._candidate(one) for one in self._waiting.values()]
        keys = inbox.chosen(waiting, self._memory, self._now_s, self._params.max_per_tick)
        if not keys:
            return
        pairs = tuple(self._waiting[key] for key in keys)
        outputs = {one.key: str(one.output) for one in pairs}
        self._memory = inbox.begun(self._memory, outputs, self._now_s)
        self._save()
        with self._parting(keys):
            dub(pairs, self._told)

    def _sorted(self, match: Match) -> Line:
        """Say what a pair is at this look; one that could be dubbed waits for its turn."""
        files = self._memory.files
        for name in (match.video, match.voice):
            if (flaw := files[name].flaw) is not None:  # set aside, but could not be moved
                return line(match, LineState.SET_ASIDE, flaw)
            if not inbox.is_settled(files[name], self._now_s, self._params.settle_s):
                return line(match, LineState.ARRIVING, f"{name} may still be written")
        try:
            return self._known(match, self._intake.contents(match))
        except MediaError as error:
            return self._broken(match, str(error))

    def _known(self, match: Match, contents: Contents) -> Line:
        """Sort a pair by its bytes.

        Raises:
            MediaError: A file is not whole.
        """
        if (done := self._intake.done(contents)) is not None:
            return line(match, LineState.DONE, done.said, done.output)
        if (twin := self._waiting.get(contents.key)) is not None:
            return line(match, LineState.SAME, f"its bytes are those of {twin.match.voice}")
        attempt = self._memory.attempts.get(contents.key, Attempt())
        if attempt.is_deadly:
            why = f"its worker died {attempt.deaths} times while it was dubbed"
            return self._set_aside(match, match.voice, f"{match.voice}: {why}")
        pair = self._wanted(match, contents, attempt)
        if is_there(self._shop, pair.params, pair.output):
            return self._delivered(pair, "")
        check_whole(self._shop, contents)
        self._waiting[contents.key] = pair
        return line(match, LineState.WAITING, attempt.said)

    def _wanted(self, match: Match, contents: Contents, attempt: Attempt) -> Wanted:
        preview = self._preview
        return wanted(self._shop, self._params, match, contents, attempt, preview=preview)

    def _broken(self, match: Match, why: str) -> Line:
        """A file that does not open may be on its way; not for ever."""
        name = blamed(match, self._intake.inbox, why)
        standing_s = self._now_s - self._memory.files[name].since_s
        gone = not (self._intake.inbox / name).exists()
        if gone or standing_s < self._params.set_aside_after_s:
            return line(match, LineState.ARRIVING, why)
        return self._set_aside(match, name, why)

    def _set_aside(self, match: Match, name: str, why: str) -> Line:
        """Put a file out of the way; where that cannot be, remember not to look at it again."""
        if not self._intake.set_aside(name, why):
            self._memory = inbox.marked(self._memory, name, why)
        log.warning("%s is set aside: %s", name, why)
        return line(match, LineState.SET_ASIDE, why)

    def _candidate(self, one: Wanted) -> Candidate:
        sides = (self._memory.files[name] for name in (one.match.video, one.match.voice))
        since_s = max(side.since_s for side in sides)
        return Candidate(key=one.key, name=one.match.voice, since_s=since_s)

    def _told(self, key: str, how: Ended) -> None:
        """Write down how a pair ended, before the next is heard of."""
        with self._turn:
            pair = self._waiting[key]
            self.lines[pair.match.voice] = self._written(pair, how)
            self._memory = inbox.ended(self._memory, key, how)
            if time.monotonic() - self._saved_s >= SAVE_EVERY_S:
                self._save()

    def _save(self) -> None:
        self._intake.remember(self._memory)
        self._saved_s = time.monotonic()

    def _written(self, pair: Wanted, how: Ended) -> Line:
        if how.became is Became.DUBBED:
            return self._delivered(pair, how.said)
        if how.became is Became.POISONED and not self._has_changed(pair):
            name = blamed(pair.match, self._intake.inbox, how.said)
            return self._set_aside(pair.match, name, how.said)
        state = LineState.FAILED if how.became is Became.FAILED else LineState.WAITING
        return line(pair.match, state, how.said)

    def _has_changed(self, pair: Wanted) -> bool:
        """Say whether a file is another than the one that was dubbed: it says nothing of this."""
        names = (pair.match.video, pair.match.voice)
        return any(self._intake.form(name) != self._memory.files[name].form for name in names)

    def _delivered(self, pair: Wanted, said: str) -> Line:
        """Write down for good that a pair is dubbed."""
        names = {"video": pair.match.video, "voice": pair.match.voice}
        done = Done(**names, output=pair.output, said=said, at_s=self._now_s)
        self._intake.write_done(pair.contents, done)
        return line(pair.match, LineState.DUBBED, said, pair.output)

    @contextmanager
    def _parting(self, keys: Iterable[str]) -> Iterator[None]:
        """Remember what became of the pairs, also of those that were left when a look ended early.

        Only a process that dies leaves pairs of which nothing is known: those are suspects.
        """
        try:
            yield
        except BaseException as error:
            attempts = self._memory.attempts
            for key in [one for one in keys if one in attempts and attempts[one].deaths]:
                self._told(key, inbox.left_by(error))
            raise
        finally:
            self._save()
