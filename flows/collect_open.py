"""The flow `collect-open`: every open ticket is asked after, and what is done is brought here."""

from prefect import flow

from lipsync.settle import Settled
from tasks.collect_open import collect_open as collect_all


@flow(name="collect-open", flow_run_name="collect what is open")
def collect_open() -> tuple[Settled, ...]:
    """Collect the result of every open ticket into the store; nothing is ever bought.

    Safe at any time, any number of times, on any machine that shares the ledger.
    """
    return collect_all()
