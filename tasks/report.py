"""The task `report`: the dub in its place, its record and its page beside it, its story told."""

from pathlib import Path

from prefect.artifacts import (
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)

from lipsync import stages
from lipsync.cache import Made
from lipsync.decision import Decision
from lipsync.fit import FittedPair
from lipsync.pages.placing import page_of
from lipsync.params import DubParams
from lipsync.pictures import put_pictures
from lipsync.report import DubReport, check_rows, data_uri, summary
from lipsync.requests import Finished, Stills
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
    """Put the output, its record and its page in place, and tell the run's page about them."""
    made = stages.report(
        workshop(), params, decision, delivery, finished, verdicts, stages_so_far()
    )
    if not made.cached:
        tell_delivery(params, made.value)
    stills = stages.stills(workshop(), fitted, finished)
    page = page_of(params, decision, fitted, stills, made.value, verdicts.traces)
    put_pictures(workshop(), params, made.value.output, finished)
    _tell(made.value, stills, page)
    return made


def _tell(report: DubReport, stills: Stills | None, page: Path | None) -> None:
    """Show the same on the run's page."""
    create_markdown_artifact(markdown=summary(report), key="dub", description="The dub.")
    create_table_artifact(
        table=check_rows(report.verdicts), key="checks", description="What was measured."
    )
    if page is not None:
        create_link_artifact(link=page.as_uri(), key="page", description="The whole report.")
    if stills is not None:
        from lipsync.still import pair_of  # noqa: PLC0415  loads PyAV and OpenCV

        create_image_artifact(
            image_url=data_uri(pair_of(stills)),
            key="still",
            description="What was sent and what came of it, where the voice is loudest.",
        )
