"""The task `disclose`: what the output says of itself, and its signature."""

from lipsync import stages
from lipsync.cache import Made
from lipsync.decision import Decision
from lipsync.requests import Finished
from lipsync.tickets import Delivery
from tasks.stage import stage
from tasks.workshop import workshop


@stage("disclose", "disclose what the dub by {decision.model.id} is")
def disclose(decision: Decision, delivery: Delivery, finished: Finished) -> Made[Finished]:
    """Read the mark of the output back, and sign it where a certificate is configured."""
    return stages.disclose(workshop(), decision, delivery, finished)
