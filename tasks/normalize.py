"""The task `normalize`: the voice at its target loudness, without silent edges."""

from lipsync import stages
from lipsync.cache import Made
from lipsync.decision import Pair
from lipsync.params import DubParams
from lipsync.voice import Voice
from tasks.stage import stage
from tasks.workshop import workshop


@stage("normalize", "normalize {params.voice.name}")
def normalize(params: DubParams, pair: Pair) -> Made[Voice]:
    """Bring the voice to 48 kHz WAV at its target loudness."""
    return stages.normalize(workshop(), params, pair)
