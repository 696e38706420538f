"""Passing on: when a vendor may fetch an input itself, by the link that was given for it.

Only where what is sent is, byte for byte, the file behind the link, and where the vendor will find
the same there: later than we do, without our network, and by nothing but the link.
"""

import logging
from datetime import UTC, datetime, timedelta

from lipsync.errors import LipsyncError
from lipsync.links import Link
from lipsync.remote.answers import Look, fault
from lipsync.remote.guard import is_public
from lipsync.remote.looking import look
from lipsync.values import File

log = logging.getLogger(__name__)

# As hosting's own links (lipsync.hosting.settings): a job that has not fetched its media by then
# has been in the queue for a day.
LEAST_LIFE = timedelta(hours=24)


def passed(
    file: File, origin: tuple[Link, Look] | None, *, private: bool, now: datetime | None = None
) -> str | None:
    """Return the link a file came through, whole, when the vendor can be given it.

    Args:
        file: What is sent.
        origin: The link that answered with just these bytes, and how it did; None: there is none.
        private: Whether the vendor reaches addresses of this machine and its network.
        now: None: the clock says.

    Returns:
        None: it has to be uploaded.
    """
    if origin is None:
        return None
    link, before = origin
    why = _unfit(link, file, now or datetime.now(UTC))
    if why is None and not (private or is_public(link.whole)):
        why = "leads into this machine or its network"
    if why is None:
        why = _changed(link, file, before)
    if why is not None:
        log.info("%s: is not passed on, it %s; the file is uploaded", link, why)
        return None
    log.info("%s: is passed on", link)
    return link.whole


def _unfit(link: Link, file: File, now: datetime) -> str | None:
    """Say why a link is none for later, or for a vendor that goes by names."""
    if link.suffix != file.path.suffix.lower():
        return f"does not end in {file.path.suffix}"
    end = link.lives_until()
    if end is None:
        return "has a query, of which nobody knows how long it serves"
    if end - now < LEAST_LIFE:
        return f"expires within {LEAST_LIFE.total_seconds() / 3600:.0f} h"
    return None


def _changed(link: Link, file: File, before: Look) -> str | None:
    """Ask once more, from here, what the vendor will be answered."""
    try:
        seen = look(link.whole)
    except LipsyncError as error:
        return f"does not answer now ({error})"
    if fault(seen) is not None or seen.size_bytes != file.size_bytes:
        return "does not answer with the file now"
    if not seen.direct:
        return "is redirected, which a vendor may not follow"
    if seen.mark is None or seen.mark != before.mark:
        return "cannot be told from another file behind the same link"
    return None
