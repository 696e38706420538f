"""The task `finish`: our voice over the delivered picture."""

from lipsync import stages
from lipsync.cache import Made
from lipsync.decision import Decision
from lipsync.fit import FittedPair
from lipsync.params import DubParams
from lipsync.requests import Finished
from lipsync.tickets import Delivery
from tasks.stage import stage
from tasks.workshop import workshop


@stage("finish", "finish the dub of {params.video.name}")
def finish(
    params: DubParams, decision: Decision, fitted: FittedPair, delivery: Delivery
) -> Made[Finished]:
    """Mux the voice onto the picture, which is copied."""
    return stages.finish(workshop(), params, decision, fitted, delivery)
