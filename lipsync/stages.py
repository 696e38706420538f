"""The stages of one dub, each kept by the content of what goes into it.

A stage answers with what it made and whether that was there already. The task shells, the plan
of the command line and anyone's script call these; the order they go in is the flow's.

The media libraries, OpenCV and the ledger are imported by the stage that works with them, when it
has work to do: a dub that is finished is found again without any of them.
"""

import logging
import time
from decimal import Decimal
from functools import partial

from lipsync.admission import Look, asked, seen, target
from lipsync.buying import collect, is_unbilled, submit, ticket_of
from lipsync.cache import Made
from lipsync.decision import (
    Decision,
    Pair,
    check_pair,
    normalizing,
    paired,
    planned,
    predicted,
)
from lipsync.errors import MediaError
from lipsync.fit import FittedPair, FittedPicture, picture_plan
from lipsync.output import (
    is_in_place,
    place,
    record_path,
    recorded,
    refuse_to_overwrite,
    write_whole,
)
from lipsync.params import DubParams
from lipsync.progress import tell
from lipsync.report import DubReport, StageRun
from lipsync.requests import (
    ConformRequest,
    Finished,
    FinishRequest,
    PictureRequest,
    StillRequest,
    VerifyRequest,
)
from lipsync.select import Selection, SelectRequest
from lipsync.select import select as choose
from lipsync.telling import output_of, told
from lipsync.tickets import Delivery
from lipsync.values import File, Value
from lipsync.verdicts import Verdict
from lipsync.voice import Voice
from lipsync.workshop import Workshop

__all__ = [
    "Verdicts",
    "collect",
    "finish",
    "fit",
    "is_unbilled",
    "normalize",
    "probe",
    "report",
    "select",
    "still",
    "submit",
    "ticket_of",
    "verify",
]

# Raised whenever a stage's result changes for the same input: what was kept is made again.
NORMALIZE, SELECT, FIT, FINISH, VERIFY, STILL = 1, 1, 1, 1, 1, 1

log = logging.getLogger(__name__)


class _Weighing(Value):
    """A selection is as old as its catalogue."""

    request: SelectRequest
    catalogue: str


class Verdicts(Value):
    """What verify found."""

    found: tuple[Verdict, ...]


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
        target=target(params),
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


def fit(shop: Workshop, decision: Decision) -> Made[FittedPair]:
    """Carry out the fit plan: the pair that leaves has equal lengths within one frame.

    Raises:
        MediaError: A side is damaged, or shorter than the plan needs.
    """
    request = ConformRequest(
        video=decision.pair.video.file,
        video_facts=decision.pair.picture,
        plan=decision.plan,
        voice=decision.voice.file,
    )
    with shop.naming():
        picture, voice = _fitted_picture(shop, request), _fitted_voice(shop, request)
    fitted = FittedPair(
        video=picture.value.video,
        voice=voice.value,
        frames=picture.value.frames,
        rate=decision.plan.rate,
        copied_frames=picture.value.copied_frames,
        encoded_frames=picture.value.encoded_frames,
    )
    return Made(fitted, picture.cached and voice.cached, picture.seconds + voice.seconds)


def _fitted_picture(shop: Workshop, request: ConformRequest) -> Made[FittedPicture]:
    """Conform the picture: once for all voices that want the same of it."""
    picture = PictureRequest(
        video=request.video, video_facts=request.video_facts, plan=picture_plan(request.plan)
    )

    def make() -> FittedPicture:
        from lipsync.conform import conform_picture  # noqa: PLC0415  see the module

        return conform_picture(picture, shop.store, progress=partial(tell, "fit"))

    return shop.cache.made("fit-picture", FIT, picture, FittedPicture, make)


def _fitted_voice(shop: Workshop, request: ConformRequest) -> Made[File]:
    """Conform the voice."""

    def make() -> File:
        from lipsync.conform import conform_voice  # noqa: PLC0415  see the module

        return conform_voice(request, shop.store)

    return shop.cache.made("fit-voice", FIT, request, File, make)


def finish(
    shop: Workshop, params: DubParams, decision: Decision, fitted: FittedPair, delivery: Delivery
) -> Made[Finished]:
    """Put our voice over the delivered picture; the picture is copied.

    Raises:
        MediaError: The container does not take the picture's codec.
    """
    request = FinishRequest(
        picture=delivery.file,
        voice=fitted.voice,
        frames=decision.plan.frames,
        rate=decision.plan.rate,
        target=decision.target,
        level_lufs=decision.voice.after.integrated_lufs,
        source=decision.pair.video.file,
        suffix=output_of(params, decision).suffix.lower(),
        preview=decision.model.preview,
        model=decision.model.title,
    )

    def make() -> Finished:
        from lipsync.finish import finish as finish_dub  # noqa: PLC0415  see the module

        return finish_dub(request, shop.store)

    return shop.cache.made("finish", FINISH, request, Finished, make)


def verify(
    shop: Workshop, decision: Decision, fitted: FittedPair, finished: Finished
) -> Made[Verdicts]:
    """Hold the finished video against what was promised."""
    request = VerifyRequest(
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
    )

    def make() -> Verdicts:
        from lipsync.verify import verify as verify_dub  # noqa: PLC0415  see the module

        return Verdicts(found=verify_dub(request))

    return shop.cache.made("verify", VERIFY, request, Verdicts, make)


def report(  # noqa: PLR0913, PLR0917  a report is made of everything before it
    shop: Workshop,
    params: DubParams,
    decision: Decision,
    delivery: Delivery,
    finished: Finished,
    verdicts: Verdicts,
    ran: tuple[StageRun, ...],
) -> Made[DubReport]:
    """Put the output in its place, and its record beside it.

    Raises:
        StorageError: The output's folder cannot be written or is full; nothing is half-written.
        UsageError: Something else has appeared there meanwhile.
    """
    began_s = time.monotonic()
    output, wanted = output_of(params, decision), asked(shop, params, decision.pair)
    there = is_in_place(shop.store, output, finished.file)
    known = recorded(output)
    if there and known is not None and known.dub_key == wanted.key:
        return Made(known, cached=True, seconds=time.monotonic() - began_s)
    if not (there or params.overwrite):
        refuse_to_overwrite(shop.store, output, wanted.key)
    written = told(params, wanted, decision, delivery, finished, verdicts.found, ran)
    if not there:
        place(finished.file, output)
    text = written.model_dump_json(indent=2)
    write_whole(record_path(output), lambda trial: trial.write_text(text, encoding="utf-8"))
    return Made(written, cached=False, seconds=time.monotonic() - began_s)


def still(shop: Workshop, fitted: FittedPair, finished: Finished) -> File | None:
    """Picture the dub beside what was sent; None when that cannot be done, which fails nothing."""
    request = StillRequest(before=fitted.video, after=finished.file, voice=fitted.voice)

    def make() -> File:
        from lipsync.still import make_still  # noqa: PLC0415  see the module

        return make_still(request, shop.store)

    try:
        return shop.cache.made("still", STILL, request, File, make).value
    except MediaError as error:
        log.warning("no still: %s", error)
        return None
