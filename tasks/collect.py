"""The task `collect`: from a ticket to its delivery."""

from lipsync import stages
from lipsync.cache import Made
from lipsync.tickets import Delivery, Ticket
from tasks.events import unknown_told
from tasks.following import shown, waiting_for
from tasks.stage import stage
from tasks.workshop import workshop


@stage("collect", "collect ticket {ticket.id} from {ticket.model}", retries=3)
def collect(ticket: Ticket) -> Made[Delivery]:
    """Wait for the result and bring it into the store; a broken download never buys again."""
    shop = workshop()
    with waiting_for(ticket), unknown_told(lambda: shop.ledger.ticket(ticket.id)):
        return stages.collect(shop, ticket, shown)
