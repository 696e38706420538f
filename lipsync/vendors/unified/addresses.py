"""Addresses: where the API is asked, who may see the key, and what the vendor can reach."""

from urllib.parse import quote, urlsplit

from lipsync.errors import UsageError
from lipsync.links import is_private as is_private  # noqa: PLC0414  asked here, too
from lipsync.tickets import Media, Ticket, address

# What the paths of all captures begin with, and what some brands print as part of their base URL.
_VERSION = "/v1"


def check_base(base_url: str) -> None:
    """Refuse to send a key where others can read it on the way.

    Raises:
        UsageError: Plain http to another machine than those of this network, or no host at all.
    """
    parts = urlsplit(base_url)
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise UsageError(
            "UNIFIED_BASE_URL is no plain address; write it as https://api.example.com, without a "
            "name, a password or a question mark"
        )
    if parts.scheme != "https" and not is_private(base_url):
        raise UsageError(
            f"UNIFIED_BASE_URL {address(base_url)} would send the key unencrypted; use https://"
        )


def joined(base_url: str, path: str) -> str:
    """Put a path of the API behind its base URL, whichever of them carries the version.

    >>> joined("https://api.example.com/v1/", "/v1/tasks/t")
    'https://api.example.com/v1/tasks/t'
    """
    base = base_url.rstrip("/")
    if path.startswith(f"{_VERSION}/"):
        base = base.removesuffix(_VERSION)
    return f"{base}/{path.lstrip('/')}"


def task_url(base_url: str, poll_path: str, request_id: str) -> str:
    """Say where a task is asked about; an id from a vendor cannot lead elsewhere.

    >>> task_url("https://api.example.com", "/v1/tasks/{id}", "../files?x")
    'https://api.example.com/v1/tasks/..%2Ffiles%3Fx'
    """
    return joined(base_url, poll_path.replace("{id}", quote(request_id, safe="")))


def check_same_place(ticket: Ticket, base_url: str) -> None:
    """Refuse to ask one vendor, with its key, about what was bought from another.

    Raises:
        UsageError: The ticket was bought somewhere else.
    """
    bought = urlsplit(ticket.urls.get("status", ""))
    if bought.netloc and bought.netloc != urlsplit(base_url).netloc:
        raise UsageError(
            f"ticket {ticket.id} was bought at {bought.netloc}; set UNIFIED_BASE_URL and "
            f"UNIFIED_API_KEY to that account, then `dubline requests resume {ticket.id}`"
        )


def check_reach(base_url: str, media: Media) -> None:
    """Refuse links that the vendor cannot follow, before it takes the job and fails.

    Raises:
        UsageError: The vendor is elsewhere and a link leads into this machine or network.
    """
    if is_private(base_url):
        return
    for link in (media.video_url, media.voice_url):
        if is_private(link):
            raise UsageError(
                f"{address(link)}: leads into this machine or its network, where "
                f"{urlsplit(base_url).hostname} cannot fetch it; host the media at a public address"
            )
