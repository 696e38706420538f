"""The task `probe`: what are these two files?"""

from lipsync import stages
from lipsync.admission import admit
from lipsync.cache import Made
from lipsync.decision import Pair
from lipsync.params import DubParams
from tasks.stage import stage
from tasks.workshop import workshop


@stage("probe", "probe {params.video.name} and {params.voice.name}")
def probe(params: DubParams) -> Made[Pair]:
    """Learn what both files are, and whose face is in the picture."""
    shop = workshop()
    admit(shop, params)
    return stages.probe(shop, params)
