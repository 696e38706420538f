"""Limits: how much of a batch happens at a time, on this machine and at the vendors."""

import os
from typing import Annotated

from pydantic import Field

from lipsync.batch.params import BatchParams
from lipsync.errors import UsageError
from lipsync.means import Means
from lipsync.values import Value
from lipsync.vendors import VENDORS

# Ours: transfers and requests wait far more than they compute. As many may be on the way.
COURIERS = 16
# Ours: so many rows are made ready beyond what a vendor may have in flight, so that no place there
# stands empty; each holds its decision in memory, a few dozen KB.
AHEAD = 8

Size = Annotated[int, Field(ge=1)]


class Limits(Value):
    """How much happens at a time."""

    encoders: Size = Field(description="Rows that are measured or encoded here.")
    couriers: Size = Field(default=COURIERS, description="Transfers and requests.")
    in_flight: Size | None = Field(
        default=None, description="Jobs of this batch at a vendor; None: as the account allows."
    )
    account: dict[str, int] = Field(
        default_factory=dict, description="Jobs of all workers at a vendor; not named: no limit."
    )
    patience_s: float = Field(default=3_600, ge=0, description="How long a job is waited for.")

    def ahead(self, vendors: set[str]) -> int:
        """Say how many rows may be on their way to the vendors before one has a place there.

        >>> Limits(encoders=2, account={"fal": 40}).ahead({"fal"})
        50
        """
        places = (self.account.get(name) or self.in_flight or 0 for name in vendors)
        return sum(places) + AHEAD + self.encoders


def limits_of(params: BatchParams, means: Means) -> Limits:
    """Say how much of a batch happens at a time, here and at every vendor that can be used."""
    found = {vendor: _account_limit(vendor, params, means) for vendor in VENDORS}
    return Limits(
        encoders=params.encoders or cores(),
        in_flight=params.in_flight,
        account={vendor: limit for vendor, limit in found.items() if limit is not None},
        patience_s=params.patience_s,
    )


def _account_limit(vendor: str, params: BatchParams, means: Means) -> int | None:
    """Say how many jobs an account may have; one nobody has set is what the batch asks for."""
    try:
        limit, is_set = means.in_flight(vendor), means.sets_in_flight(vendor)
    except UsageError:  # no such account here
        return None
    if limit is None or is_set or params.in_flight is None:
        return limit
    return params.in_flight


def cores() -> int:
    """Say how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
