"""Finished: a row whose dub is in its place is found by the record beside it, and costs nothing."""

from pathlib import Path

from lipsync.admission import asked
from lipsync.links import place_of
from lipsync.output import default_output, recorded
from lipsync.params import DubParams
from lipsync.profiles import profile_named
from lipsync.report import DubReport
from lipsync.workshop import Workshop


def placed(params: DubParams, folder: Path | None, *, preview: bool) -> Path:
    """Say where the dub of a row goes: as the row says, else into the folder, else to the video."""
    if params.output is not None:
        return params.output
    suffix = profile_named(params.profile).suffix_for(place_of(params.video))
    beside = default_output(params.video, params.voice, preview=preview, suffix=suffix)
    return beside if folder is None else folder / beside.name


def finished(shop: Workshop, params: DubParams, folder: Path | None) -> DubReport | None:
    """Find the record of a dub that was asked for just like this and is in its place, intact.

    A preview that was all there was to have does not count once a real model can be had.
    """
    real = any(
        row.vendor in shop.availability and shop.availability[row.vendor] is None
        for row in shop.catalogue.models.values()
        if not row.preview
    )
    key = asked(shop, params).key
    for output in {placed(params, folder, preview=preview): None for preview in (False, True)}:
        report = recorded(output)
        if report is None or report.dub_key != key or not _stands(shop, output, report):
            continue
        row = shop.catalogue.models.get(report.model)
        if params.model is None and real and (row is None or row.preview):
            continue
        return report
    return None


def _stands(shop: Workshop, output: Path, report: DubReport) -> bool:
    return output.is_file() and shop.store.fingerprint(output).sha256 == report.output_sha256
