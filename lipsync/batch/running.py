"""Running: the rows of a batch through the crews, the vendors and back; knows no orchestrator.

One thread decides, the others work. A row is prepared by an encoder, uploaded by a courier, waits
for its place at the vendor in a lane, is bought by a clerk, is awaited without a thread, fetched
by a courier and completed by an encoder. What each step needs is with its `Work`; what comes next
is decided here, in the thread that runs the batch.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from lipsync.aside import Helpers
from lipsync.awaiting import Awaiter
from lipsync.batch.board import Board, Phase
from lipsync.batch.crew import Crew, Rank
from lipsync.batch.desk import Desk
from lipsync.batch.events import TRIES, Event, Later, Then, pause_s
from lipsync.batch.helping import helped, spare
from lipsync.batch.lanes import Lane
from lipsync.batch.limits import Limits
from lipsync.batch.loading import spared
from lipsync.batch.outcome import BatchOutcome
from lipsync.batch.plan import PlanRow
from lipsync.batch.rush import ASKED_S, PATIENT_S, Rush
from lipsync.batch.work import Work
from lipsync.errors import LipsyncError, VendorBusy, VendorError
from lipsync.manifest import Row
from lipsync.report import DubReport
from lipsync.tickets import LineFull, Ticket
from lipsync.vendors.protocol import Progress

log = logging.getLogger(__name__)

# Ours: how often somebody who watches is told, and the longest the batch sleeps.
TELL_EVERY_S = 0.25

# Ours: requests that buy, and entries in the ledger, never wait for a transfer to end.
CLERKS = 16

# Ours: of two small uploads side by side either may be over first.
GRACE_S = 0.25

# Ours: a machine that cannot keep up with its vendors buys no more before it has finished some;
# each row that waits holds a few dozen KB.
MOST_BACK = 400

# What ranks first in a crew: whatever is nearest to its end.
FINISH, FETCH, UPLOAD, PREPARE, SOUND = range(5)

Watch = Callable[[Board], None]


class BatchInterrupted(KeyboardInterrupt):
    """Ctrl-C, with what became of every row until then."""

    def __init__(self, outcome: BatchOutcome) -> None:
        super().__init__("interrupted")
        self.outcome = outcome


def run_batch(
    desk: Desk,
    rows: Sequence[tuple[Row, PlanRow]],
    limits: Limits,
    board: Board,
    watch: Watch = lambda _board: None,
) -> BatchOutcome:
    """Dub the rows of a batch, each bought once; one that fails stops no other.

    Args:
        desk: What they are worked on with.
        rows: What is wanted, and how it was planned.
        limits: How much happens at a time.
        board: Where every row is written down; it knows all of them.
        watch: Shown the board now and then, in the thread that called.

    Raises:
        BatchInterrupted: Ctrl-C; nothing new was sent after it, and what is at the vendors is left
            there.
    """
    desk.open()
    runner = _Runner(desk, limits, board, watch)
    helping = helped(desk.shop, len(rows), limits.encoders)
    with spared(), helping as helpers, runner.crews(helpers, spare(len(rows))):
        runner.run([Work(desk, row, plan) for row, plan in rows])
    return board.outcome()


class _Runner:
    """The one thread that decides."""

    def __init__(self, desk: Desk, limits: Limits, board: Board, watch: Watch) -> None:
        self._desk, self._limits, self._board, self._watch = desk, limits, board, watch
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._lanes: dict[str, Lane] = {}
        self._waiting: list[Work] = []
        self._left: dict[int, Work] = {}
        self._later: list[Later] = []
        self._told_s = 0.0
        self._rush = Rush()
        self._coming: dict[int, tuple[Work, float]] = {}  # being uploaded, since when
        self._unheard: list[tuple[Lane, Work]] = []
        self._unheard_s = 0.0
        self._made_there: list[Work] = []
        self._brought_here: list[Work] = []
        self._awaited: dict[int, Work] = {}  # of these nothing is prepared for the end yet

    @contextmanager
    def crews(self, helpers: Helpers, spare: int) -> Iterator[None]:
        """Have the threads for as long as the block runs, and leave nothing behind."""
        patience_s = self._limits.patience_s
        with (
            Crew(self._limits.encoders, "encoder", spare) as self._encoders,
            Crew(self._limits.couriers, "courier") as self._couriers,
            Crew(CLERKS, "clerk") as self._clerks,
            Awaiter(self._desk.vendor, self._heard, patience_s=patience_s) as self._awaiter,
        ):
            try:
                yield
            except BaseException as error:
                helpers.stop()
                self._stop()
                if isinstance(error, KeyboardInterrupt):
                    raise BatchInterrupted(self._board.outcome()) from error
                raise
            finally:
                self._watch(self._board)

    def run(self, works: Sequence[Work]) -> None:
        """Take every row to its end."""
        self._waiting = sorted(works, key=lambda work: work.rank, reverse=True)
        self._left = {work.row.line: work for work in works}
        while self._board.open:
            self._admit()
            self._send()
            rushed = self._is_rushed
            self._listen(rushed=rushed)
            if not rushed:
                self._complete()
            self._next()
            self._tell()

    def _admit(self) -> None:
        """Begin as many rows as keep the crews busy and the vendors supplied, and no more.

        In a rush only those are begun that have a place waiting for them: the first purchases of a
        batch would share this machine with the preparing of the next.
        """
        room = self._limits.ahead(set(self._lanes))
        if self._is_rushed:
            room = min(room, sum(lane.free for lane in self._lanes.values()))
        if self._board.count(Phase.BACK) >= MOST_BACK:
            return
        while self._waiting and self._board.count(Phase.WORKING, Phase.READY) < room:
            work = self._waiting.pop()
            self._board.at(work.plan, Phase.WORKING)
            self._do(self._encoders, (PREPARE, *work.rank), work, work.prepare, self._prepared)

    def _do(  # noqa: PLR0913  who does what for whom, and what comes then
        self,
        crew: Crew,
        rank: Rank,
        work: Work,
        step: Callable[[], object],
        then: Then,
        *,
        light: bool = False,
    ) -> None:
        """Have a crew take a row's next step."""

        def over(future: "Future[Any]") -> None:
            self._events.put(Event(work, then, future, crew))

        crew.put(rank, step, over, light=light)

    @property
    def _is_rushed(self) -> bool:
        """Whether a purchase has need of this machine now, or will in a moment."""
        now_s = time.monotonic()
        queued = self._clerks.queued + sum(lane.is_open for lane in self._lanes.values())
        if self._waiting or any(lane.ready for lane in self._lanes.values()):
            return self._rush.is_on(now_s, queued)
        return self._rush.is_buying(now_s, queued)

    def _next(self) -> None:
        """Wait for a step that is over, or for one that is to be tried again."""
        now_s = time.monotonic()
        due = [one for one in self._later if one.due_s <= now_s]
        self._later = [one for one in self._later if one.due_s > now_s]
        for one in due:
            one.step(one.work)
        held = any(lane.is_open for lane in self._lanes.values())
        try:
            event = self._events.get(timeout=0 if due else ASKED_S if held else TELL_EVERY_S)
            while True:
                self._take(event)
                event = self._events.get_nowait()
        except Empty:
            return

    def _take(self, event: Event) -> None:
        if event.crew is not None:
            event.crew.freed()
        event.then(event.work, event.future)

    def _tell(self) -> None:
        """Show the board to whoever watches, now and then."""
        now_s = time.monotonic()
        if now_s - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            self._watch(self._board)

    def _prepared(self, work: Work, future: "Future[Any]") -> None:
        if self._went_well(work, future):
            self._upload(work)

    def _upload(self, work: Work) -> None:
        rank = (UPLOAD, *work.rank)
        self._coming[work.row.line] = work, time.monotonic()
        self._do(self._couriers, rank, work, work.upload, self._uploaded)

    def _uploaded(self, work: Work, future: "Future[Any]") -> None:
        del self._coming[work.row.line]
        if self._went_well(work, future, again=self._upload):
            self._line_up(work)

    def _line_up(self, work: Work) -> None:
        self._board.at(work.plan, Phase.READY)
        self._lane(work).put(work)

    def _lane(self, work: Work) -> Lane:
        vendor = work.vendor
        if vendor not in self._lanes:
            account = self._limits.account.get(vendor)
            own = [limit for limit in (self._limits.in_flight, account) if limit is not None]
            self._lanes[vendor] = Lane(vendor, own=min(own, default=None), account=account)
        return self._lanes[vendor]

    def _send(self) -> None:
        """Give every free place to the row that is next for it, a few at a time."""
        now_s = time.monotonic()
        for lane in self._lanes.values():
            while lane.is_open and self._rush.has_room(now_s) and not self._is_overtaking(lane):
                full = lane.account is not None and (
                    lane.full or self._desk.shop.ledger.in_flight(lane.vendor) >= lane.account
                )
                lane.full, lane.queues = False, full
                work = lane.next()
                self._board.at(work.plan, Phase.BUYING)
                self._rush.buying(work.row.line, now_s)
                buy = partial(work.buy, lane.account, wait=full)
                then = partial(self._bought, lane)
                self._do(self._clerks, work.rank, work, buy, then)

    def _is_overtaking(self, lane: Lane) -> bool:
        """Whether what is next would take the place of a row of higher priority on its way.

        That is waited for, but no longer than a small upload takes.
        """
        late_s, wanted = time.monotonic() - GRACE_S, lane.first[:2]
        return any(
            work.vendor == lane.vendor and work.rank[:2] < wanted and since_s > late_s
            for work, since_s in self._coming.values()
        )

    def _bought(self, lane: Lane, work: Work, future: "Future[Any]") -> None:
        self._rush.bought(work.row.line)
        lane.queues = False
        if isinstance(future.exception(), LineFull):  # others were faster: queue with them
            lane.full = True
            lane.left(work)
            self._line_up(work)
            return
        if not self._went_well(work, future, again=self._line_up, lane=lane):
            return
        assert work.ticket is not None
        self._board.bought(work.plan, work.ticket, work.spent)
        if not work.is_awaited:
            lane.left(work)
            self._bring(work)
            return
        self._board.at(work.plan, Phase.AT_VENDOR)
        self._awaited[work.row.line] = work
        if not self._unheard:
            self._unheard_s = time.monotonic()
        self._unheard.append((lane, work))

    def _listen(self, *, rushed: bool) -> None:
        """Begin to follow what was bought: hardly a job ends within the rush in which it was."""
        if rushed and time.monotonic() - self._unheard_s < PATIENT_S:
            return
        for lane, work in self._unheard:
            assert work.ticket is not None
            waited = self._awaiter.wait_for(work.ticket)
            waited.add_done_callback(partial(self._heard_of, lane, work))
        self._unheard.clear()

    def _heard_of(self, lane: Lane, work: Work, future: "Future[Progress]") -> None:
        """Have it taken note of that a job has ended, in the thread that awaits."""
        self._events.put(Event(work, partial(self._ended, lane), future))

    def _ended(self, lane: Lane, work: Work, future: "Future[Progress]") -> None:
        self._rush.ended(time.monotonic())
        self._awaited.pop(work.row.line, None)
        if future.cancelled() or not self._went_well(work, future, lane=lane):
            return
        end = partial(work.end, future.result())
        self._do(self._clerks, work.rank, work, end, partial(self._written, lane))

    def _written(self, lane: Lane, work: Work, future: "Future[Any]") -> None:
        if self._went_well(work, future, lane=lane):
            lane.left(work)
            self._bring(work)

    def _bring(self, work: Work) -> None:
        self._board.at(work.plan, Phase.BACK)
        self._made_there.append(work)

    def _fetch(self, work: Work) -> None:
        """Fetch by a courier; what is rendered here takes an encoder."""
        here = self._desk.vendor(work.vendor).replayable
        crew = self._encoders if here else self._couriers
        self._do(crew, (FETCH, *work.rank), work, work.bring, self._brought)

    def _brought(self, work: Work, future: "Future[Any]") -> None:
        if self._went_well(work, future, again=self._bring):
            self._brought_here.append(work)

    def _complete(self) -> None:
        """Fetch what is made, complete what is here and get ready for what is not yet.

        Not in a rush: a dub that is ready can wait for the moment in which the next one is bought.
        """
        for work in self._made_there:
            self._fetch(work)
        self._made_there.clear()
        while self._brought_here and self._encoders.has_room(light=True):
            work = self._brought_here.pop(0)
            rank = (FINISH, *work.rank)
            self._do(self._encoders, rank, work, work.complete, self._completed, light=True)
        while self._awaited and self._encoders.has_room():
            work = self._awaited.pop(next(iter(self._awaited)))
            self._do(self._encoders, (SOUND, *work.rank), work, work.sound, self._sounded)

    def _sounded(self, work: Work, future: "Future[Any]") -> None:
        """Take no note of it: the row is at its vendor, and completed whether or not this went."""

    def _completed(self, work: Work, future: "Future[DubReport]") -> None:
        if self._went_well(work, future):
            self._left.pop(work.row.line)
            self._board.delivered(work.plan, future.result(), work.spent)

    def _went_well(
        self,
        work: Work,
        future: "Future[Any]",
        again: Callable[[Work], None] | None = None,
        lane: Lane | None = None,
    ) -> bool:
        """Say whether a step succeeded; if not, see to it that the row goes on or ends."""
        error = future.exception()
        if error is None:
            work.tries = 0
            return True
        if lane is not None:
            lane.left(work)
        if isinstance(error, VendorBusy) and again is not None and work.tries < TRIES:
            self._try_later(work, again)
        elif isinstance(error, VendorError) and work.next_choice(error):
            log.warning("%s goes to %s: %s", work.journal.label, work.choices[0].model.id, error)
            self._board.at(work.plan, Phase.WORKING)
            self._upload(work)
        else:
            self._fail(work, error)
        return False

    def _try_later(self, work: Work, again: Callable[[Work], None]) -> None:
        self._later.append(Later(time.monotonic() + pause_s(work.tries), work, again))
        work.tries += 1

    def _fail(self, work: Work, error: BaseException) -> None:
        if not isinstance(error, LipsyncError):
            log.error("%s met a mistake of ours", work.journal.label, exc_info=error)
        self._left.pop(work.row.line)
        self._board.failed(work.plan, error, work.now(), work.spent)

    def _heard(self, ticket: Ticket, progress: Progress) -> None:
        """Take note of what a vendor says, in the thread that awaits."""
        self._board.heard(ticket, progress.state)

    def _stop(self) -> None:
        """Begin nothing more, wait for what cannot be left halfway, and write down the rest."""
        for crew in (self._clerks, self._couriers, self._encoders):
            crew.stop()
        self._awaiter.close()
        while not self._events.empty():
            event = self._events.get()
            if event.then == self._completed and not event.future.cancelled():
                self._completed(event.work, event.future)
        for work in self._left.values():
            self._board.left(work.plan, work.now(), work.spent)
