"""Select: which models can make a dub, which is best under the policy, and at what price."""

from decimal import Decimal

from pydantic import Field

from lipsync.values import Value


class Choice(Value):
    """One model of the catalogue held against one dub."""

    model: str
    vendor: str
    accepted: bool
    reasons: tuple[str, ...] = Field(description="Why it was rejected, or why it ranks where it does.")
    warnings: tuple[str, ...] = ()
    predicted_s: float
    price_usd: Decimal | None = Field(description="None where the length cannot be predicted.")


class Selection(Value):
    """The ranked choices; the first accepted one is taken."""

    chosen: str = Field(description="Id of the model that is taken.")
    choices: tuple[Choice, ...] = Field(description="Best first; rejected ones last.")
