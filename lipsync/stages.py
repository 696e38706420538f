"""The stages of one dub, each kept by the content of what goes into it.

A stage answers with what it made and whether that was there already. The task shells, the plan
of the command line and anyone's script call these; the order they go in is the flow's.

The media libraries, OpenCV and the ledger are imported by the stage that works with them, when it
has work to do: a dub that is finished is found again without any of them.
"""

import logging
import os
from decimal import Decimal
from functools import partial
from pathlib import Path

from lipsync.admission import Look, bed_facts, bed_wanted, seen, target
from lipsync.advice import advised, of_preview
from lipsync.buying import collect, is_unbilled, submit, ticket_of
from lipsync.cache import Made
from lipsync.carrying import stretch_of
from lipsync.decision import (
    Decision,
    Pair,
    check_bed,
    check_pair,
    normalizing,
    paired,
    planned,
    predicted,
)
from lipsync.disclosing import disclose
from lipsync.disclosure import verdict_of
from lipsync.errors import MediaError
from lipsync.fit import FittedPair, shown_as_sent
from lipsync.fitting import fit
from lipsync.home import Home
from lipsync.params import DubParams
from lipsync.profiles import profile_named
from lipsync.reporting import report
from lipsync.requests import (
    Finished,
    FinishRequest,
    SoundRequest,
    Soundtrack,
    StillRequest,
    Stills,
    Verdicts,
    VerifyRequest,
)
from lipsync.select import Selection, SelectRequest
from lipsync.select import select as choose
from lipsync.store import store_at
from lipsync.telling import output_of
from lipsync.tickets import Delivery
from lipsync.values import Value
from lipsync.voice import Voice, landed
from lipsync.workshop import Workshop

__all__ = [
    "Verdicts",
    "collect",
    "disclose",
    "finish",
    "fit",
    "is_unbilled",
    "normalize",
    "probe",
    "report",
    "select",
    "soundtrack",
    "stills",
    "submit",
    "ticket_of",
    "verify",
]

# Raised whenever a stage's result changes for the same input: what was kept is made again.
NORMALIZE, SELECT, SOUNDTRACK, FINISH, VERIFY, STILL = 1, 1, 1, 3, 3, 4

log = logging.getLogger(__name__)


class _Weighing(Value):
    """A selection is as old as its catalogue."""

    request: SelectRequest
    catalogue: str


def probe(shop: Workshop, params: DubParams) -> Made[Pair]:
    """Learn what both files are, and whose face is in the picture.

    Raises:
        MediaError: A file cannot be used, has no picture, or no sound.
    """
    shop.renew(params.video, params.voice)
    with shop.naming():
        video = seen(shop, Look(file=shop.file(params.video), faces=True))
        voice = seen(shop, Look(file=shop.file(params.voice), faces=False))
        check_pair(params, video.value.facts, voice.value.facts)
        check_bed(params, video.value.facts, bed_facts(shop, params))
        pair = paired(video.value.facts, voice.value.facts, video.value.faces)
    return Made(pair, video.cached and voice.cached, video.seconds + voice.seconds)


def normalize(shop: Workshop, params: DubParams, pair: Pair) -> Made[Voice]:
    """Bring the voice to 48 kHz WAV at its target loudness, its edges trimmed of silence.

    Raises:
        MediaError: The voice is silent, damaged, or has no such track.
    """
    request = normalizing(params, target(params), pair)

    def make() -> Voice:
        from lipsync.normalize import normalize as normalize_voice  # noqa: PLC0415  see the module

        return normalize_voice(request, shop.store)

    with shop.naming():
        return shop.cache.made("normalize", NORMALIZE, request, Voice, make)


def select(shop: Workshop, params: DubParams, pair: Pair, voice: Voice) -> Made[Decision]:
    """Plan the fit, hold every model against it, and settle on one.

    Raises:
        UsageError: The pinned model cannot be used, or the trim keeps nothing.
        MediaError: No automatic fit is within its limits.
        NoModelError: No model takes the pair.
        BudgetError: The choice is over the budget.
    """
    with shop.naming():
        plan = planned(params, pair, voice)
    own_usd = None if params.budget_usd is None else Decimal(str(params.budget_usd))
    budget = shop.means.ledger().budget(own_usd)
    request = SelectRequest(
        video=pair.video,
        voice=voice,
        faces=pair.faces,
        plan=plan,
        policy=params.policy,
        model=params.model,
        budget_usd=budget.per_dub_usd,
        options=params.options,
        vendors=shop.availability,
    )
    catalogue = shop.catalogue
    weighing = _Weighing(request=request, catalogue=catalogue.key)
    made = shop.cache.made(
        "select", SELECT, weighing, Selection, partial(choose, request, catalogue)
    )
    choices = {choice.model: choice for choice in made.value.choices}
    chosen = made.value.chosen
    decision = Decision(
        pair=pair,
        voice=voice,
        target=landed(target(params), voice),
        track=params.voice_track,
        plan=predicted(plan, choices[chosen].predicted_s),
        selection=made.value,
        model=catalogue.models[chosen],
        generation=params.generation,
        policy=params.policy,
        pinned=params.model is not None,
        options=params.options,
        budget_usd=own_usd,
    )
    return Made(decision, made.cached, made.seconds)


def soundtrack(
    shop: Workshop, params: DubParams, decision: Decision, fitted: FittedPair
) -> Made[Soundtrack]:
    """Encode the voice as it goes into the output.

    It takes nothing of what the vendor makes, so it may be made while that is awaited.

    Raises:
        MediaError: A file cannot be read.
    """
    return _sounding(shop, _heard(shop, params, decision, fitted))


def _heard(
    shop: Workshop, params: DubParams, decision: Decision, fitted: FittedPair
) -> SoundRequest:
    suffix = output_of(params, decision).suffix.lower()
    return SoundRequest(
        voice=fitted.voice,
        target=decision.target,
        level_lufs=decision.voice.after.integrated_lufs,
        suffix=suffix,
        sound=profile_named(params.profile).sound_in(suffix),
        bed=bed_wanted(shop, params, decision),
    )


def _sounding(shop: Workshop, request: SoundRequest) -> Made[Soundtrack]:
    make = partial(shop.doing, _encoded, request, shop.home)
    return shop.cache.made("soundtrack", SOUNDTRACK, request, Soundtrack, make)


def _encoded(request: SoundRequest, home: Home) -> Soundtrack:
    from lipsync.finish import encoded  # noqa: PLC0415  see the module

    return encoded(request, store_at(home))


def finish(
    shop: Workshop, params: DubParams, decision: Decision, fitted: FittedPair, delivery: Delivery
) -> Made[Finished]:
    """Put our voice over the delivered picture; the picture is copied.

    Raises:
        MediaError: The container does not take the picture's codec.
    """
    heard = _heard(shop, params, decision, fitted)
    request = FinishRequest(
        **dict(heard),
        picture=delivery.file,
        frames=decision.plan.frames,
        rate=decision.plan.rate,
        source=decision.pair.video.file,
        language=params.language,
        stretch=stretch_of(decision.plan, decision.pair.picture),
        preview=decision.model.preview,
        model=decision.model.title,
    )

    def make() -> Finished:
        return shop.doing(_finished, request, _sounding(shop, heard).value, shop.home)

    return shop.cache.made("finish", FINISH, request, Finished, make)


def _finished(request: FinishRequest, heard: Soundtrack, home: Home) -> Finished:
    from lipsync.finish import finish as finish_dub  # noqa: PLC0415  see the module

    return finish_dub(request, store_at(home), heard)


def verify(
    shop: Workshop, decision: Decision, fitted: FittedPair, finished: Finished
) -> Made[Verdicts]:
    """Hold the finished video against what was promised."""
    request = expected(decision, fitted, finished).model_copy(update=_scorer(shop))

    make = partial(shop.doing, _verified, request)
    made = shop.cache.made("verify", VERIFY, request, Verdicts, make)
    marked = (verdict_of(finished.disclosure),) if finished.disclosure else ()
    found = advised((*made.value.found, *marked), decision.selection.choices, decision.model.id)
    found = of_preview(found) if decision.model.preview else found
    return Made(made.value.model_copy(update={"found": found}), made.cached, made.seconds)


def _verified(request: VerifyRequest) -> Verdicts:
    from lipsync.verify import verify as verify_dub  # noqa: PLC0415  see the module

    return verify_dub(request)


def _scorer(shop: Workshop) -> dict[str, str]:
    """Name the scorer the user brings, if any, by its bytes too: a changed one is asked anew."""
    scorer = os.environ.get("DUBLINE_SCORER", "")
    file = Path(scorer.rpartition(":")[0])
    if not scorer or not file.is_file():
        return {"scorer": scorer} if scorer else {}
    return {"scorer": scorer, "scorer_sha256": shop.store.fingerprint(file).sha256}


def expected(decision: Decision, fitted: FittedPair, finished: Finished) -> VerifyRequest:
    """Gather everything an output is held against."""
    return VerifyRequest(
        output=finished.file,
        frames=decision.plan.frames,
        rate=decision.plan.rate,
        display_width_px=decision.pair.picture.display_width_px,
        display_height_px=decision.pair.picture.display_height_px,
        target=decision.target,
        supplied=decision.pair.voice.file,
        supplied_track=decision.track,
        lead_trimmed_s=decision.voice.lead_trimmed_s,
        tempo=decision.plan.tempo,
        fitted=fitted.voice,
        bed=finished.bed,
        sent=fitted.video if shown_as_sent(decision.plan) else None,
        imprint=fitted.imprint if shown_as_sent(decision.plan) else None,
    )


def stills(shop: Workshop, fitted: FittedPair, finished: Finished) -> Stills | None:
    """Picture the dub beside what was sent; None when that cannot be done, which fails nothing."""
    request = StillRequest(before=fitted.video, after=finished.file, voice=fitted.voice)

    make = partial(shop.doing, _pictured, request, shop.home)
    try:
        return shop.cache.made("still", STILL, request, Stills, make).value
    except MediaError as error:
        log.warning("no still: %s", error)
        return None


def _pictured(request: StillRequest, home: Home) -> Stills:
    from lipsync.still import make_stills  # noqa: PLC0415  see the module

    return make_stills(request, store_at(home))
