"""Faults: what goes wrong, where, and how often."""

import fnmatch
import random
import threading
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from lipsync.emulator.wire import Point
from lipsync.values import Value


class Act(StrEnum):
    """What a fault does: the first half to an answer, the second to a job."""

    CUT = "cut"  # the connection is cut, nothing is sent
    DELAY = "delay"  # the answer comes late
    REPLY = "reply"  # another answer comes
    ALTER = "alter"  # keys of the answer are missing or other
    HALF = "half"  # the connection is cut half-way through the body
    SCRAMBLE = "scramble"  # other bytes, as many of them
    WHOLE = "whole"  # a Range is not honoured
    REFUSE = "refuse"  # no connection is made

    STUCK = "stuck"  # it stays IN_QUEUE
    REQUEUE = "requeue"  # it runs, waits again, and runs again
    FAIL = "fail"  # it ends without a result
    EXPIRE = "expire"  # it ends, and its result is gone
    GARBAGE = "garbage"  # its result is no video
    SHORTEN = "shorten"  # its result is 0.3 s too short
    RERATE = "rerate"  # its result has 25 frames a second
    UNCHANGED = "unchanged"  # its result is the input under the new voice
    DEAF = "deaf"  # it goes on when it is cancelled
    ODD_STATE = "odd state"  # it ends in a state nobody documents
    WITHDRAWN = "withdrawn"  # the vendor cancels it


JOB_ACTS = frozenset(list(Act)[list(Act).index(Act.STUCK) :])


class Fault(Value):
    """One thing that goes wrong."""

    name: str = ""
    act: Act
    vendor: str = Field(default="*", description="fal, unified, or a pattern.")
    route: str = Field(default="*", description="submit, status, download, …; a pattern.")
    endpoint: str = Field(default="*", description="E.g. fal-ai/sync-lipsync/*; a pattern.")
    when: Literal["before", "after"] = Field(
        default="before", description="Before the request has an effect, or after it has."
    )
    skip: int = Field(default=0, ge=0, description="So many matching requests go well first.")
    times: int | None = Field(default=1, ge=1, description="None: every time.")
    share: float = Field(default=1.0, gt=0, le=1, description="Of the matching requests.")
    status: int | None = Field(default=None, ge=100, le=599)
    body: Any = Field(default=None, description="JSON or text; None is the vendor's own words.")
    headers: dict[str, str] = Field(default_factory=dict)
    delay_s: float | None = Field(default=None, ge=0, description="None: as the settings say.")
    drop: tuple[str, ...] = Field(default=(), description="Keys taken out of a JSON answer.")
    put: dict[str, Any] = Field(default_factory=dict, description="Keys put into it.")
    error: str | None = Field(default=None, description="What the status of a failed job says.")
    error_type: str | None = None

    def meets(self, point: Point) -> bool:
        """Say whether it is addressed to a point."""
        return (
            fnmatch.fnmatchcase(point.vendor, self.vendor)
            and fnmatch.fnmatchcase(point.route, self.route)
            and fnmatch.fnmatchcase(point.endpoint, self.endpoint)
        )


class _Armed:
    """A fault, and how often it may still happen."""

    def __init__(self, fault: Fault, number: int) -> None:
        self.fault = fault
        self.skip = fault.skip
        self.left = fault.times
        self.chance = random.Random(number)  # noqa: S311  not for secrets: the same every run

    def strikes(self) -> bool:
        """Count one matching request."""
        if self.left == 0 or self.chance.random() >= self.fault.share:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.left is not None:
            self.left -= 1
        return True


class Faults:
    """All faults that may still happen; the first that meets a request happens to it."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._armed: list[_Armed] = []
        self._added = 0
        self._lock = threading.Lock()
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> Fault:
        """Let one more thing go wrong."""
        with self._lock:
            self._added += 1
            self._armed.append(_Armed(fault, self._added))
        return fault

    def clear(self) -> None:
        """Let everything go well from now on."""
        with self._lock:
            self._armed.clear()

    def open(self) -> tuple[Fault, ...]:
        """List what may still happen, with how often."""
        with self._lock:
            return tuple(
                armed.fault.model_copy(update={"times": armed.left, "skip": armed.skip})
                for armed in self._armed
                if armed.left != 0
            )

    def strike(self, point: Point, when: str) -> Fault | None:
        """Take the fault that happens to a request now."""
        with self._lock:
            for armed in self._armed:
                fault = armed.fault
                if fault.act in JOB_ACTS or fault.when != when or not fault.meets(point):
                    continue
                if armed.strikes():
                    return fault
        return None

    def befalling(self, point: Point) -> dict[Act, Fault]:
        """Take the faults a job that is accepted now will suffer, one of each kind."""
        found: dict[Act, Fault] = {}
        with self._lock:
            for armed in self._armed:
                fault = armed.fault
                if fault.act not in JOB_ACTS or fault.act in found or not fault.meets(point):
                    continue
                if armed.strikes():
                    found[fault.act] = fault
        return found
