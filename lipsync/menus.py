"""Menus: parameters that are names of something in `data/`, chosen from a list in a form.

The list is made when a form's schema is, and read by no check of ours: a name that is in no list
is refused where it is looked up, with a sentence of its own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

from lipsync.profiles import load_profiles
from lipsync.shelf import load_catalogue


@dataclass(frozen=True)
class Menu:
    """A list of names, for a field's JSON schema."""

    names: Callable[[], Iterable[str]]

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Add the names to the field's schema."""
        return {**handler(core_schema), "enum": list(self.names())}


def _models() -> Iterable[str]:
    return load_catalogue().models


ModelId = Annotated[str, Menu(_models)]
ProfileId = Annotated[str, Menu(load_profiles)]
