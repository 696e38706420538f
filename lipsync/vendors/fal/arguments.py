"""Arguments: the body of the one POST; what a model would ignore or not take stops here.

fal reads the arguments when the job runs, which may be charged, and drops some without a word
(fal-protocol.md §3, providers.md §2.1). The catalogue says what each endpoint takes.
"""

from typing import Any

from lipsync.catalogue import Model
from lipsync.errors import VendorRefused
from lipsync.options import check_arguments
from lipsync.tickets import Media, Order

_OVERRIDE = "sync_mode"


def body_of(order: Order, media: Media, model: Model) -> dict[str, Any]:
    """Write the body: the pair's links, and the arguments somebody chose.

    Raises:
        VendorRefused: The model does not take an argument, or would ignore it; nothing was sent.
    """
    check(order, model)
    links = {model.media.video: media.video_url, model.media.voice: media.voice_url}
    return order.arguments | links


def check(order: Order, model: Model) -> None:
    """Refuse an order whose arguments its model does not take as they are.

    Raises:
        VendorRefused: The sentence names the argument, its value, and what is taken.
    """
    sentences = [finding.sentence for finding in check_arguments(model, order.arguments)]
    if contradiction := _override(order.arguments, model):
        sentences.append(contradiction)
    if order.endpoint != model.endpoint:
        sentences.append(f"{model.id} is at {model.endpoint}, not {order.endpoint}")
    if sentences:
        raise VendorRefused(f"{sentences[0]}; nothing was sent, leave it out or change it")


def _override(arguments: dict[str, Any], model: Model) -> str | None:
    """Say when an option overrides the sync mode the pair was fitted for."""
    option = model.options.get(_OVERRIDE)
    if option is None:
        return None
    table, _, field = option.field.rpartition(".")
    within = arguments.get(table) if table else arguments
    asked = within.get(field) if isinstance(within, dict) else None
    fitted = arguments.get(model.sync.field)
    if asked is None or asked == fitted:
        return None
    return f"{option.field} = {asked} overrides the {fitted} this pair is fitted for"
