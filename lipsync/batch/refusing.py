"""Refusing: a batch with bad rows is not begun, unless the good ones are wanted without them."""

from pathlib import Path

from lipsync.batch.plan import BatchPlan
from lipsync.errors import ManifestError
from lipsync.manifest import RowFault


class BadRows(ManifestError):
    """Rows of a manifest that cannot be dubbed; nothing was sent.

    Attributes:
        faults: Everything that is wrong, in the order of the manifest.
    """

    def __init__(self, message: str, faults: tuple[RowFault, ...]) -> None:
        super().__init__(message)
        self.faults = faults


def refuse_bad_rows(manifest: Path, plan: BatchPlan, *, keep_going: bool) -> None:
    """Refuse a plan with bad rows.

    Raises:
        BadRows: There are some, and the good ones are not wanted without them, or there are none.
    """
    if not plan.faults or (keep_going and plan.rows):
        return
    bad = len({fault.line for fault in plan.faults})
    way_out = "correct them" if not plan.rows else "correct them, or leave them out (keep going)"
    first = plan.faults[0]
    raise BadRows(
        f"{manifest}: {bad} of {bad + len(plan.rows)} rows are bad, first line {first.line}: "
        f"{first.reason}; nothing was sent, {way_out}",
        plan.faults,
    )
