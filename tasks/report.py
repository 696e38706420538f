"""The task `report`: the dub in its place, its record beside it, its story on the run's page."""

from prefect.artifacts import create_image_artifact, create_markdown_artifact

from lipsync import stages
from lipsync.cache import Made
from lipsync.decision import Decision
from lipsync.fit import FittedPair
from lipsync.params import DubParams
from lipsync.report import DubReport, data_uri, summary
from lipsync.requests import Finished
from lipsync.tickets import Delivery
from tasks.events import tell_delivery
from tasks.stage import stage, stages_so_far
from tasks.workshop import workshop


@stage("report", "report on {params.video.name}")
def report(  # noqa: PLR0913, PLR0917  a report is made of everything before it
    params: DubParams,
    decision: Decision,
    fitted: FittedPair,
    delivery: Delivery,
    finished: Finished,
    verdicts: stages.Verdicts,
) -> Made[DubReport]:
    """Put the output and its record in place and tell the run's page about them."""
    made = stages.report(
        workshop(), params, decision, delivery, finished, verdicts, stages_so_far()
    )
    if not made.cached:
        tell_delivery(params, made.value)
    create_markdown_artifact(markdown=summary(made.value), key="dub", description="The dub.")
    if (picture := stages.still(workshop(), fitted, finished)) is not None:
        create_image_artifact(
            image_url=data_uri(picture.path.read_bytes()),
            key="still",
            description="What was sent and what came of it, where the voice is loudest.",
        )
    return made
