"""Standing: how far a batch has come, in figures and in words."""

from decimal import Decimal

from pydantic import Field

from lipsync.price import dollars
from lipsync.values import Value

_MINUTE_S, _HOUR_S = 60, 3_600


class BatchStanding(Value):
    """How far a batch has come."""

    rows: int = Field(description="All of them.")
    done: int = Field(default=0, description="In their place, made now or before.")
    failed: int = Field(default=0, description="Refused, failed, over budget or unknown.")
    working: int = Field(default=0, description="Being prepared, sent, fetched or finished here.")
    ready: int = Field(default=0, description="Ready, and without a place at the vendor yet.")
    at_vendor: int = Field(default=0, description="Bought and not there yet.")
    queued: int = Field(default=0, description="Of those: not begun, as the vendor says.")
    spent_usd: Decimal = Field(default=Decimal(0), description="Bought by this run.")
    elapsed_s: float = 0.0
    left_s: float | None = Field(default=None, description="At the pace so far; None: no pace yet.")

    @property
    def ended(self) -> int:
        """How many rows need nothing more."""
        return self.done + self.failed


def left_s(ended: int, to_do: int, elapsed_s: float) -> float | None:
    """Say how long the rest takes at the pace so far.

    >>> left_s(10, 30, 60.0), left_s(0, 30, 60.0)
    (180.0, None)
    """
    return elapsed_s / ended * to_do if ended else None


def in_words(standing: BatchStanding) -> str:
    """Say how far a batch has come, in one line.

    >>> in_words(BatchStanding(rows=9, done=3, at_vendor=4, queued=1, spent_usd=Decimal("0.5")))
    '3 of 9 done, 4 at the vendor (1 queued), $0.50 spent'
    """
    vendor = f"{standing.at_vendor} at the vendor"
    if standing.queued:
        vendor += f" ({standing.queued} queued)"
    parts = (
        (True, f"{standing.done} of {standing.rows} done"),
        (standing.working, f"{standing.working} in work"),
        (standing.ready, f"{standing.ready} ready"),
        (standing.at_vendor, vendor),
        (standing.failed, f"{standing.failed} failed"),
        (standing.spent_usd, f"{dollars(standing.spent_usd)} spent"),
        (standing.left_s is not None, f"{_span(standing.left_s or 0)} left"),
    )
    return ", ".join(words for there, words in parts if there)


def _span(seconds: float) -> str:
    """Write a length of time as a person would say it.

    >>> _span(42), _span(150), _span(9000)
    ('42 s', '2.5 min', '2.5 h')
    """
    if seconds < 1.5 * _MINUTE_S:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE_S:.1f} min" if seconds < _HOUR_S else f"{seconds / _HOUR_S:.1f} h"
