"""Leases: which worker holds a ticket while it sends it, and for how long it is believed.

On one machine a lock says at once whether a holder lives. Between machines that share a
server only time can: a holder renews its lease, and one that has not for a while is taken for dead.
"""

import hashlib
import logging
import os
import platform
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from lipsync.errors import StorageError
from lipsync.tickets import Ticket

log = logging.getLogger(__name__)

# Ours: a worker that is silent for a minute has lost its machine or its network. Nothing is lost
# when that is wrong: a ticket taken from the living is `unknown`, never sent twice.
LEASE_S = 60.0
# So that three renewals in a row may fail.
BEATS_PER_LEASE = 4

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def place_of(locks: Path) -> str:
    """Name the place whose workers see each other's locks: one kernel, one folder.

    Two containers on one host that share the folder are one place; the same folder mounted from a
    file server on two machines is two.
    """
    kernel = platform.node()
    with suppress(OSError):
        kernel = _BOOT_ID.read_text(encoding="ascii").strip()
    seen = locks.stat()
    named = f"{kernel} {seen.st_dev} {seen.st_ino}"
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def new_holder(place: str) -> str:
    """Name a holder so that no other has that name, and a person can find it."""
    return f"{place}/{platform.node()[:40]}/{os.getpid()}/{uuid.uuid4().hex[:12]}"


def is_held_elsewhere(ticket: Ticket, place: str, now: datetime) -> bool:
    """Say whether a worker at another place must be believed to hold a ticket.

    Of a holder at this place the caller knows better, by the lock it has for the ticket's key.
    """
    if ticket.lease_holder is None or ticket.lease_until is None:
        return False
    return not ticket.lease_holder.startswith(f"{place}/") and ticket.lease_until > now


@contextmanager
def beating(renew: Callable[[], object], every_s: float) -> Iterator[None]:
    """Call `renew` again and again while the block runs, in a thread beside it."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(every_s):
            try:
                renew()
            except StorageError as error:
                log.warning("a lease could not be renewed: %s", error)

    threading.Thread(target=beat, name="lease", daemon=True).start()
    try:
        yield
    finally:
        done.set()
