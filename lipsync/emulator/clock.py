"""The clock: what time it is at the vendor; it can be moved on, and stopped."""

import threading
import time
from datetime import UTC, datetime


class Clock:
    """Runs with the real time, ahead of it by what it was moved on; or stands still.

    Everything the emulated vendors date or let expire asks this clock, so a link can die and a job
    can end without anybody waiting.

    Attributes:
        running: Whether it goes by itself.
    """

    def __init__(self, *, running: bool = True) -> None:
        self.running = running
        self._start_s = time.time()
        self._ahead_s = 0.0
        self._lock = threading.Lock()

    def now_s(self) -> float:
        """Seconds since 1970."""
        with self._lock:
            return (time.time() if self.running else self._start_s) + self._ahead_s

    def now(self) -> datetime:
        """The same as a date, in UTC."""
        return moment(self.now_s())

    def advance(self, by_s: float) -> float:
        """Move on, never back.

        Returns:
            What time it is then.

        Raises:
            ValueError: It was asked to go back.
        """
        if not by_s >= 0:
            raise ValueError(f"a clock moves on only, not by {by_s} s")
        with self._lock:
            self._ahead_s += by_s
        return self.now_s()


def moment(at_s: float) -> datetime:
    """Turn seconds since 1970 into a date with an offset."""
    return datetime.fromtimestamp(at_s, UTC)
