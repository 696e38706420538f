"""Take: buy of the best choice; of the next one only where the ledger proves the first unbilled."""

import logging

from lipsync import stages
from lipsync.decision import Decision
from lipsync.errors import VendorError
from lipsync.fit import FittedPair
from lipsync.ordering import alternatives, taken
from lipsync.tickets import Delivery
from tasks.collect import collect
from tasks.submit import submit
from tasks.workshop import workshop

log = logging.getLogger("lipsync.take")


def take(decision: Decision, fitted: FittedPair) -> tuple[Decision, Delivery]:
    """Buy a dub and bring it here.

    Returns:
        The decision as it was carried out, and the delivery.

    Raises:
        BudgetError: Nothing was sent.
        VendorError: Or one of its kinds, about the last choice that was tried.
    """
    shop = workshop()
    choices = alternatives(decision, shop.catalogue)
    for choice in choices[:-1]:
        try:
            return _bought(choice, fitted)
        except VendorError as error:
            if error.retryable or not stages.is_unbilled(shop, choice, fitted):
                raise
            log.warning("%s did not work out and cost nothing: %s", choice.model.id, error)
    return _bought(choices[-1], fitted)


def _bought(choice: Decision, fitted: FittedPair) -> tuple[Decision, Delivery]:
    ticket = submit(choice, fitted)
    return taken(choice, ticket, workshop().catalogue), collect(ticket)
