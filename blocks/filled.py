"""Filled: a block's fields as settings, or one sentence about the first that cannot be used."""

from typing import TypeVar

from prefect.blocks.core import Block
from pydantic import ValidationError

from lipsync.errors import UsageError
from lipsync.values import Value

S = TypeVar("S", bound=Value)


def filled(kind: type[S], block: Block) -> S:
    """Make settings of the fields of the same name; an empty field is as if it were not there.

    Raises:
        UsageError: A field cannot be used; what is in it is not said, it may be a secret.
    """
    fields = {name: getattr(block, name, None) for name in kind.model_fields}
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise unusable(block.get_block_type_slug(), error) from None


def unusable(slug: str, error: ValidationError) -> UsageError:
    """Say which field of a block cannot be used; what is in it may be a secret."""
    fault = error.errors(include_input=False)[0]
    place = ".".join(str(part) for part in fault["loc"]) or "its fields"
    return UsageError(f"block {slug}: {place} cannot be used: {fault['msg']}")
