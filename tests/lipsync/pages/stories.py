"""Stories to draw: good by default, and the texts that strangers would have us show."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from lipsync.disclosure import Disclosure, SourceType
from lipsync.pages.story import BatchRow, BatchStory, Curves, DubStory, Motion, Shot
from lipsync.provenance import Asset, Provenance
from lipsync.report import DubReport, StageRun
from lipsync.select import Choice
from lipsync.strip import Became, Piece, Strip
from lipsync.verdicts import Mark, Verdict

# A picture of one pixel.
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="

HOSTILE = {
    "script": "<script>document.title='owned'</script>.mp4",
    "attribute": "\"onmouseover=\"document.title='owned'\" x='.mp4",
    "image": "<img src=x onerror=\"document.title='owned'\">.mp4",
    "style": "</style><style>body{display:none}</style>.mp4",
    "template": "{{ 7 * 7 }}{% for x in y %}.mp4",
    "right to left": "\u202e4pm.כתב\u2066.mp4",
    "emoji": "👩‍🚀🏴‍☠️ déjà.mp4",
    "10 kB": "x" * 10_000 + ".mp4",
    "controls": "a\x00b\x1b[31mc\nd.mp4",
    "no UTF-8": "caf\udce9.mp4",
}


def verdict(check: str = "length", mark: Mark = Mark.PASS, **wanted: Any) -> Verdict:
    """A check of a dub."""
    fields = {"value": 50.0, "limit": "50 frames"} | wanted
    return Verdict(check=check, verdict=mark, **fields)


def report(name: str = "out.mp4", **wanted: Any) -> DubReport:
    """The report of a dub that is right."""
    fields: dict[str, Any] = {
        "output": Path("/out") / name,
        "output_sha256": "a" * 64,
        "dub_key": "b" * 64,
        "video": Path("/in/talk.mp4"),
        "video_sha256": "c" * 64,
        "voice": Path("/in/de.wav"),
        "voice_sha256": "d" * 64,
        "vendor": "fal",
        "model": "sync-2",
        "request_id": "req-1",
        "ticket_id": 7,
        "video_s": 2.0,
        "voice_s": 2.5,
        "mismatch_s": 0.5,
        "sync_mode": "loop",
        "sync_reason": "chosen; voice 2.50 s, video 2.00 s",
        "tempo": 1.0,
        "predicted_s": 2.5,
        "output_s": 2.5,
        "quoted_usd": Decimal("0.30"),
        "billed_usd": Decimal("0.25"),
        "loudness_lufs": -16.0,
        "true_peak_dbtp": -1.5,
        "voice_offset_ms": 0.1,
        "verdicts": (verdict(), verdict("voice_offset", value=0.1, limit="±5 ms")),
        "choices": (choice(), choice("latentsync", accepted=False, reasons=("too long",))),
        "notes": ("one note",),
        "stages": (StageRun(name="probe", state="Cached", seconds=0.1),),
    }
    return DubReport(**(fields | wanted))


def choice(model: str = "sync-2", **wanted: Any) -> Choice:
    """A model held against the dub."""
    fields: dict[str, Any] = {
        "vendor": "fal",
        "accepted": True,
        "reasons": ("the cheapest",),
        "predicted_s": 2.5,
        "price_usd": Decimal("0.30"),
    }
    return Choice(model=model, **(fields | wanted))


def provenance(**wanted: Any) -> Provenance:
    """The record of a dub by a trained model."""
    at = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
    fields: dict[str, Any] = {
        "output": Asset(name="out.mp4", sha256="a" * 64, size_bytes=1),
        "video": Asset(name="talk.mp4", sha256="c" * 64, size_bytes=1),
        "voice": Asset(name="de.wav", sha256="d" * 64, size_bytes=1),
        "dub_key": "b" * 64,
        "making": {
            "vendor": "fal",
            "model": "sync-2",
            "title": "Sync 2",
            "endpoint": "fal-ai/sync-lipsync/v2",
            "trained_model": True,
            "request_id": "req-1",
            "ticket_id": 7,
            "order_key": "e" * 64,
            "generation": 1,
            "attempt": 1,
            "arguments": {"sync_mode": "cut_off"},
            "sent_video_sha256": "f" * 64,
            "sent_voice_sha256": "f" * 64,
            "delivered_sha256": "f" * 64,
        },
        "fitting": {
            "sync_mode": "loop",
            "reason": "chosen",
            "by_vendor": False,
            "tempo": 1.0,
            "frames": 50,
            "rate": "25",
            "lead_trimmed_s": 0.3,
            "tail_trimmed_s": 0.0,
        },
        "money": {"quoted_usd": "0.30", "billed_usd": "0.25"},
        "disclosure": Disclosure(
            source_type=SourceType.COMPOSITE_WITH_TRAINED,
            statement="Lips re-generated.",
            found=SourceType.COMPOSITE_WITH_TRAINED,
        ),
        "verdicts": (),
        "times": {"ordered_at": at, "sent_at": at, "delivered_at": at, "written_at": at},
        "software": {"dubline": "0.1.0"},
    }
    return Provenance.model_validate(fields | wanted)


def story(name: str = "out.mp4", **wanted: Any) -> DubStory:
    """A dub whose picture goes round once more, with everything a page can show."""
    pieces = (
        Piece(became=Became.PLAYED, from_s=0.0, to_s=2.0),
        Piece(became=Became.AGAIN, from_s=2.0, to_s=2.5, note="round 2"),
    )
    voice = (
        Piece(became=Became.CUT, from_s=-0.3, to_s=0.0, note="silence taken off"),
        Piece(became=Became.PLAYED, from_s=0.0, to_s=2.5),
    )
    curves = Curves(
        step_s=0.04,
        voice_db=tuple(-60.0 + 40 * (k % 9 > 3) for k in range(62)),
        motion=Motion(step_s=0.04, before=(0.1,) * 62, after=(None, *(0.2, 0.9) * 30)),
        marks_s=(2.0,),
    )
    fields: dict[str, Any] = {
        "report": report(name),
        "shots": tuple(Shot(at_s=at_s, before=PIXEL, after=PIXEL) for at_s in (0.5, 1.5, 2.2)),
        "strip": Strip(output_s=2.5, picture=pieces, voice=voice),
        "curves": curves,
        "provenance": provenance(),
    }
    return DubStory(**(fields | wanted))


def row(line: int = 2, **wanted: Any) -> BatchRow:
    """A row whose dub is there and right."""
    fields: dict[str, Any] = {
        "line": line,
        "id": f"row-{line}",
        "state": "delivered",
        "good": True,
        "there": True,
        "language": ("deu", "fra", "spa")[line % 3],
        "model": ("sync-2", "latentsync")[line % 2],
        "quoted_usd": Decimal("0.30"),
        "billed_usd": Decimal("0.30"),
        "spent_usd": Decimal("0.30"),
        "mismatch_s": 0.25,
        "sync_mode": "loop",
        "output_s": 2.5,
        "output": f"out/{line}.mp4",
        "page": f"out/{line}.mp4.html",
        "thumb": PIXEL,
    }
    return BatchRow(**(fields | wanted))


def failed(line: int = 9, **wanted: Any) -> BatchRow:
    """A row without a dub."""
    fields: dict[str, Any] = {
        "state": "failed",
        "good": False,
        "there": False,
        "reason": "in/talk.mp4: is cut off",
        "billed_usd": None,
        "spent_usd": None,
        "output_s": None,
        "output": None,
        "page": None,
        "thumb": None,
    }
    return row(line, **(fields | wanted))


def batch(*rows: BatchRow, **wanted: Any) -> BatchStory:
    """A batch."""
    return BatchStory(title=wanted.pop("title", "week 47"), rows=rows, took_s=60.0, **wanted)
