"""Limits: where a figure passes and where it is still a warning, each with who says so."""

import tomllib
from functools import lru_cache
from pathlib import Path

from pydantic import Field

from lipsync.errors import UsageError
from lipsync.profiles import profiles_path
from lipsync.values import Value
from lipsync.verdicts import Mark


class Limit(Value):
    """One limit of `data/profiles.toml`; figures at it or better pass."""

    passes: float
    warns: float = Field(description="From here on it fails; equal to `passes`: no warning.")
    unit: str = ""
    source: str = Field(description="Who says so, or why it is ours.")

    @property
    def more_is_better(self) -> bool:
        """Whether a high figure is the good one."""
        return self.passes > self.warns

    def mark(self, figure: float) -> Mark:
        """Grade a figure.

        >>> Limit(passes=30, warns=24, source="ours").mark(26)
        <Mark.WARN: 'warn'>
        >>> Limit(passes=0.2, warns=0.5, source="ours").mark(0.6)
        <Mark.FAIL: 'fail'>
        """
        sign = -1 if self.more_is_better else 1
        if sign * figure <= sign * self.passes:
            return Mark.PASS
        return Mark.WARN if sign * figure <= sign * self.warns else Mark.FAIL

    def __str__(self) -> str:
        """Write it as a person reads it, e.g. '≥ 30 dB'."""
        sign = "≥" if self.more_is_better else "≤"
        return f"{sign} {self.passes:g} {self.unit}".rstrip()


class Limits(Value):
    """The limits of what is seen."""

    mouth_changed: Limit
    mouth_relation: Limit
    mouth_lag: Limit
    picture_kept: Limit
    sharpness: Limit
    black: Limit
    frozen: Limit
    slip: Limit
    flicker: Limit
    voice_length: Limit
    voice_missing: Limit
    crest_lost: Limit


def load_limits(path: Path | None = None) -> Limits:
    """Read the limits.

    Args:
        path: A TOML file; None is the one that comes with Dubline.

    Raises:
        UsageError: It cannot be read, is not TOML, or a limit is missing or wrong.
    """
    path = path or profiles_path()
    try:
        return _parsed(path.read_text(encoding="utf-8"))
    except (OSError, KeyError, TypeError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise UsageError(f"{path}: the limits of the checks cannot be read ({said})") from error


@lru_cache(maxsize=1)
def _parsed(text: str) -> Limits:
    """Parse the limits once for all the dubs of a batch."""
    return Limits.model_validate(tomllib.loads(text)["limits"])
