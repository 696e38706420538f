"""The desk: what the rows of a batch are worked on with, and how a stage of a row is run."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Protocol, TypeVar

from lipsync.batch.loading import MEDIA, VENDORS, load
from lipsync.batch.remembering import Remembering
from lipsync.budget import Budget
from lipsync.cache import Made, NotMade
from lipsync.manifest import Row
from lipsync.report import StageRun
from lipsync.vendors.protocol import Vendor
from lipsync.workshop import Workshop

T = TypeVar("T")


class Shell(Protocol):
    """Runs one stage of one row, as a task of an orchestrator or just so."""

    def __call__(self, word: str, label: str, work: Callable[[], Made[T]]) -> Made[T]:
        """Do the work.

        Args:
            word: The stage's word.
            label: The row: "row 12 talk.de".
            work: What is to be done.
        """
        ...


def bare(word: str, label: str, work: Callable[[], Made[T]]) -> Made[T]:
    """Do the work, without any orchestrator."""
    return work()


@dataclass(frozen=True)
class Desk:
    """What the rows of one batch are worked on with.

    Attributes:
        shop: Store, cache, ledger, catalogue and vendors.
        shell: How a stage is run that has something to do.
        folder: Where outputs go that no row names; None: beside the videos.
        run: The run that pays.
        budget_usd: What it may spend; None: as the settings say.
    """

    shop: Workshop
    shell: Shell = bare
    folder: Path | None = None
    run: str | None = None
    budget_usd: Decimal | None = None
    _vendors: dict[str, Vendor] = field(default_factory=dict)

    @cached_property
    def memory(self) -> Remembering:
        """The same workshop, as far as it remembers."""
        return Remembering(self.shop)

    def vendor(self, name: str) -> Vendor:
        """Return the one connection of this batch to a vendor.

        Raises:
            UsageError: Its account is not set up.
        """
        if name not in self._vendors:  # two threads may both make one, and one of them stays
            load(VENDORS.get(name, ()))
            self._vendors.setdefault(name, self.shop.vendor(name))
        return self._vendors[name]

    def budget(self, dub_usd: Decimal | None) -> Budget:
        """Say what a dub may cost, and what the batch may spend on all of them."""
        found = self.shop.means.ledger().budget(dub_usd)
        set_usd = [usd for usd in (found.per_run_usd, self.budget_usd) if usd is not None]
        return found.model_copy(update={"per_run_usd": min(set_usd, default=None)})

    def open(self) -> None:
        """Open what the threads of a batch share, before there is more than one."""
        for shop in (self.shop, self.memory):
            _ = shop.store, shop.cache, shop.catalogue, shop.availability, shop.ledger


def label_of(row: Row) -> str:
    """Name a row on the page of a run.

    >>> from lipsync.params import DubParams
    >>> pair = DubParams(video=Path("talk.mp4"), voice=Path("de.wav"))
    >>> label_of(Row(line=12, id="talk.de", params=pair))
    'row 12 talk.de'
    """
    return f"row {row.line} {row.id}"


class Journal:
    """The stages one row went through, found or made."""

    def __init__(self, desk: Desk, row: Row) -> None:
        self.desk = desk
        self.label = label_of(row)
        self.ran: list[StageRun] = []

    def found_or_made(
        self, word: str, work: Callable[[Workshop], Made[T]], *, of_news: bool = False
    ) -> T:
        """Run a stage that the cache keeps: what it has needs no shell.

        Args:
            word: The stage's word.
            work: The stage.
            of_news: It works on what has just come: nobody need look whether it was made before.
        """
        if not of_news:
            with suppress(NotMade):
                return self.found(word, work)
        load(MEDIA)
        return self.made(word, lambda: work(self.desk.shop))

    def found(self, word: str, work: Callable[[Workshop], Made[T]]) -> T:
        """Find what a stage that the cache keeps has made.

        Raises:
            NotMade: It has not.
        """
        made = work(self.desk.memory)
        self._write(word, "Cached", 0.0)
        return made.value

    def made(self, word: str, work: Callable[[], Made[T]]) -> T:
        """Run a stage through the shell, and write down how it went."""
        began_s = time.monotonic()
        made = self.desk.shell(word, self.label, work)
        self._write(word, "Cached" if made.cached else "Completed", time.monotonic() - began_s)
        return made.value

    def _write(self, word: str, state: str, seconds: float) -> None:
        self.ran.append(StageRun(name=word, state=state, seconds=seconds))


class Recollection(Journal):
    """The stages one row went through before; it makes nothing."""

    def found_or_made(
        self,
        word: str,
        work: Callable[[Workshop], Made[T]],
        *,
        of_news: bool = False,  # noqa: ARG002  the same call, whoever answers it
    ) -> T:
        """Find what a stage has made, as `found` does."""
        return self.found(word, work)
