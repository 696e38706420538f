"""The task `fit`: both sides made equally long."""

from lipsync import stages
from lipsync.cache import Made
from lipsync.decision import Decision
from lipsync.fit import FittedPair
from tasks.stage import stage
from tasks.workshop import workshop


@stage("fit", "fit by {decision.plan.sync_mode.value} to {decision.plan.frames} frames")
def fit(decision: Decision) -> Made[FittedPair]:
    """Cut, hold, loop, bounce or retime, so that what is sent has equal lengths."""
    return stages.fit(workshop(), decision)
