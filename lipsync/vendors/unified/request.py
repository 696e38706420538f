"""The request: the body of the one POST, with what was chosen and nothing else."""

from typing import Any

from lipsync.catalogue import MediaFields, Model
from lipsync.errors import VendorRefused
from lipsync.options import check_arguments
from lipsync.tickets import Media, Order


def body_of(order: Order, media: Media, fields: MediaFields, model: Model) -> dict[str, Any]:
    """Write the body of the POST.

    Args:
        order: What is bought; its arguments were chosen by the user or by the fit.
        media: Where the vendor can fetch the pair.
        fields: What the API calls the two; captures of its documentation disagree.
        model: The row of the catalogue the order was made from.

    Raises:
        VendorRefused: As `refuse_what_is_not_taken`.
    """
    refuse_what_is_not_taken(order, model)
    return {**order.arguments, fields.video: media.video_url, fields.voice: media.voice_url}


def refuse_what_is_not_taken(order: Order, model: Model) -> None:
    """Refuse what the model does not take: the API answers 422 to some of it, and drops the rest.

    Raises:
        VendorRefused: An argument is not one the model takes, or not within its range; nothing
            was sent.
    """
    for finding in check_arguments(model, order.arguments):
        raise VendorRefused(f"{finding.sentence}; nothing was sent, leave it out or change it")
