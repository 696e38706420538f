"""Jobs: what was accepted, where each stands, and how it ended."""

import math
from collections import Counter
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from lipsync.emulator.faults import Act, Fault

# With a clock that stands still, a job has ended when the clock says so: whoever asks while its
# file is still being made here waits for it, this long in real time.
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
    """One accepted request.

    Attributes:
        runs_s: How long it runs once it has started.
        made: How it ends unless it is stopped.
        patience_s: How long in real time whoever asks waits for `made`; 0 with a running clock.
        start_by_s: When it ends if it has not started.
        stored: Whether its JSON is kept for the long time.
        started_s: When it got a slot,
        ends_s: and when it gives it back; both on the vendor's clock.
        stopped: How it ended before its time.
        calls: Requests about it, by route.
    """

    id: str
    vendor: str
    endpoint: str
    arguments: dict[str, Any]
    accepted_s: float
    runs_s: float
    made: "Future[Outcome]"
    faults: dict[Act, Fault] = field(default_factory=dict)
    start_by_s: float = math.inf
    patience_s: float = MAKING_S
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

    def outcome(self) -> Outcome | None:
        """How it ended; None while its file is still being made."""
        if self.stopped is not None:
            return self.stopped
        try:
            return self.made.result(self.patience_s)
        except NotYet:
            return None
