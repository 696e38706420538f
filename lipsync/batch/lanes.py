"""Lanes: who is next at each vendor, and whether there is a place for it."""

import sys
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from lipsync.batch.work import Work


@dataclass
class Lane:
    """The rows of a batch that are ready for one vendor, and those that are there.

    Attributes:
        vendor: Whose lane it is.
        own: How many jobs this batch may have there; None: any number.
        account: How many the account may have, for all workers; the ledger counts them.
        there: Rows that have a place, or are asking for one.
        queues: Whether a row of ours waits for a place in the ledger's line, one for all.
        full: Whether the ledger said that there was no place.
    """

    vendor: str
    own: int | None
    account: int | None
    there: set[int] = field(default_factory=set)
    queues: bool = False
    full: bool = False
    _ready: list[tuple[tuple[int, ...], int, Work]] = field(default_factory=list)
    _order: "count[int]" = field(default_factory=count)

    def put(self, work: Work) -> None:
        """Have a row wait for its place; the smallest rank goes first."""
        heappush(self._ready, (work.rank, next(self._order), work))

    @property
    def ready(self) -> int:
        """How many rows wait."""
        return len(self._ready)

    @property
    def first(self) -> tuple[int, ...]:
        """The rank of the row that is next; there must be one."""
        return self._ready[0][0]

    @property
    def is_open(self) -> bool:
        """Whether a row may ask for a place now."""
        if not self._ready or self.queues:
            return False
        return self.own is None or len(self.there) < self.own

    @property
    def free(self) -> int:
        """How many places of this batch nobody has; without a limit, as many as are asked for."""
        return sys.maxsize if self.own is None else self.own - len(self.there)

    def next(self) -> Work:
        """Take the row that is next; it counts as there until it has left."""
        work = heappop(self._ready)[2]
        self.there.add(work.row.line)
        return work

    def left(self, work: Work) -> None:
        """Free the place of a row, if it has one."""
        self.there.discard(work.row.line)

    def clear(self) -> None:
        """Forget who waits."""
        self._ready.clear()
