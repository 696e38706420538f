"""Jobs: what was accepted, where each stands, and the line they wait in.

Nothing runs here: a job is a few times on the vendor's clock, brought up to date whenever somebody
looks, so moving the clock on is all it takes to end it.
"""

import heapq
import math
import threading
from collections import Counter, deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from lipsync.emulator.clock import Clock
from lipsync.emulator.faults import Act, Fault

# When the clock says a job has ended and its file is still being made here, whoever asks waits
# this long in real time before hearing that it runs.
MAKING_S = 20.0
# A requeued job loses its runner in this part of its time.
REQUEUED = (0.3, 0.6)


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        status: HTTP status of its result.
        body: JSON of its result, or what is wrong with it.
        headers: Beside those every answer has.
        url: The link of the file.
        output_s: Length of the file.
        units: What the vendor bills, in units of its price.
        usd: What that costs; None where no price is published.
        error: What its status says, where it says anything.
        error_type: The same as one word.
        dub: Hash of what was ordered: the model, its arguments, the bytes of the pair.
    """

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    url: str | None = None
    output_s: float = 0.0
    units: Decimal = Decimal(0)
    usd: Decimal | None = Decimal(0)
    error: str | None = None
    error_type: str | None = None
    dub: str | None = None


class Phase(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(eq=False)
class Job:
    """One accepted request."""

    id: str
    vendor: str
    endpoint: str
    arguments: dict[str, Any]
    accepted_s: float
    runs_s: float
    made: "Future[Outcome]"
    faults: dict[Act, Fault] = field(default_factory=dict)
    start_by_s: float = math.inf
    stored: bool = True
    webhook: str | None = None
    started_s: float | None = None
    ends_s: float | None = None
    ended: bool = False
    stopped: Outcome | None = None
    calls: Counter[str] = field(default_factory=Counter)

    def phase(self, now_s: float) -> Phase:
        """Say where it stands; the line must be up to date."""
        if self.ended:
            return Phase.ENDED
        if self.started_s is None or self.ends_s is None:
            return Phase.QUEUED
        if Act.REQUEUE in self.faults:
            done = (now_s - self.started_s) / max(self.ends_s - self.started_s, 1e-9)
            if REQUEUED[0] <= done < REQUEUED[1]:
                return Phase.QUEUED
        return Phase.RUNNING

    def done_share(self, now_s: float) -> float:
        """How much of its time has passed."""
        if self.started_s is None or self.ends_s is None:
            return 0.0
        return min(1.0, (now_s - self.started_s) / max(self.ends_s - self.started_s, 1e-9))

    def outcome(self, wait_s: float = MAKING_S) -> Outcome | None:
        """How it ended; None while its file is still being made."""
        if self.stopped is not None:
            return self.stopped
        try:
            return self.made.result(wait_s)
        except NotYet:
            return None


class Line:
    """The jobs of one account at one vendor, and the slots they run in, first come first served."""

    def __init__(self, clock: Clock, slots: int) -> None:
        self._clock = clock
        self._free = [-math.inf] * slots
        self._running: list[tuple[float, int, Job]] = []
        self._waiting: deque[Job] = deque()
        self._stuck: deque[Job] = deque()
        self._entered = 0
        self._lock = threading.RLock()
        self.jobs: dict[str, Job] = {}

    def enter(self, job: Job) -> None:
        """Accept a job."""
        with self._lock:
            self.jobs[job.id] = job
            (self._stuck if Act.STUCK in job.faults else self._waiting).append(job)
            self.settle()

    def settle(self) -> float:
        """Bring every job to where it stands now.

        Returns:
            What time that is.
        """
        now_s = self._clock.now_s()
        with self._lock:
            while True:
                self._start()
                if not self._running or self._running[0][0] > now_s:
                    break
                ends_s, _, job = heapq.heappop(self._running)
                job.ended = True
                heapq.heappush(self._free, ends_s)
            self._expire(now_s)
        return now_s

    def position(self, job: Job) -> int:
        """How many wait before a job."""
        with self._lock:
            return self._waiting.index(job) if job in self._waiting else 0

    def all(self) -> list[Job]:
        """Every job that was accepted, up to date."""
        self.settle()
        with self._lock:
            return list(self.jobs.values())

    def stop(self, job: Job, outcome: Outcome) -> None:
        """End a job now, wherever it stands."""
        now_s = self.settle()
        with self._lock:
            if job.ended:
                return
            for queue in (self._waiting, self._stuck):
                if job in queue:
                    queue.remove(job)
            if any(row[2] is job for row in self._running):
                self._running = [row for row in self._running if row[2] is not job]
                heapq.heapify(self._running)
                heapq.heappush(self._free, now_s)
            job.ended, job.ends_s, job.stopped = True, now_s, outcome
            self.settle()

    def running(self) -> int:
        """How many run."""
        self.settle()
        with self._lock:
            return len(self._running)

    def waiting(self, endpoint: str) -> int:
        """How many wait at an endpoint."""
        self.settle()
        with self._lock:
            return sum(job.endpoint == endpoint for job in self._waiting)

    def _start(self) -> None:
        """Give free slots to those who wait."""
        while self._free and self._waiting:
            job = self._waiting[0]
            starts_s = max(job.accepted_s, self._free[0])
            self._waiting.popleft()
            if starts_s > job.start_by_s:
                _time_out(job)
                continue
            heapq.heappop(self._free)
            job.started_s, job.ends_s = starts_s, starts_s + job.runs_s
            self._entered += 1
            heapq.heappush(self._running, (job.ends_s, self._entered, job))

    def _expire(self, now_s: float) -> None:
        """End those that should have started by now, stuck ones too."""
        for job in [*self._waiting, *self._stuck]:
            if now_s > job.start_by_s:
                (self._stuck if job in self._stuck else self._waiting).remove(job)
                _time_out(job)


def _time_out(job: Job) -> None:
    """End a job that did not start by the time its client set (fal-protocol.md §3)."""
    detail = "User defined request timeout exceeded: the request did not start in time"
    job.ended, job.ends_s = True, job.start_by_s
    job.stopped = Outcome(
        status=504,
        body={"detail": detail, "error_type": "startup_timeout"},
        headers={
            "X-Fal-Request-Timeout-Type": "user",
            "X-Fal-Error-Type": "startup_timeout",
        },
        error=detail,
        error_type="startup_timeout",
    )
