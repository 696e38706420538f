"""The command `dubline review` and its options; what it does is in `reviewing`."""

from typing import Annotated

import typer

from flows.cli.menus import SyncName


def review(  # noqa: PLR0913, PLR0917  one option each
    review_id: Annotated[
        int | None,
        typer.Argument(help="Number of the review; none lists what waits.", metavar="ID", min=1),
    ] = None,
    approve: Annotated[bool, typer.Option("--approve", help="It is good enough as it is.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="It is not to be used.")] = False,
    redo: Annotated[
        bool, typer.Option("--redo", help="Make it once more: a new purchase, quoted first.")
    ] = False,
    model: Annotated[str | None, typer.Option(help="Redo: on this model of the catalogue.")] = None,
    sync_mode: Annotated[
        SyncName | None, typer.Option("--sync-mode", help="Redo: with this sync mode.")
    ] = None,
    budget_usd: Annotated[
        float | None,
        typer.Option("--budget", help="Redo: what it may cost, else you are asked.", min=0),
    ] = None,
    note: Annotated[str | None, typer.Option(help="Why; kept with the decision.")] = None,
    by: Annotated[
        str | None, typer.Option(help="Who decides; else the user of this machine.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="List all reviews, also those that were answered.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout.")
    ] = False,
) -> None:
    """Look at dubs that are not right, and decide.

    A dub whose checks fail is delivered and waits here; nothing is ever bought again by itself.
    With an ID alone: what is wrong, and what else could make it at what price.
    """
    from flows.cli import reviewing  # noqa: PLC0415  each command imports its own

    words = {"approve": approve, "reject": reject, "redo": redo}
    said = [word for word, wanted in words.items() if wanted]
    if len(said) > 1:
        raise typer.BadParameter("say one of --approve, --reject or --redo")
    if review_id is None:
        if said:
            raise typer.BadParameter(f"--{said[0]} what? name the review, as `dubline review` does")
        reviewing.list_reviews(everything=everything, as_json=as_json)
    elif not said:
        reviewing.show_review(review_id, as_json=as_json)
    else:
        fields = {
            "review": review_id,
            "decision": said[0],
            "model": model,
            "sync_mode": None if sync_mode is None else sync_mode.value,
            "budget_usd": budget_usd,
            "by": by,
            "note": note,
        }
        reviewing.answer_review(fields, as_json=as_json)
