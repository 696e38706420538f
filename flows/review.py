"""The flow `review`: a person's word about a dub that was delivered and is not right."""

from prefect import flow

from flows.dub import dub
from lipsync.review import Review
from lipsync.review_params import ReviewParams
from tasks.reviewing import decide, settle


@flow(name="review", flow_run_name="{params.decision} review {params.review}")
def review(params: ReviewParams) -> Review:
    """Approve, reject or redo a dub that needs review.

    A redo is a new purchase, quoted and held to the budget before anything is sent; run again it
    goes on where it was, and buys nothing twice.

    Args:
        params: Which dub, and what you say.
    """
    answer = decide(params)
    if answer.redo is None:
        return answer.review
    return settle(answer.review, dub(answer.redo))
