"""The line: the slots of an account, and the jobs that wait for one.

Nothing runs here: a job is a few times on the vendor's clock, brought up to date whenever somebody
looks, so moving the clock on is all it takes to end it.
"""

import heapq
import math
import threading
from collections import deque

from lipsync.emulator.clock import Clock
from lipsync.emulator.faults import Act
from lipsync.emulator.jobs import Job, Outcome


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
