"""The task `verify`: is it what was promised?"""

from lipsync import stages
from lipsync.cache import Made
from lipsync.decision import Decision
from lipsync.fit import FittedPair
from lipsync.requests import Finished
from tasks.stage import stage
from tasks.workshop import workshop


@stage("verify", "verify {decision.plan.frames} frames and the voice")
def verify(decision: Decision, fitted: FittedPair, finished: Finished) -> Made[stages.Verdicts]:
    """Measure the finished video beside every limit."""
    return stages.verify(workshop(), decision, fitted, finished)
