"""The task `collect_open`: every ticket that may still lead to a delivery."""

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from lipsync.settle import Settled
from lipsync.settle import collect_open as settle_open
from tasks.workshop import workshop


@task(name="collect-open", task_run_name="collect what is open", cache_policy=NO_CACHE)
def collect_open() -> tuple[Settled, ...]:
    """Ask after every open ticket once, and bring here what is done; nothing is bought."""
    shop = workshop()
    found = settle_open(shop.ledger, shop.vendor, shop.store)
    create_table_artifact(
        table=[row(one) for one in found], key="open-tickets", description="What became of each."
    )
    return found


def row(one: Settled) -> dict[str, str]:
    """Lay one ticket out as a row of a table."""
    ticket = one.ticket
    return {
        "ticket": str(ticket.id),
        "model": ticket.model,
        "request": ticket.request_id or "",
        "state": str(ticket.state),
        "delivery": "" if one.delivery is None else str(one.delivery.file.path),
        "said": one.said,
    }
