"""`dubline review`: what waits for a person, and that person's word."""

import sys
from getpass import getuser
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from flows.cli.answering import answer, answered
from flows.cli.dubbing import VERIFICATION_FAILED, through_the_flow
from flows.cli.opening import opened
from flows.cli.showing import show_choices, table
from lipsync.errors import UsageError

if TYPE_CHECKING:
    from lipsync.params import DubParams
    from lipsync.report import DubReport
    from lipsync.review import Review
    from lipsync.review_params import ReviewParams
    from lipsync.reviewing import Redo


def list_reviews(*, everything: bool, as_json: bool) -> None:
    """Print what waits, or everything that was ever asked; oldest first."""
    from lipsync.review import OPEN, ReviewState, in_words  # noqa: PLC0415  not needed by --help

    with answered(as_json=as_json), opened() as shop:
        found = shop.ledger.reviews(tuple(ReviewState) if everything else tuple(OPEN))
        if as_json:
            answer({"reviews": [_as_json(one) for one in found]})
            return
        rows = (
            (
                str(one.id),
                str(one.state),
                one.output.name,
                one.model,
                in_words(one),
                one.decided_by or "",
                f"{one.decided_at or one.asked_at:%Y-%m-%d %H:%M}",
            )
            for one in found
        )
        headings = ("id", "state", "output", "model", "what fails", "by", "since (UTC)")
        Console().print(table(headings, rows, whole=2))


def show_review(review_id: int, *, as_json: bool) -> None:
    """Print what is wrong with a dub, and what else could make it."""
    from lipsync.output import recorded  # noqa: PLC0415  not needed by --help

    with answered(as_json=as_json), opened() as shop:
        review = shop.ledger.review(review_id)
        report = recorded(review.output)
        choices = () if report is None else report.choices
        if as_json:
            answer(_as_json(review) | {"choices": [one.model_dump(mode="json") for one in choices]})
            return
        _say(_lines(review))
        doubts = ((one.check, one.figure, one.limit, one.note) for one in review.doubts)
        Console().print(table(("what fails", "figure", "limit", "note"), doubts))
        if choices:
            show_choices(choices)
        _say([f"dubline review {review.id} --approve | --reject | --redo [--model M] [--budget $]"])


def _lines(review: "Review") -> list[str]:
    from lipsync.output import page_path  # noqa: PLC0415  not needed by --help
    from lipsync.review import followed, whose  # noqa: PLC0415  as above

    page = page_path(review.output)
    decided = [] if review.decided_at is None else [f"decided  {whose(review)}"]
    return [
        followed(review),
        f"output   {review.output}",
        *([f"page     {page}"] if page.is_file() else []),
        f"made by  {review.model}, ticket {review.ticket_id}",
        *decided,
    ]


def answer_review(fields: dict[str, Any], *, as_json: bool) -> None:
    """Write down a person's word; a redo is then made, and reviewed by itself if need be."""
    from lipsync.reviewing import answer as decide  # noqa: PLC0415  not needed by --help
    from lipsync.reviewing import never  # noqa: PLC0415  as above

    with answered(as_json=as_json):
        params = _valid(fields)
        with opened() as shop:
            confirm = never if as_json else _confirmed
            decided = decide(shop, params, params.by or _user(), confirm)
        review, report = decided.review, None
        if decided.redo is not None:
            review, report = _redone(review, decided.redo)
        _tell(review, report, as_json=as_json)
        if report is not None and report.failed:
            raise typer.Exit(VERIFICATION_FAILED)


def _valid(fields: dict[str, Any]) -> "ReviewParams":
    from pydantic import ValidationError  # noqa: PLC0415  not needed by --help

    from lipsync.review_params import ReviewParams  # noqa: PLC0415  as above

    try:
        return ReviewParams.model_validate(fields)
    except ValidationError as error:
        fault = error.errors()[0]
        raise UsageError(f"--{str(fault['loc'][0]).replace('_', '-')}: {fault['msg']}") from error


def _user() -> str:
    """Name the user of this machine; some containers have none."""
    try:
        return getuser()
    except (OSError, KeyError):
        return "somebody"


def _redone(review: "Review", params: "DubParams") -> "tuple[Review, DubReport]":
    report, _ = through_the_flow(params, None)
    with opened() as shop:
        return shop.ledger.redone_review(review.id, report.ticket_id), report


def _confirmed(redo: "Redo") -> bool:
    """Ask the person at the terminal, if there is one."""
    from lipsync.report import money  # noqa: PLC0415  not needed by --help

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    said = f"{redo.model}, {redo.predicted_s:.3f} s, {money(redo.price_usd)}"
    return typer.confirm(f"make it once more: {said}. Buy it?", err=True)


def _tell(review: "Review", report: "DubReport | None", *, as_json: bool) -> None:
    from lipsync.review import followed  # noqa: PLC0415  not needed by --help

    if as_json:
        made = None if report is None else report.model_dump(mode="json")
        answer(_as_json(review) | {"report": made})
        return
    if report is not None:
        from flows.cli.showing import show_report  # noqa: PLC0415  as above

        show_report(report, report.stages)
    _say([followed(review)])


def _say(lines: list[str]) -> None:
    out = Console()
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _as_json(review: "Review") -> dict[str, Any]:
    return review.model_dump(mode="json")
