"""The catalogue: which models there are, what they take, and what they charge."""

from enum import StrEnum

from lipsync.values import Value


class Policy(StrEnum):
    """How the models that can make a dub are ranked."""

    CHEAPEST = "cheapest"
    BALANCED = "balanced"
    BEST = "best"
    FASTEST = "fastest"
    AUTO = "auto"


class Model(Value):
    """One row of the catalogue. (Fields follow.)"""

    id: str
    vendor: str
    endpoint: str
