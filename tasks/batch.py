"""The batch on the page of its run: planned, refused or dubbed, with its tables and progress."""

from functools import partial
from pathlib import Path

from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from lipsync.batch.board import Board, Phase
from lipsync.batch.crew import Crew
from lipsync.batch.desk import Desk, Shell
from lipsync.batch.limits import Limits, limits_of
from lipsync.batch.outcome import DONE, SOME, BatchOutcome
from lipsync.batch.page import write_page
from lipsync.batch.params import BatchParams
from lipsync.batch.plan import BatchPlan, check_budget
from lipsync.batch.planning import only, plan_batch
from lipsync.batch.recording import Recorder
from lipsync.batch.refusing import refuse_bad_rows
from lipsync.batch.running import run_batch
from lipsync.batch.shards import cut, put_together
from lipsync.batch.standing import in_words
from lipsync.batch.tables import outcome_summary, table_stem
from lipsync.manifest import Manifest
from lipsync.progress import say, tell
from lipsync.reading import read_manifest
from tasks.batch_board import TellingBoard
from tasks.batch_page import Page, show_outcome, show_plan
from tasks.events import overrun_told
from tasks.rows import as_tasks
from tasks.shards import run_parts, tell_part
from tasks.tags import tag_run
from tasks.workshop import workshop


def read(params: BatchParams) -> Manifest:
    """Read the manifest, or the lines of it that are this run's part.

    Raises:
        ManifestError: It is no manifest.
    """
    shop = workshop()
    found = read_manifest(
        params.manifest,
        folder=params.output_folder,
        defaults=params.defaults,
        catalogue=shop.catalogue,
        availability=shop.availability,
    )
    return only(found, params.only_lines)


def plan(params: BatchParams, manifest: Manifest) -> BatchPlan:
    """Plan every row, show the plan, and refuse it if it cannot be kept; nothing is sent.

    Raises:
        BadRows: Some rows cannot be dubbed, and the others shall not be without them.
        BudgetError: It costs more than it may.
    """
    with as_tasks() as shell, Crew(_limits(params).encoders, "planner") as crew:
        told = partial(tell, "plan")
        found = plan_batch(_desk(params, shell), manifest, crew, told)
    tag_run(*found.models, *found.languages)
    show_plan(found)
    refuse_bad_rows(params.manifest, found, keep_going=params.keep_going)
    with overrun_told(f"batch.{params.manifest.name}"):
        check_budget(found, params.limit_usd)
    return found


def run(params: BatchParams, manifest: Manifest, plan: BatchPlan) -> BatchOutcome:
    """Dub what is planned, here or by other workers, and write down what becomes of it.

    Raises:
        StorageError: The outcome cannot be written; nothing was sent.
        UsageError: There is nobody to hand parts of it to.
    """
    if params.shards > 1:
        return _shown(params, _by_others(params, manifest, plan))
    board = TellingBoard(plan, {row.line: row for row in manifest.rows})
    with as_tasks(lambda: board.count(Phase.BACK) or not board.open) as shell:
        return _shown(params, _here(params, manifest, plan, board, shell))


def _shown(params: BatchParams, outcome: BatchOutcome) -> BatchOutcome:
    """Write the outcome's page, and show it on the run's."""
    if params.only_lines:
        tell_part(outcome.rows)
        show_outcome(outcome)
        return outcome
    show_outcome(outcome, write_page(workshop(), outcome, _stem(params), params.manifest.name))
    return outcome


def _here(
    params: BatchParams, manifest: Manifest, plan: BatchPlan, board: Board, shell: Shell
) -> BatchOutcome:
    """Dub them in this process, and write the tables while it goes on."""
    planned = {row.line: row for row in plan.rows if not row.found}
    rows = [(row, planned[row.line]) for row in manifest.rows if row.line in planned]
    with Recorder(_stem(params), board) as recorder:
        page = Page(params.manifest.name)

        def watch(board: Board) -> None:
            standing = board.standing()
            tell("batch", standing.ended, standing.rows)
            say("batch", in_words(standing))
            page.show(standing)
            recorder.note()

        run_batch(_desk(params, shell), rows, _limits(params), board, watch)
    return board.outcome().model_copy(update={"tables": recorder.tables})


def _by_others(params: BatchParams, manifest: Manifest, plan: BatchPlan) -> BatchOutcome:
    """Hand parts of the batch to other workers, and put their outcomes together."""
    board, page = Board(plan), Page(params.manifest.name)
    to_do = [row for row in plan.rows if not row.found]
    videos = {row.line: row.params.video for row in manifest.rows}

    def told(ended: int, parts: int) -> None:
        tell("batch", ended, parts)
        page.show_parts(ended, parts)

    with Recorder(_stem(params), board) as recorder:
        found = run_parts(params, cut(to_do, videos, params.shards), told) if to_do else {}
        board.gathered(put_together(plan, found))
    return board.outcome().model_copy(update={"tables": recorder.tables})


def _stem(params: BatchParams) -> Path:
    """Name the tables of a batch, and apart from them those of its parts."""
    stem = table_stem(params.manifest, params.output_folder)
    return stem.with_name(f"{stem.name}.{params.only_lines[0]}") if params.only_lines else stem


def concluded(outcome: BatchOutcome) -> State[BatchOutcome]:
    """End the run as its rows have: a batch of which something is missing has failed."""
    if outcome.exit_code == DONE:
        return Completed(data=outcome, message="; ".join(outcome_summary(outcome)))
    name = "Some" if outcome.exit_code == SOME else "None"
    return Failed(name=name, data=outcome, message="; ".join(outcome_summary(outcome)))


def _desk(params: BatchParams, shell: Shell) -> Desk:
    return Desk(
        shop=workshop(),
        shell=shell,
        folder=params.output_folder,
        run=params.run or flow_run.id,
        budget_usd=params.limit_usd,
    )


def _limits(params: BatchParams) -> Limits:
    return limits_of(params, workshop().means)
