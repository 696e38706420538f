"""Origin: the hashes, numbers, times and versions by which a dub can be traced."""

import json
from datetime import datetime

from lipsync.pages.story import DubStory
from lipsync.provenance import Provenance
from lipsync.report import DubReport

Row = tuple[str, str]


def origin(story: DubStory) -> list[Row]:
    """List where a dub comes from, in the order in which somebody would ask."""
    rows = _files(story.report)
    return rows if story.provenance is None else [*rows, *_made(story.provenance)]


def _files(report: DubReport) -> list[Row]:
    return [
        ("output", str(report.output)),
        ("output SHA-256", report.output_sha256),
        ("video", str(report.video)),
        ("video SHA-256", report.video_sha256),
        ("voice", str(report.voice)),
        ("voice SHA-256", report.voice_sha256),
        ("request", f"{report.request_id} at {report.vendor}"),
        ("ticket", str(report.ticket_id)),
        ("dub key", report.dub_key),
    ]


def _made(record: Provenance) -> list[Row]:
    """Say what was asked of whom, when, with what, and what the file says of itself."""
    making, times = record.making, record.times
    rows = [
        ("endpoint", making.endpoint),
        ("arguments", json.dumps(making.arguments, ensure_ascii=False)),
        ("order", f"generation {making.generation}, attempt {making.attempt}"),
        ("ordered", _when(times.ordered_at)),
        ("delivered", _when(times.delivered_at)),
        ("made with", ", ".join(f"{name} {said}" for name, said in record.software.items())),
    ]
    return rows + _disclosed(record)


def _disclosed(record: Provenance) -> list[Row]:
    if record.disclosure is None:
        return []
    found, signature = record.disclosure.found, record.disclosure.signature
    signed = f"{signature.signer}, {signature.algorithm}" if signature else "nobody"
    return [
        ("the file says", record.disclosure.statement),
        ("source type", found.term if found else "no mark"),
        ("signed by", signed),
    ]


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
