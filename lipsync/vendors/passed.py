"""Passed: how a vendor asks whether it may be given the link an input came by."""

from collections.abc import Callable

from lipsync.values import File

# Asked with a file that is to be sent, and whether the vendor reaches addresses of this machine and
# its network: answers with a link the vendor may fetch just these bytes by, or None.
Passed = Callable[[File, bool], str | None]


def nothing(_file: File, _private: bool) -> None:
    """Pass nothing on: everything is uploaded."""
