"""Verdicts: what was measured on the finished video, beside its limit."""

from enum import StrEnum

from lipsync.values import Value


class Mark(StrEnum):
    """How a check ended."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


class Verdict(Value):
    """One check on the finished video: its figure, its limit, its mark."""

    check: str
    value: float | str
    limit: str
    verdict: Mark
    note: str = ""
