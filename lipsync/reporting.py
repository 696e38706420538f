"""Reporting: the last stage, which puts an output and what is known of it in place."""

import logging
import time
from pathlib import Path

from lipsync.admission import asked
from lipsync.cache import Made
from lipsync.decision import Asked, Decision, Pair
from lipsync.disclosing import record_provenance
from lipsync.links import Link
from lipsync.output import (
    is_in_place,
    place,
    record_path,
    recorded,
    refuse_to_overwrite,
    write_whole,
)
from lipsync.params import DubParams
from lipsync.provenance import recorded_provenance
from lipsync.report import DubReport, StageRun
from lipsync.requests import Finished, Verdicts
from lipsync.review import case_of
from lipsync.telling import output_of, told
from lipsync.tickets import Delivery
from lipsync.values import File
from lipsync.workshop import Workshop

log = logging.getLogger(__name__)


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
    accounted_for = recorded_provenance(output) is not None
    if there and known is not None and _is_this(known, wanted, verdicts) and accounted_for:
        _ask_about(shop, known, params, decision.pair)
        return Made(known, cached=True, seconds=time.monotonic() - began_s)
    if not (there or params.overwrite):
        refuse_to_overwrite(shop.store, output, wanted.key)
    written = told(output, params, wanted, decision, delivery, finished, verdicts.found, ran)
    if not there:
        place(finished.file, output)
        shop.store.placed(finished.file, output)  # before anybody can have changed it
    record_provenance(shop, output, wanted, decision, delivery, finished, verdicts.found)
    text = written.model_dump_json(indent=2)
    write_whole(record_path(output), lambda trial: trial.write_text(text, encoding="utf-8"))
    _ask_about(shop, written, params, decision.pair)
    return Made(written, cached=False, seconds=time.monotonic() - began_s)


def _is_this(known: DubReport, wanted: Asked, verdicts: Verdicts) -> bool:
    """Say whether a record is of this dub, and still says what was found."""
    return known.dub_key == wanted.key and known.verdicts == verdicts.found


def _found_again(given: Path | Link, written: Path | Link, file: File) -> Path | Link:
    """Say where an input is found when its dub is made once more.

    A link is written down without its query. Where more than a signature is lost by that, what is
    left may lead to another file: then it is the file that was fetched.
    """
    loses = isinstance(given, Link) and given.unsigned != given.address
    return file.path if loses else written


def _ask_about(shop: Workshop, report: DubReport, params: DubParams, pair: Pair) -> None:
    """Have a person look at a dub that is not right; it holds nothing, and nothing waits for it."""
    video = _found_again(params.video, report.video, pair.video.file)
    voice = _found_again(params.voice, report.voice, pair.voice.file)
    case = case_of(report, params, video, voice)
    if case is not None:
        review = shop.ledger.ask_review(case)
        log.warning("%s: review %d is %s", report.output.name, review.id, review.state)
