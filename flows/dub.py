"""The flow `dub`: one pair in, one verified dub out."""

from prefect import flow

from lipsync.drafts import language_in_name
from lipsync.params import DubParams
from lipsync.report import DubReport
from tasks.disclose import disclose
from tasks.events import tell_failure
from tasks.finish import finish
from tasks.fit import fit
from tasks.normalize import normalize
from tasks.parting import let_go
from tasks.probe import probe
from tasks.report import report
from tasks.select import select
from tasks.stage import journal
from tasks.tags import tag_run
from tasks.take import take
from tasks.verify import verify


@flow(
    name="dub",
    flow_run_name="dub {params.video.name} with {params.voice.name}",
    on_cancellation=[let_go],
    on_failure=[tell_failure],
)
def dub(params: DubParams) -> DubReport:
    """Dub one pair: a video and a voice in, a lip-synced, verified video out.

    Every stage is kept by the content of what goes into it: running the same dub again makes
    nothing twice, and a paid request is bought once, whatever happens in between.

    Args:
        params: What to dub and how.
    """
    with journal():
        pair = probe(params)
        voice = normalize(params, pair)
        decision = select(params, pair, voice)
        fitted = fit(decision)
        decision, delivery = take(decision, fitted)
        tag_run(decision.model.id, language_in_name(params.video.name, params.voice.name))
        finished = finish(params, decision, fitted, delivery)
        finished = disclose(decision, delivery, finished)
        verdicts = verify(decision, fitted, finished)
        return report(params, decision, fitted, delivery, finished, verdicts)
