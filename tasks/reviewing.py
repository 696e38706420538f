"""Reviewing: a person's word about a dub that was delivered and is not right."""

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from lipsync import reviewing
from lipsync.report import DubReport
from lipsync.review import Review, followed, in_words
from lipsync.review_params import ReviewParams
from lipsync.reviewing import Answer
from tasks.workshop import workshop

SOMEBODY = "somebody at the Prefect UI"


@task(task_run_name="{params.decision} review {params.review}", cache_policy=NO_CACHE)
def decide(params: ReviewParams) -> Answer:
    """Write the word down; a redo is quoted, and needs its budget in the form."""
    answer = reviewing.answer(workshop(), params, params.by or SOMEBODY)
    _show(answer.review)
    return answer


@task(task_run_name="review {review.id} is redone", cache_policy=NO_CACHE)
def settle(review: Review, report: DubReport) -> Review:
    """Write down which purchase a redo has led to."""
    settled = workshop().ledger.redone_review(review.id, report.ticket_id)
    _show(settled)
    return settled


def _show(review: Review) -> None:
    """Say on the run's page what was decided about what."""
    text = f"# {_plain(followed(review))}\n\n{_plain(in_words(review))}\n"
    create_markdown_artifact(text, key="review", description="What was decided.")


def _plain(text: str) -> str:
    """Keep a file's name from being read as markup."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{sign}" if sign in "\\`*_[]|#!" else sign for sign in escaped)
