"""Watching a folder on the page of its run: one look, and what became of every pair."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from hashlib import sha256

import httpx
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.exceptions import PrefectException
from prefect.states import Completed

from lipsync.arrivals import LineState, Tick, in_words, rows
from lipsync.batch.board import Board
from lipsync.batch.desk import Desk
from lipsync.batch.limits import limits_of
from lipsync.batch.pairs import dub_pairs
from lipsync.batch.params import BatchParams
from lipsync.destination import Wanted
from lipsync.errors import BudgetError, LipsyncError
from lipsync.inbox import Became, ended_by
from lipsync.output import try_writing
from lipsync.report import DubReport
from lipsync.tick import Told, tick
from lipsync.tickets import Ticket, TicketState
from lipsync.watch_params import WatchParams
from tasks.batch_page import Page
from tasks.events import dub_named, emit, tell_delivery, ticket_named
from tasks.rows import as_tasks
from tasks.tags import tag_run
from tasks.workshop import workshop

log = logging.getLogger("lipsync.watch")

# Ours: as on a batch's page; the rest is in the log.
MOST_ROWS = 200


def look(params: WatchParams) -> Tick:
    """Look at the inbox once, dub what is due, and show what was found.

    Raises:
        UsageError: A folder is missing, or there is no such model.
        StorageError: A folder cannot be read or written.
    """
    found = tick(workshop(), params, partial(_dub, params))
    table = rows(found.lines)
    if table:
        log.info("%s", in_words(found))
        _shown(lambda: create_table_artifact(table[:MOST_ROWS], "inbox", in_words(found)))
    for note in found.notes[:MOST_ROWS]:
        log.info("no pair: %s", note)
    return found


def concluded(found: Tick) -> State[Tick]:
    """End a look with what it found in words, and so that what somebody should see is seen."""
    troubled = found.count(LineState.SET_ASIDE) + found.count(LineState.FAILED)
    name = "Needs a look" if troubled else "Completed"
    return Completed(name=name, data=found, message=in_words(found))


def purse(params: WatchParams, now: datetime) -> str:
    """Name what pays for the dubs of one folder on one day; the ledger keeps its total.

    >>> params = WatchParams(inbox="in", outbox="out")
    >>> purse(params, datetime(2026, 11, 20, tzinfo=UTC))[-16:]
    ' 2026-11-20 (in)'
    """
    folder = params.inbox.expanduser().absolute()
    named = sha256(str(folder).encode()).hexdigest()[:12]
    return f"watch {named} {now.date().isoformat()} ({params.inbox.name[:60]})"


def _dub(params: WatchParams, pairs: tuple[Wanted, ...], told: Told) -> None:
    """Dub pairs as task runs of this flow run, within the budget of the day."""
    shop = workshop()
    try_writing(params.outbox.expanduser())
    per_day = params.budget_per_day_usd
    limits = limits_of(BatchParams(manifest=params.inbox), shop.means)
    tag_run(*{one.match.language for one in pairs})
    page = Page(params.inbox.name)

    def watch(board: Board) -> None:
        page.show(board.standing())

    with as_tasks() as shell:
        desk = Desk(
            shop=shop,
            shell=shell,
            run=purse(params, datetime.now(UTC)),
            budget_usd=None if per_day is None else Decimal(str(per_day)),
        )
        dub_pairs(desk, limits, pairs, told, glad=_glad, sorry=_sorry, watch=watch)


def _glad(pair: Wanted, report: DubReport) -> None:
    tag_run(report.model)
    tell_delivery(pair.params, report)


def _sorry(pair: Wanted, error: BaseException, ticket: Ticket | None) -> None:
    """Say that a pair is not dubbed, once: the same reason at the next look is no news."""
    if str(error) == pair.said:
        return
    dub = dub_named(pair.params.video, pair.params.voice)
    if isinstance(error, BudgetError):
        emit("budget.exceeded", dub, why=str(error))
    elif ticket is not None and ticket.state is TicketState.UNKNOWN:
        known = {"model": ticket.model, "vendor": ticket.vendor, "quoted_usd": ticket.quoted_usd}
        emit("ticket.unknown", ticket_named(ticket), **known)
    elif ended_by(error).became is not Became.LATER:
        code = error.exit_code if isinstance(error, LipsyncError) else 1
        emit("dub.failed", dub, kind=type(error).__name__, exit_code=code)


def _shown(write: Callable[[], object]) -> None:
    """Write on the run's page; a server that does not take it stops no dub."""
    try:
        write()
    except (httpx.HTTPError, PrefectException) as error:
        log.info("the run's page was not told: %s", error)
