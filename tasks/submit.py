"""The task `submit`: the one order, sent once."""

from prefect.runtime import flow_run

from lipsync import stages
from lipsync.cache import Made
from lipsync.decision import Decision
from lipsync.fit import FittedPair
from lipsync.tickets import Ticket
from tasks.events import dub_named, overrun_told, unknown_told
from tasks.following import buying_for
from tasks.stage import stage
from tasks.workshop import workshop


@stage("submit", "submit to {decision.model.id}", retries=3)
def submit(decision: Decision, fitted: FittedPair) -> Made[Ticket]:
    """Send the order, or attach to the ticket it already has; the run's budget pays."""
    run = flow_run.id
    if run is not None:
        buying_for(run)
    shop = workshop()
    dub = dub_named(decision.pair.video.file.path, decision.pair.voice.file.path)
    with overrun_told(dub), unknown_told(lambda: stages.ticket_of(shop, decision, fitted)):
        return stages.submit(shop, decision, fitted, run)
