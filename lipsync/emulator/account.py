"""The account: what the vendors took, what became of it, and what they bill."""

from collections import Counter
from decimal import Decimal
from typing import Any

from pydantic import Field

from lipsync.emulator.jobs import Job, Phase
from lipsync.values import Value


class Accepted(Value):
    """One accepted job: one purchase."""

    vendor: str
    request_id: str
    endpoint: str
    arguments: dict[str, Any]
    accepted_at_s: float = Field(description="Seconds since 1970, on the vendor's clock.")
    phase: Phase
    status: int | None = Field(description="HTTP status of the result; None: not there yet.")
    url: str | None = Field(description="Link of the file.")
    output_s: float
    billed_units: Decimal
    billed_usd: Decimal | None = Field(description="None: no price is published.")
    dub: str | None = Field(description="Hash of model, arguments and the bytes of the pair.")
    calls: dict[str, int] = Field(description="Requests about it, by route.")


class Account(Value):
    """Everything the emulated vendors sold."""

    accepted: tuple[Accepted, ...]
    calls: dict[str, int] = Field(description="All requests, by 'vendor route'.")
    turned_away: tuple[str, ...] = Field(description="Hosts the proxy refused.")

    @property
    def distinct(self) -> int:
        """How many different dubs were bought; less than `accepted` is a double purchase."""
        return len({job.dub or job.request_id for job in self.accepted})

    @property
    def duplicates(self) -> int:
        """How many purchases too many."""
        return len(self.accepted) - self.distinct

    @property
    def billed_usd(self) -> Decimal:
        """The bill, where prices are published."""
        return sum((job.billed_usd or Decimal(0) for job in self.accepted), Decimal(0))

    def summary(self) -> dict[str, Any]:
        """Write it as JSON, figures first."""
        return {
            "accepted": len(self.accepted),
            "distinct": self.distinct,
            "duplicates": self.duplicates,
            "billed_usd": str(self.billed_usd),
            "jobs": [job.model_dump(mode="json") for job in self.accepted],
            "calls": self.calls,
            "turned_away": list(self.turned_away),
        }


def entry(job: Job, now_s: float) -> Accepted:
    """Write down a job; its line must be up to date, and its file is waited for."""
    made = job.made.result()
    phase = job.phase(now_s)
    outcome = job.outcome() if phase is Phase.ENDED else None
    return Accepted(
        vendor=job.vendor,
        request_id=job.id,
        endpoint=job.endpoint,
        arguments=job.arguments,
        accepted_at_s=job.accepted_s,
        phase=phase,
        status=None if outcome is None else outcome.status,
        url=None if outcome is None else outcome.url,
        output_s=0.0 if outcome is None else outcome.output_s,
        billed_units=Decimal(0) if outcome is None else outcome.units,
        billed_usd=Decimal(0) if outcome is None else outcome.usd,
        dub=made.dub,
        calls=dict(job.calls),
    )


def by_name(calls: Counter[tuple[str, str]]) -> dict[str, int]:
    """Name the calls as JSON can: 'fal submit'."""
    return {f"{vendor} {route}": count for (vendor, route), count in sorted(calls.items())}
