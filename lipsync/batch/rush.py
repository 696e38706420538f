"""Rush: when purchases have need of this machine, so that whatever can wait does.

A place at a vendor that stands empty costs the whole batch time. Jobs that were bought together end
together, and each that ends makes room for a purchase: so a job that ends announces a rush, too.
"""

import math

# Ours: what a purchase needs of this machine is done by then; the rest is waiting for an answer.
BUYING_S = 0.3
# Ours: four that compute side by side are over one after the other, sixteen all at the end; what
# takes longer than this by itself waits for its vendor, and another may begin.
AT_ONCE, ASKED_S = 4, 0.05
# Ours: 40 jobs that were bought within a second end within a second and a half.
CALM_S = 0.25
# Ours: where jobs end all the time there is no calm to wait for; and a job is listened to by then.
PATIENT_S = 2.0


class Rush:
    """What was bought and what has ended lately; times are of one clock, in seconds."""

    def __init__(self) -> None:
        self._buying: dict[int, float] = {}
        self._ended_s = -math.inf
        self._since_s: float | None = None

    def buying(self, line: int, now_s: float) -> None:
        """Take note that somebody begins to buy a row."""
        self._buying[line] = now_s

    def bought(self, line: int) -> None:
        """Take note that it is over, however it went."""
        del self._buying[line]

    def ended(self, now_s: float) -> None:
        """Take note that a job has ended."""
        self._ended_s = now_s

    def has_room(self, now_s: float) -> bool:
        """Say whether one more purchase would not slow down those that have begun."""
        asking = [since_s for since_s in self._buying.values() if now_s - since_s < ASKED_S]
        return len(asking) < AT_ONCE

    def is_buying(self, now_s: float, queued: int) -> bool:
        """Say whether a purchase has need of this machine now.

        Args:
            now_s: The time.
            queued: How many could begin but for this machine.
        """
        began_s = max(self._buying.values(), default=-math.inf)
        return queued > 0 or now_s - began_s < BUYING_S

    def is_on(self, now_s: float, queued: int) -> bool:
        """Say whether one does now, or will in a moment; never for longer than patience lasts."""
        if self.is_buying(now_s, queued):
            self._since_s = now_s if self._since_s is None else self._since_s
            return True
        if now_s - self._ended_s >= CALM_S:
            self._since_s = None
            return False
        self._since_s = now_s if self._since_s is None else self._since_s
        return now_s - self._since_s < PATIENT_S
