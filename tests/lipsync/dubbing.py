"""A whole dub on the embedded engine, stage by stage, as the flow does it; without Prefect."""

from pathlib import Path
from typing import Any, NamedTuple

from lipsync import stages
from lipsync.decision import Decision
from lipsync.params import DubParams
from lipsync.report import DubReport
from lipsync.requests import Finished
from lipsync.workshop import Workshop
from tests.voices import ffmpeg, make_voice

SAMPLES = Path(__file__).parents[2] / "data" / "samples"


class Dubbed(NamedTuple):
    """What the last stages made."""

    report: DubReport
    finished: Finished
    decision: Decision
    cached: bool


def make_pair(folder: Path) -> dict[str, Any]:
    """Cut a second of the sample, small, and write a voice of the same length."""
    video = folder / "talk.mp4"
    encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    scaled = ("-vf", "scale=320:240", "-frames:v", "25", "-an")
    ffmpeg("-i", SAMPLES / "talk.mp4", *scaled, *encoder, video)
    return {"video": video, "voice": make_voice(folder / "voice.wav", 1.0), "trim_silence": False}


def dub(shop: Workshop, **wanted: Any) -> Dubbed:
    """Dub a pair with the preview, unless another model is wanted."""
    params = DubParams(**({"model": "local-preview"} | wanted))
    pair = stages.probe(shop, params).value
    decision = stages.select(shop, params, pair, stages.normalize(shop, params, pair).value).value
    fitted = stages.fit(shop, decision).value
    delivery = stages.collect(shop, stages.submit(shop, decision, fitted).value).value
    finished = stages.finish(shop, params, decision, fitted, delivery).value
    disclosed = stages.disclose(shop, decision, delivery, finished)
    verdicts = stages.verify(shop, decision, fitted, disclosed.value).value
    made = stages.report(shop, params, decision, delivery, disclosed.value, verdicts, ())
    return Dubbed(made.value, disclosed.value, decision, disclosed.cached and made.cached)
