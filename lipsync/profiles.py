"""Delivery profiles: named loudness targets, each with its source."""

import tomllib
from datetime import date
from functools import cache
from pathlib import Path

from pydantic import Field, ValidationError

from lipsync.errors import UsageError
from lipsync.values import Value
from lipsync.voice import LoudnessTarget

_PACKAGE = Path(__file__).resolve().parent


class Profile(Value):
    """Where a voice should land for one kind of delivery."""

    id: str
    title: str
    integrated_lufs: float
    true_peak_dbtp: float
    source: str = Field(description="Who says so, and where it was read.")
    read_on: date
    note: str = ""

    @property
    def target(self) -> LoudnessTarget:
        """What normalize and verify are given."""
        return LoudnessTarget(
            integrated_lufs=self.integrated_lufs, true_peak_dbtp=self.true_peak_dbtp
        )


def profiles_path(package: Path = _PACKAGE) -> Path:
    """Find the profiles: the copy an installed wheel carries, else `data/` of the checkout."""
    installed = package / "_data" / "profiles.toml"
    return installed if installed.is_file() else package.parent / "data" / "profiles.toml"


def load_profiles(path: Path | None = None) -> dict[str, Profile]:
    """Read the profiles, by id.

    Args:
        path: A TOML file; None is the one that comes with Dubline.

    Raises:
        UsageError: It cannot be read, is not TOML, or a profile is wrong.
    """
    path = path or profiles_path()
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))["profiles"]
        profiles = {name: Profile.model_validate({"id": name, **row}) for name, row in rows.items()}
        for profile in profiles.values():
            _ = profile.target
    except (OSError, KeyError, AttributeError, TypeError, ValueError) as error:
        raise UsageError(
            f"{path}: the delivery profiles cannot be read ({_fault(error)})"
        ) from error
    return profiles


def profile_named(name: str) -> Profile:
    """Find a profile.

    Raises:
        UsageError: There is none of this name; the message lists those there are.
    """
    profiles = _shipped()
    if name not in profiles:
        raise UsageError(
            f"there is no delivery profile {name!r}; choose one of {', '.join(sorted(profiles))}"
        )
    return profiles[name]


@cache
def _shipped() -> dict[str, Profile]:
    """Read the profiles that come with Dubline, once."""
    return load_profiles()


def _fault(error: Exception) -> str:
    """Say what is wrong in one line."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{error.title}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"{type(error).__name__}: {error}".splitlines()[0]
