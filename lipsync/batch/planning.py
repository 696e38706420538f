"""Planning: every row is looked at, priced and held against what is there; nothing is sent."""

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lipsync import stages
from lipsync.admission import asked, bed_given, check_container
from lipsync.batch.crew import Crew
from lipsync.batch.desk import Desk, Journal, Recollection
from lipsync.batch.finished import finished, placed
from lipsync.batch.loading import spared
from lipsync.batch.plan import BatchPlan, PlanRow, planned_row, same_outputs
from lipsync.cache import NotMade
from lipsync.decision import Decision
from lipsync.errors import LipsyncError, StorageError, UsageError
from lipsync.links import Link
from lipsync.manifest import Manifest, Row, RowFault, admitted
from lipsync.ordering import names
from lipsync.output import check_place, refuse_to_overwrite, try_writing
from lipsync.pictures import refuse_foreign_pictures
from lipsync.profiles import profile_named
from lipsync.report import DubReport
from lipsync.tickets import Ticket, TicketState

log = logging.getLogger(__name__)

Counted = Callable[[int, int], None]

# Ours: rows whose tickets are asked for at once; SQLite takes 32,766 names in a question, and a
# row has one for each model that can make it.
LOOKED_UP = 100


def plan_batch(
    desk: Desk, manifest: Manifest, crew: Crew, told: Counted = lambda _done, _all: None
) -> BatchPlan:
    """Plan every row of a manifest; one that is bad is a fault, and no end.

    Args:
        desk: What to plan with.
        manifest: Its rows; their faults become the plan's.
        crew: As many rows are looked at side by side.
        told: Told how many rows are planned, of how many.
    """
    desk.open()
    if desk.folder is not None:
        make_folder(desk.folder)
    folders = _Folders()
    found: list[PlanRow | RowFault] = []
    drafts: list[_Draft | RowFault] = []
    with spared():
        for draft in _drafted(desk, folders, manifest.rows, crew):
            drafts.append(draft)
            told(len(found) + len(drafts), len(manifest.rows))
            if len(drafts) == LOOKED_UP:
                found += _with_tickets(drafts, desk)
                drafts.clear()
        found += _with_tickets(drafts, desk)
    rows = tuple(one for one in found if isinstance(one, PlanRow))
    faults = (*manifest.faults, *(one for one in found if isinstance(one, RowFault)))
    doubles = same_outputs(rows)
    lines = {fault.line for fault in doubles}
    return BatchPlan(
        rows=tuple(row for row in rows if row.line not in lines),
        faults=tuple(sorted((*faults, *doubles), key=lambda fault: fault.line)),
        notes=manifest.notes,
    )


def make_folder(folder: Path) -> None:
    """Make the folder that dubs go to.

    Raises:
        UsageError: It is a file.
        StorageError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{folder}: is a file; name a folder for the dubs") from error
    except OSError as error:
        raise StorageError(
            f"{folder}: cannot be made ({error.strerror}); name another folder"
        ) from error


class _Folders:
    """The folders of outputs, each tried once for all rows."""

    def __init__(self) -> None:
        self._tried: dict[Path, LipsyncError | None] = {}

    def check(self, folder: Path) -> None:
        """Refuse a folder that cannot be written."""
        if folder not in self._tried:
            self._tried[folder] = _tried(folder)
        if (error := self._tried[folder]) is not None:
            raise error


def _tried(folder: Path) -> LipsyncError | None:
    try:
        try_writing(folder)
    except LipsyncError as error:
        return error
    return None


class _Draft(NamedTuple):
    """A row as planned, and the names by which the ledger knows it; one that is found has none."""

    plan: PlanRow
    names: frozenset[str] = frozenset()


def _drafted(
    desk: Desk, folders: _Folders, rows: Sequence[Row], crew: Crew
) -> Iterator[_Draft | RowFault]:
    """Plan rows in their order, by the crew from the first on of which something is to be made.

    Before that here: threads that only look things up get into each other's way (measured: two
    take a third longer than one). To ask after a link is no such thing.
    """
    for place, row in enumerate(rows):
        draft = _remembered(desk, folders, row)
        if draft is None:
            yield from crew.each(partial(_draft_or_fault, desk, folders), rows[place:])
            return
        yield draft


def _remembered(desk: Desk, folders: _Folders, row: Row) -> _Draft | RowFault | None:
    given = (row.params.video, row.params.voice, *bed_given(row.params))
    if any(isinstance(one, Link) for one in given):
        return None
    try:
        return _draft_or_fault(desk, folders, row, Recollection)
    except NotMade:
        return None


def _draft_or_fault(
    desk: Desk, folders: _Folders, row: Row, kind: type[Journal] = Journal
) -> _Draft | RowFault:
    found: list[_Draft] = []
    faults = admitted((row,), lambda row: found.append(_planned(kind(desk, row), folders, row)))
    return faults[0] if faults else found[0]


def _planned(journal: Journal, folders: _Folders, row: Row) -> _Draft:
    """Plan one row, or find it finished.

    Raises:
        LipsyncError: It cannot be dubbed.
    """
    desk = journal.desk
    report = finished(desk.memory, row.params, desk.folder)
    if report is not None:
        return _Draft(_found(row, report))
    _admit(desk, folders, row)
    decision = decide(journal, row)
    output = placed(row.params, desk.folder, preview=decision.model.preview)
    if not row.params.overwrite:
        refuse_to_overwrite(desk.shop.store, output, asked(desk.shop, row.params).key)
    return _Draft(planned_row(row, decision, output), names(decision, desk.memory.catalogue))


def _admit(desk: Desk, folders: _Folders, row: Row) -> None:
    """Refuse an output that cannot be, as `admission.admit` does; a folder is tried once."""
    output = placed(row.params, desk.folder, preview=True)
    check_place(output, (row.params.video, row.params.voice, *bed_given(row.params)))
    check_container(output, profile_named(row.params.profile))
    refuse_foreign_pictures(row.params, output)
    folders.check(output.parent)


def decide(journal: Journal, row: Row) -> Decision:
    """Take a row through probe, normalize and select; what is there is found.

    Raises:
        LipsyncError: It cannot be dubbed.
    """
    params = row.params
    pair = journal.found_or_made("probe", lambda shop: stages.probe(shop, params))
    voice = journal.found_or_made("normalize", lambda shop: stages.normalize(shop, params, pair))
    return journal.found_or_made("select", lambda shop: stages.select(shop, params, pair, voice))


def _with_tickets(drafts: Sequence[_Draft | RowFault], desk: Desk) -> Iterator[PlanRow | RowFault]:
    """Add what the ledger knows of rows: what was paid for is not paid again."""
    asked_for = {name for one in drafts if isinstance(one, _Draft) for name in one.names}
    known = desk.shop.ledger.named(asked_for) if asked_for else ()
    for one in drafts:
        yield _with_ticket(one, known) if isinstance(one, _Draft) else one


def _with_ticket(draft: _Draft, known: Sequence[Ticket]) -> PlanRow:
    its = [
        ticket for ticket in known if ticket.key in draft.names or ticket.order.dub in draft.names
    ]
    standing = [ticket for ticket in its if not _is_open(ticket)] or its
    if not standing:
        return draft.plan
    ticket = standing[0]
    return draft.plan.model_copy(update={"ticket_id": ticket.id, "bought": not _is_open(ticket)})


def _is_open(ticket: Ticket) -> bool:
    return ticket.state is TicketState.INTENDED or ticket.is_free_to_repeat


def _found(row: Row, report: DubReport) -> PlanRow:
    return PlanRow(
        line=row.line,
        id=row.id,
        language=row.language,
        output=report.output,
        model=report.model,
        vendor=report.vendor,
        video_s=report.video_s,
        voice_s=report.voice_s,
        mismatch_s=report.mismatch_s,
        sync_mode=report.sync_mode,
        output_s=report.output_s,
        price_usd=report.quoted_usd,
        found=True,
        ticket_id=report.ticket_id,
        bought=True,
        request_id=report.request_id,
        billed_usd=report.billed_usd,
        failed_checks=tuple(verdict.check for verdict in report.failed),
    )


def only(manifest: Manifest, lines: Sequence[int]) -> Manifest:
    """Take the rows of these lines, with what is wrong with them; no lines are all of them."""
    if not lines:
        return manifest
    wanted = set(lines)
    rows = tuple(row for row in manifest.rows if row.line in wanted)
    faults = tuple(fault for fault in manifest.faults if fault.line in wanted)
    return manifest.model_copy(update={"rows": rows, "faults": faults})
