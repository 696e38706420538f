"""Price: what a model charges, and for what."""

from decimal import Decimal
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from lipsync.sources import Cited
from lipsync.values import Value


class Basis(StrEnum):
    """What a price is a price of."""

    PER_OUTPUT_SECOND = "per_output_second"
    PER_OUTPUT_MINUTE = "per_output_minute"
    FLAT_THEN_PER_SECOND = "flat_then_per_second"
    FREE = "free"
    UNPUBLISHED = "unpublished"


class Price(Value):
    """What a model charges, in US dollars."""

    basis: Basis
    usd: Cited[Decimal] | None = Field(default=None, description="Per unit of the basis.")
    flat_usd: Cited[Decimal] | None = Field(default=None, description="Charged up to `flat_s`.")
    flat_s: Cited[Decimal] | None = None
    minimum_usd: Cited[Decimal] | None = None
    step_s: Cited[Decimal] | None = Field(
        default=None, description="The length is charged in whole steps; absent is to the instant."
    )
    note: str = ""

    @model_validator(mode="after")
    def _has_what_its_basis_needs(self) -> Self:
        priced = self.basis not in {Basis.FREE, Basis.UNPUBLISHED}
        flat = self.basis is Basis.FLAT_THEN_PER_SECOND
        if priced != (self.usd is not None):
            raise ValueError(f"basis {self.basis} {'needs' if priced else 'has no'} usd")
        if {flat} != {self.flat_usd is not None, self.flat_s is not None}:
            raise ValueError(f"basis {self.basis} {'needs' if flat else 'has no'} flat_usd, flat_s")
        return self

    def __str__(self) -> str:
        """Say the price as a person would: '$3.00 per minute of output'."""
        if self.usd is None:
            return "free" if self.basis is Basis.FREE else "not published"
        unit = "minute" if self.basis is Basis.PER_OUTPUT_MINUTE else "second"
        rate = f"{dollars(self.usd.value)} per {unit} of output"
        if self.flat_usd and self.flat_s:
            return f"{dollars(self.flat_usd.value)} up to {self.flat_s.value:f} s, then {rate}"
        return rate


def dollars(amount: Decimal) -> str:
    """Write money in cents, or in full where cents would round it.

    >>> dollars(Decimal("3")), dollars(Decimal("0.005"))
    ('$3.00', '$0.005')
    """
    cents = f"{amount:.2f}"
    return f"${cents}" if Decimal(cents) == amount else f"${amount.normalize():f}"
