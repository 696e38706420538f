"""Provenance: the record of how an output came to be, for whoever has to account for it.

It lies beside the output in a file of its own. The report beside it is Dubline's: it names paths
of this machine, changes with Dubline, and is read back by it. This record goes where the video
goes: to a client, an archive, a platform. It names files by their names and hashes, keeps its
form, and says which form that is.
"""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from lipsync.decision import Asked, Decision
from lipsync.disclosure import Disclosure
from lipsync.requests import Finished
from lipsync.tickets import Delivery, Ticket
from lipsync.values import File, Value
from lipsync.verdicts import Mark, Verdict

Form = Literal["dubline.provenance/1"]


class Asset(Value):
    """A file, by its bytes; its name is only what it was called."""

    name: str
    sha256: str
    size_bytes: int


class Making(Value):
    """Who made the lips, on what request, of what."""

    vendor: str
    model: str = Field(description="The catalogue's id.")
    title: str
    endpoint: str
    trained_model: bool = Field(description="False: the embedded engine's preview.")
    request_id: str
    ticket_id: int
    order_key: str
    generation: int
    attempt: int
    arguments: dict[str, Any]
    sent_video_sha256: str
    sent_voice_sha256: str
    delivered_sha256: str


class Fitting(Value):
    """How the two lengths were made equal."""

    sync_mode: str
    reason: str
    by_vendor: bool
    tempo: float
    frames: int
    rate: str = Field(description="Frames per second, exact: 30000/1001.")
    lead_trimmed_s: float
    tail_trimmed_s: float


class Money(Value):
    """What it cost, in US dollars."""

    quoted_usd: Decimal | None = Field(description="None: no price is published.")
    billed_usd: Decimal | None = Field(description="None: nobody said.")


class Checked(Value):
    """One verdict."""

    check: str
    value: float | str
    limit: str
    verdict: Mark
    note: str = ""


class Times(Value):
    """When, in UTC, by the ledger's clock."""

    ordered_at: datetime
    sent_at: datetime | None
    delivered_at: datetime
    written_at: datetime


class Provenance(Value):
    """The whole record."""

    form: Form = "dubline.provenance/1"
    output: Asset
    video: Asset
    voice: Asset
    dub_key: str
    making: Making
    fitting: Fitting
    money: Money
    disclosure: Disclosure | None
    verdicts: tuple[Checked, ...]
    times: Times
    software: dict[str, str]


def provenance_path(output: Path) -> Path:
    """Say where the record of an output is: beside it.

    >>> provenance_path(Path("out/talk.mp4")).name
    'talk.mp4.provenance.json'
    """
    return output.with_name(f"{output.name}.provenance.json")


def recorded_provenance(output: Path) -> Provenance | None:
    """Read the record beside an output; None when there is none that can be read."""
    try:
        return Provenance.model_validate_json(provenance_path(output).read_bytes())
    except (OSError, ValidationError):
        return None


def provenance_of(  # noqa: PLR0913, PLR0917  a record is made of everything before it
    output: Path,
    asked: Asked,
    decision: Decision,
    ticket: Ticket,
    delivery: Delivery,
    finished: Finished,
    verdicts: tuple[Verdict, ...],
    software: dict[str, str],
    now: datetime,
) -> Provenance:
    """Tell how an output came to be."""
    return Provenance(
        output=_asset(finished.file, output.name),
        video=_asset(asked.video),
        voice=_asset(asked.voice),
        dub_key=asked.key,
        making=_making(decision, ticket, delivery),
        fitting=_fitting(decision),
        money=Money(quoted_usd=ticket.quoted_usd, billed_usd=delivery.billed_usd),
        disclosure=finished.disclosure,
        verdicts=tuple(_checked(verdict) for verdict in verdicts),
        times=Times(
            ordered_at=ticket.created_at,
            sent_at=ticket.sent_at,
            delivered_at=ticket.updated_at,
            written_at=now,
        ),
        software=software,
    )


def _asset(file: File, name: str | None = None) -> Asset:
    return Asset(name=name or file.path.name, sha256=file.sha256, size_bytes=file.size_bytes)


def _making(decision: Decision, ticket: Ticket, delivery: Delivery) -> Making:
    order = ticket.order
    return Making(
        vendor=order.vendor,
        model=order.model,
        title=decision.model.title,
        endpoint=order.endpoint,
        trained_model=not decision.model.preview,
        request_id=delivery.request_id,
        ticket_id=ticket.id,
        order_key=order.key,
        generation=order.generation,
        attempt=ticket.attempt,
        arguments=order.arguments,
        sent_video_sha256=order.video.sha256,
        sent_voice_sha256=order.voice.sha256,
        delivered_sha256=delivery.file.sha256,
    )


def _fitting(decision: Decision) -> Fitting:
    plan, voice = decision.plan, decision.voice
    return Fitting(
        sync_mode=plan.sync_mode,
        reason=plan.reason,
        by_vendor=plan.by_vendor,
        tempo=plan.tempo,
        frames=plan.frames,
        rate=str(plan.rate),
        lead_trimmed_s=voice.lead_trimmed_s,
        tail_trimmed_s=voice.tail_trimmed_s,
    )


def _checked(verdict: Verdict) -> Checked:
    return Checked(
        check=verdict.check,
        value=verdict.value,
        limit=verdict.limit,
        verdict=verdict.verdict,
        note=verdict.note,
    )
