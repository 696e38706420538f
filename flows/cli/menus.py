"""Menus: what an option may be, as names that cost no import.

The flows check them again, against the words of `lipsync`.
"""

from enum import StrEnum


class PolicyName(StrEnum):
    """The policies of `lipsync.catalogue`, as a menu that costs no import."""

    CHEAPEST = "cheapest"
    BALANCED = "balanced"
    BEST = "best"
    FASTEST = "fastest"
    AUTO = "auto"


class SyncName(StrEnum):
    """The sync modes of `lipsync.fit`, and auto."""

    AUTO = "auto"
    CUT_OFF = "cut_off"
    LOOP = "loop"
    BOUNCE = "bounce"
    SILENCE = "silence"
    REMAP = "remap"


class PartingName(StrEnum):
    """What becomes of a paid job when the run is interrupted."""

    LEAVE = "leave"
    CANCEL = "cancel"


class RenderName(StrEnum):
    """How the emulator makes its results."""

    MUX = "mux"
    ENGINE = "engine"


class BedName(StrEnum):
    """What lies under the voice."""

    NONE = "none"
    KEEP = "keep"
    DUCK = "duck"


class FitName(StrEnum):
    """Who makes the lengths equal."""

    LOCAL = "local"
    VENDOR = "vendor"
