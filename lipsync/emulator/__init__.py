"""The emulator: fal and the unified task API on this machine, for rehearsals and for proof.

    with emulating(folder, faults=("cut_after_acceptance",)) as emulator:
        os.environ.update(emulator.environment)   # before fal_client is imported
        ...
        assert emulator.account().duplicates == 0

Faithful to reference/fal-protocol.md and reference/providers.md §1; it listens on the loopback
interface only, and its proxy lets nothing out. Needs the extra `[emulator]` (trustme).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lipsync.emulator.clock import Clock
    from lipsync.emulator.emulator import Emulator
    from lipsync.emulator.faults import Fault

__all__ = ["emulating"]


@contextmanager
def emulating(
    folder: Path,
    *,
    faults: "Iterable[Fault | str]" = (),
    clock: "Clock | None" = None,
    **settings: Any,
) -> "Iterator[Emulator]":
    """Run the emulated vendors on free ports until the block ends.

    Args:
        folder: Where they keep their files meanwhile; what they put there is deleted at the end.
        faults: Presets by name, or whole ones; more with `emulator.fault(...)`.
        clock: The vendors' time; None runs with the real one.
        settings: Fields of `lipsync.emulator.settings.Settings`.

    Raises:
        UsageError: There is no such fault.
    """
    from lipsync.emulator.clock import Clock  # noqa: PLC0415  an extra, and media libraries:
    from lipsync.emulator.emulator import Emulator  # noqa: PLC0415  loaded when
    from lipsync.emulator.presets import preset  # noqa: PLC0415  it is used
    from lipsync.emulator.settings import Settings  # noqa: PLC0415  only

    whole = [preset(fault) if isinstance(fault, str) else fault for fault in faults]
    emulator = Emulator(folder, Settings(**settings), whole, clock or Clock())
    try:
        yield emulator
    finally:
        emulator.close()
