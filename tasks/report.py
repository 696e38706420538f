"""The task `report`: the dub in its place, its record beside it, its story on the run's page."""

from prefect.artifacts import create_markdown_artifact

from lipsync import stages
from lipsync.cache import Made
from lipsync.decision import Decision
from lipsync.finish import Finished
from lipsync.params import DubParams
from lipsync.report import DubReport, summary
from lipsync.tickets import Delivery
from tasks.stage import stage, stages_so_far
from tasks.workshop import workshop


@stage("report", "report on {params.video.name}")
def report(
    params: DubParams,
    decision: Decision,
    delivery: Delivery,
    finished: Finished,
    verdicts: stages.Verdicts,
) -> Made[DubReport]:
    """Put the output and its record in place and tell the run's page about them."""
    made = stages.report(
        workshop(), params, decision, delivery, finished, verdicts, stages_so_far()
    )
    create_markdown_artifact(markdown=summary(made.value), key="dub", description="The dub.")
    return made
