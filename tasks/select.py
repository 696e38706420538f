"""The task `select`: which model, how long, at what price; and not a cent spent yet."""

from prefect.artifacts import create_table_artifact

from lipsync import stages
from lipsync.admission import keep_what_is_there
from lipsync.cache import Made
from lipsync.decision import Decision, Pair
from lipsync.params import DubParams
from lipsync.report import choice_rows
from lipsync.voice import Voice
from tasks.events import dub_named, overrun_told
from tasks.stage import stage
from tasks.workshop import workshop


@stage("select", "select a model for {params.video.name}")
def select(params: DubParams, pair: Pair, voice: Voice) -> Made[Decision]:
    """Plan the fit, hold every model against it, and settle on one within the budget."""
    shop = workshop()
    with overrun_told(dub_named(params.video, params.voice)):
        made = stages.select(shop, params, pair, voice)
    keep_what_is_there(shop, params, made.value)
    create_table_artifact(
        table=choice_rows(made.value.selection.choices),
        key="choices",
        description="Every model held against this dub, best first.",
    )
    return made
