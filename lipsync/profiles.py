"""Delivery profiles: loudness, codec and container of an output, each with its source."""

import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from lipsync.errors import UsageError
from lipsync.values import Value
from lipsync.voice import Gate, LoudnessTarget, SoundFormat

_PACKAGE = Path(__file__).resolve().parent


Container = Literal[".mp4", ".mov", ".mkv"]
# What a container cannot carry so that players take it: PCM in MP4 (ISO/IEC 23003-5) plays nearly
# nowhere.
NOT_CARRIED = {".mp4": "pcm"}


class Profile(Value):
    """How loud an output is, and what it is packed in, for one kind of delivery."""

    id: str
    title: str
    integrated_lufs: float
    true_peak_dbtp: float
    gate: Gate = Gate.PROGRAMME
    tolerance_lu: float = 0.5
    without_dialogue_lufs: float | None = None
    keep_level: bool = False
    codec: Literal["aac", "pcm"] = "aac"
    bit_rate: int = Field(default=320_000, description="Of AAC, in bit/s; PCM has none.")
    containers: tuple[Container, ...] = Field(
        default=(".mp4",), description="The first is the default; none: as the video."
    )
    bed_level_lu: float = Field(default=-15.0, le=0, description="Bed minus voice, in LU.")
    source: str = Field(description="Who says so, and where it was read.")
    sound_source: str = Field(default="", description="The same of codec and rate.")
    read_on: date
    note: str = ""

    @property
    def target(self) -> LoudnessTarget:
        """What normalize, finish and verify are given."""
        return LoudnessTarget(
            integrated_lufs=self.integrated_lufs,
            true_peak_dbtp=self.true_peak_dbtp,
            gate=self.gate,
            tolerance_lu=self.tolerance_lu,
            without_dialogue_lufs=self.without_dialogue_lufs,
            keep_level=self.keep_level,
        )

    def sound_in(self, suffix: str) -> SoundFormat:
        """Say what the sound is packed in, in a container: its own codec, else AAC."""
        if NOT_CARRIED.get(suffix) != self.codec:
            return SoundFormat(codec=self.codec, bit_rate=self.bit_rate)
        rate = f"{self.bit_rate // 1000} kbit/s"
        note = f"players take no PCM in {suffix}: the sound is AAC at {rate}; .mov carries PCM"
        return SoundFormat(codec="aac", bit_rate=self.bit_rate, note=note)

    def suffix_for(self, video: Path) -> str:
        """Say in which container an output goes where nobody names one.

        >>> profile_named("source").suffix_for(Path("a/talk.MKV"))
        '.mkv'
        """
        if self.containers:
            return self.containers[0]
        own = video.suffix.lower()
        return own if own in {".mp4", ".mov", ".mkv"} else ".mp4"


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
