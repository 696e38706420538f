"""What the tests of batches share: a home, emulated vendors, pairs of a second, and their batch."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from lipsync.batch.board import Board
from lipsync.batch.crew import Crew
from lipsync.batch.desk import Desk, Shell, bare
from lipsync.batch.limits import Limits
from lipsync.batch.outcome import BatchOutcome
from lipsync.batch.plan import BatchPlan
from lipsync.batch.planning import plan_batch
from lipsync.batch.running import Watch, run_batch
from lipsync.emulator import emulating
from lipsync.emulator.account import Accepted
from lipsync.emulator.emulator import Emulator
from lipsync.home import Home
from lipsync.manifest import Manifest, Row
from lipsync.params import DubParams
from lipsync.workshop import Workshop
from tests.flows.paid import export, make_pair
from tests.voices import make_voice

MODEL = "sync-2"


class Depot:
    """A home and emulated vendors; batches are dubbed here without an orchestrator."""

    def __init__(self, folder: Path, emulator: Emulator | None = None) -> None:
        self.emulator = emulator
        self.home = Home(folder / "home")
        self.media = folder / "media"
        self.out = folder / "out"
        self.media.mkdir(exist_ok=True)
        self.ran: list[tuple[str, str]] = []

    @property
    def sold(self) -> list[Accepted]:
        """What the vendors took, oldest first."""
        assert self.emulator is not None
        return list(self.emulator.account().accepted)

    @property
    def requests(self) -> int:
        """How often the vendors were called at all."""
        assert self.emulator is not None
        return sum(self.emulator.account().calls.values())

    @cached_property
    def video(self) -> Path:
        """A second of the bundled talk, small, with its face."""
        return make_pair(self.media)[0]

    def voice(self, name: str, seconds: float = 1.0) -> Path:
        """Write a voice that no other name says, once."""
        path = self.media / f"{name}.wav"
        seed = 1 + sum(ord(letter) * 31**place for place, letter in enumerate(name)) % 100_000
        return path if path.exists() else make_voice(path, seconds, seed=seed)

    def row(self, line: int, name: str | None = None, **wishes: Any) -> Row:
        """Want a dub of the one video with a voice of its own."""
        name = name or f"v{line}"
        seconds, language = wishes.pop("seconds", 1.0), wishes.pop("language", None)
        priority = wishes.pop("priority", 0)
        pair = {
            "video": wishes.pop("video", None) or self.video,
            "voice": self.voice(name, seconds),
        }
        usual = {"model": MODEL, "trim_silence": False}
        params = DubParams(**(pair | usual | wishes))
        return Row(line=line, id=name, params=params, language=language, priority=priority)

    def rows(self, count: int, **wishes: Any) -> tuple[Row, ...]:
        """Want so many."""
        return tuple(self.row(line, **wishes) for line in range(2, count + 2))

    def desk(self, shell: Shell | None = None, **wishes: Any) -> Desk:
        """Open the home, as every run does."""
        return Desk(Workshop(self.home), shell or self._noted, folder=self.out, **wishes)

    def _noted(self, word: str, label: str, work: Callable[[], Any]) -> Any:
        self.ran.append((label, word))
        return bare(word, label, work)

    def plan(self, rows: Sequence[Row], desk: Desk | None = None) -> BatchPlan:
        """Plan them."""
        manifest = Manifest(source=Path("m.csv"), rows=tuple(rows))
        with Crew(2, "planner") as crew:
            return plan_batch(desk or self.desk(), manifest, crew)

    def dub(
        self,
        rows: Sequence[Row],
        watch: Watch = lambda _board: None,
        *,
        budget_usd: str | None = None,
        **limits: Any,
    ) -> BatchOutcome:
        """Plan and dub them."""
        self.ran.clear()
        desk = self.desk(
            run="a run", budget_usd=None if budget_usd is None else Decimal(budget_usd)
        )
        plan = self.plan(rows, desk)
        wanted = {row.line: row for row in rows}
        work = [(wanted[row.line], row) for row in plan.rows if not row.found]
        usual: dict[str, Any] = {"encoders": 2}
        return run_batch(desk, work, Limits(**(usual | limits)), Board(plan), watch)


@contextmanager
def open_depot(
    folder: Path, setenv: Callable[[str, str], None], **settings: Any
) -> Iterator[Depot]:
    """Open one whose vendors answer at once, unless told otherwise."""
    usual: dict[str, Any] = {"latency_s": 0.1, "fal_slots": 40}
    with emulating(folder / "emulated", **(usual | settings)) as emulator:
        export(emulator, setenv)
        setenv("DUBLINE_HOME", str(folder / "home"))
        yield Depot(folder, emulator)
