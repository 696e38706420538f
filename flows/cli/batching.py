"""`dubline batch` and `dubline plan MANIFEST`: many dubs, from the flow to a table."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from flows.cli.answering import answered, built
from flows.cli.flowing import flowing
from flows.cli.opening import opened
from flows.cli.parting import Parting
from flows.cli.watching import watched

if TYPE_CHECKING:  # pydantic's models take 0.1 s that --help does not need
    from lipsync.batch.outcome import BatchOutcome
    from lipsync.batch.params import BatchParams
    from lipsync.batch.plan import BatchPlan
    from lipsync.manifest import Manifest
    from lipsync.workshop import Workshop


def run_batch(fields: dict[str, Any], *, as_json: bool) -> None:
    """Dub every row of a manifest through the flow and answer with what became of each."""
    from flows.cli.tabling import show_outcome  # noqa: PLC0415  not needed by --help

    with answered(as_json=as_json), _bad_rows_shown():
        wish: Parting | None = fields.get("on_interrupt")
        params = _params(fields | {"on_interrupt": wish or "leave"})
        _look_first(params)
        outcome = _through_the_flow(params, wish)
        show_outcome(outcome, as_json=as_json)
        if outcome.exit_code:
            raise typer.Exit(outcome.exit_code)


def run_plan(fields: dict[str, Any], *, as_json: bool) -> None:
    """Price every row of a manifest; no flow, no server, no cent."""
    from flows.cli.tabling import show_plan  # noqa: PLC0415  not needed by --help
    from lipsync.batch.plan import check_budget  # noqa: PLC0415  as above
    from lipsync.batch.refusing import refuse_bad_rows  # noqa: PLC0415  as above

    with answered(as_json=as_json), opened() as shop:
        params = _params(fields)
        with watched():
            plan = _planned(params, shop)
        show_plan(plan, as_json=as_json)
        refuse_bad_rows(params.manifest, plan, keep_going=params.keep_going)
        check_budget(plan, params.limit_usd)


def _params(fields: dict[str, Any]) -> "BatchParams":
    """Build BatchParams of a command's options.

    Raises:
        UsageError: With the first thing that is wrong.
    """
    from lipsync.batch.params import BatchParams  # noqa: PLC0415  not needed by --help

    params: BatchParams = built(BatchParams, fields)
    return params


def _look_first(params: "BatchParams") -> None:
    """Refuse what is bad in the manifest itself now, and not when a server has been started."""
    from lipsync.batch.refusing import refuse_bad_rows  # noqa: PLC0415  not needed by --help
    from lipsync.home import Home  # noqa: PLC0415  as above
    from lipsync.workshop import Workshop  # noqa: PLC0415  as above

    shop = Workshop(Home.found())
    manifest = _read(params, shop)
    if not manifest.faults or params.keep_going:
        return
    plan = _planned(params, shop)
    refuse_bad_rows(params.manifest, plan, keep_going=False)


def _read(params: "BatchParams", shop: "Workshop") -> "Manifest":
    from lipsync.reading import read_manifest  # noqa: PLC0415  not needed by --help

    return read_manifest(
        params.manifest,
        folder=params.output_folder,
        defaults=params.defaults,
        catalogue=shop.catalogue,
        availability=shop.availability,
    )


def _planned(params: "BatchParams", shop: "Workshop") -> "BatchPlan":
    """Plan without an orchestrator."""
    from lipsync.batch.crew import Crew  # noqa: PLC0415  not needed by --help
    from lipsync.batch.desk import Desk  # noqa: PLC0415  as above
    from lipsync.batch.limits import limits_of  # noqa: PLC0415  as above
    from lipsync.batch.planning import plan_batch  # noqa: PLC0415  as above
    from lipsync.progress import tell  # noqa: PLC0415  as above

    desk = Desk(shop=shop, folder=params.output_folder)
    with Crew(limits_of(params, shop.means).encoders, "planner") as crew:
        manifest = _read(params, shop)
        return plan_batch(desk, manifest, crew, lambda done, rows: tell("plan", done, rows))


def _through_the_flow(params: "BatchParams", wish: Parting | None) -> "BatchOutcome":
    """Run the flow against the server that is there, or the one this command starts."""
    with flowing():
        from flows.cli.batch_parting import batch_parting  # noqa: PLC0415  once it is served
        from flows.dub_batch import dub_batch  # noqa: PLC0415  as above
        from lipsync.approval import Approval, awaiting  # noqa: PLC0415  as above

        with batch_parting(wish), watched():
            state: Any = dub_batch(params, return_state=True)
        found = state.result(raise_on_failure=False)
    if isinstance(found, BaseException):
        raise found
    if isinstance(found, Approval):
        raise awaiting(found)
    outcome: BatchOutcome = found
    return outcome


@contextmanager
def _bad_rows_shown() -> Iterator[None]:
    """Print the whole table of bad rows before the sentence that counts them."""
    from flows.cli.tabling import show_faults  # noqa: PLC0415  not needed by --help
    from lipsync.batch.refusing import BadRows  # noqa: PLC0415  as above

    try:
        yield
    except BadRows as error:
        show_faults(error.faults)
        raise
