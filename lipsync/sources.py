"""Sources: a figure and where it was read, so that anybody can check it."""

from collections.abc import Iterator
from datetime import date as Date  # noqa: N812  the field is called `date`
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from lipsync.values import Value

T = TypeVar("T")


class Source(Value):
    """Where a figure was read."""

    where: str = Field(description="URL, or the repository and file.")
    date: Date
    dated: Literal["stated", "read"] = Field(
        default="read",
        description="'stated' by the page or its capture; else the day its stored copy was read.",
    )
    by: Literal["vendor", "owner", "third party", "house"] = Field(
        description="'owner' trained the model another vendor sells; 'house' is our own judgement."
    )
    note: str = ""


class Cited(Value, Generic[T]):
    """A figure and the key of its source."""

    value: T
    source: str


def cited(value: Any) -> Iterator[str]:
    """Yield the key of every source named anywhere in a value."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            item = getattr(value, name)
            if name == "source":
                yield item
            else:
                yield from cited(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from cited(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from cited(item)
