"""The queue: one POST that buys, and questions that do not."""

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lipsync.accounts import FalSettings
from lipsync.errors import OutcomeUnknown, VendorBusy, VendorRefused
from lipsync.tickets import Receipt, Ticket
from lipsync.vendors.fal.answers import Answer, is_request_id, of_question, of_submit
from lipsync.vendors.fal.line import CONNECT_S, Line, read, sent_with, without
from lipsync.vendors.fal.standing import ENDED, events, standing
from lipsync.vendors.protocol import CancelAnswer, Progress, Standing

if TYPE_CHECKING:  # see lipsync.vendors.fal.line
    import httpx

log = logging.getLogger(__name__)

# Whoever follows a stream must be able to give up every 30 s (lipsync.vendors.protocol).
SILENCE_S = 20.0

# As fal's own clients ask for a stream, and for the log lines with it (fal-protocol.md §4, §5).
STREAM_HEADERS = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
WITH_LOGS = {"logs": 1}

# What fal answers to a wish to cancel (fal-protocol.md §7).
_CANCELLED = {
    200: CancelAnswer.REMOVED,
    202: CancelAnswer.ASKED,
    400: CancelAnswer.TOO_LATE,
    404: CancelAnswer.NOT_FOUND,
}


class Queue:
    """fal's queue, as one account sees it."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def submit(self, endpoint: str, body: dict[str, Any]) -> Receipt:
        """Send the one POST; nothing here repeats it, nor follows it elsewhere.

        A connection of its own, because one that has been idle may be closed at the other end just
        when the request is written, and then nobody knows.

        Raises:
            VendorRefused: fal rejects it; nothing was bought.
            VendorBusy: It did not reach fal, or was turned away; nothing was bought.
            OutcomeUnknown: It may have been taken.
        """
        from fal_client.client import QUEUE_URL_FORMAT  # noqa: PLC0415  a third of a second

        url = f"{QUEUE_URL_FORMAT}{endpoint}"
        try:
            answer = self._posted(self._line.unused, url, body)
        except VendorBusy:  # nothing has left; fal's own client knows a second address
            with self._line.handle(endpoint, "-", self._line.fresh()).client as http:
                answer = self._posted(http, url, body)
        if (ruling := of_submit(answer)) is not None:
            raise ruling.error()
        return self.receipt(endpoint, _request_id(answer), answer.body)

    def _posted(self, http: "httpx.Client", url: str, body: dict[str, Any]) -> Answer:
        """Send it once.

        Raises:
            VendorBusy: It was never written to any connection.
            OutcomeUnknown: It may have been taken.
        """
        import httpx  # noqa: PLC0415  see above

        settings = self._line.settings
        timeout = httpx.Timeout(settings.reply_timeout_s, connect=CONNECT_S)
        asked = http.build_request(
            "POST", url, json=body, headers=_wishes(settings), timeout=timeout
        )
        # Raised while connecting, by fal or by a proxy in between: the request was never written.
        unsent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.PoolTimeout)
        try:
            response = http.send(asked, stream=True, follow_redirects=False)
        except unsent as error:
            raise VendorBusy(
                f"fal cannot be reached ({_cause(error)}); nothing was sent, try again later"
            ) from error
        except httpx.TransportError as error:
            raise OutcomeUnknown(
                f"no answer from fal to a paid request ({type(error).__name__}); it may have been "
                "taken"
            ) from error
        return _read_to_the_end(response)

    def receipt(self, endpoint: str, request_id: str, told: Any = None) -> Receipt:
        """Return the receipt of a request: its id, and where to ask about it.

        Args:
            endpoint: The whole of it; fal's client knows which part the addresses take.
            request_id: fal's.
            told: What fal answered; the addresses in it come before those its client makes.
        """
        handle = self._line.handle(endpoint, request_id)
        built = {
            "status": handle.status_url,
            "response": handle.response_url,
            "cancel": handle.cancel_url,
        }
        given = told if isinstance(told, dict) else {}
        urls = {name: _at_fal(given.get(f"{name}_url"), url) for name, url in built.items()}
        return Receipt(request_id=request_id, urls=urls)

    def status(self, ticket: Ticket, seen: tuple[str, ...] = ()) -> Progress:
        """Ask once how far a job is.

        Raises:
            VendorBusy: No answer about it.
        """
        return status_in(self._line.ask("GET", self.urls(ticket)["status"], **WITH_LOGS), seen)

    def watch(self, ticket: Ticket) -> Iterator[Progress]:
        """Follow a job by fal's stream of events; ends when the job has, or when it is silent.

        Raises:
            VendorBusy: The stream broke.
        """
        import httpx  # noqa: PLC0415  see above

        timeout = httpx.Timeout(SILENCE_S, connect=CONNECT_S)
        url = f"{self.urls(ticket)['status']}/stream"
        try:
            with self._line.http.stream(
                "GET", url, params=WITH_LOGS, headers=STREAM_HEADERS, timeout=timeout
            ) as response:
                yield from self._followed(response)
        except httpx.ReadTimeout:
            return
        except httpx.TransportError as error:
            raise broken(ticket, error) from error

    def _followed(self, response: "httpx.Response") -> Iterator[Progress]:
        """Yield what a stream tells; the last of it again when nothing but its pulse comes."""
        check_stream(response)
        last, told_s = Progress(state=Standing.SILENT), time.monotonic()
        keys = (sent_with(response),)
        for told in events(response.iter_lines()):
            event = without(keys, told)
            if event is None and time.monotonic() - told_s < SILENCE_S:
                continue
            last = last if event is None else standing(event, last.lines)
            told_s = time.monotonic()
            yield last
            if last.state in ENDED:
                return

    def cancel(self, ticket: Ticket) -> CancelAnswer:
        """Ask fal to let go of a job.

        Raises:
            VendorBusy: No answer to the wish.
        """
        answer = self._line.ask("PUT", self.urls(ticket)["cancel"])
        if answer.status in _CANCELLED and (answer.is_fals or answer.status < 400):  # noqa: PLR2004
            return _CANCELLED[answer.status]
        ruling = of_question(answer)
        raise ruling.error() if ruling else VendorBusy("fal did not say what became of the wish")

    def result(self, ticket: Ticket) -> Answer:
        """Ask for the result of a job.

        Raises:
            VendorBusy: No answer.
        """
        return self._line.ask("GET", self.urls(ticket)["response"])

    def urls(self, ticket: Ticket) -> dict[str, str]:
        """Say where to ask about a ticket: as fal said, if that is at fal; the key goes along.

        Raises:
            VendorRefused: The ticket carries nothing that can be an id of fal's.
        """
        if not is_request_id(ticket.request_id):
            raise VendorRefused(
                f"{ticket.request_id!r} cannot be a request id of fal's; give the right one to "
                f"`dubline requests resolve {ticket.id} --bought REQUEST_ID`"
            )
        built = self.receipt(ticket.endpoint, str(ticket.request_id)).urls
        return {name: _at_fal(ticket.urls.get(name), url) for name, url in built.items()}


def status_in(answer: Answer, seen: tuple[str, ...] = ()) -> Progress:
    """Read how far a job is from the answer to that question.

    Raises:
        VendorBusy: It says nothing about the job; ask again.
    """
    if answer.status == 404 and answer.is_fals:  # noqa: PLR2004  not found
        return standing({"status": "NOT_FOUND"}, seen)
    if (ruling := of_question(answer)) is not None:
        raise ruling.error()
    return standing(answer.body, seen)


def check_stream(response: "httpx.Response") -> None:
    """Refuse what is no stream of events.

    Raises:
        VendorBusy: There is none for this job; ask for its status.
    """
    kind = response.headers.get("content-type", "")
    if response.status_code != 200 or not kind.startswith("text/event-stream"):  # noqa: PLR2004  OK
        raise VendorBusy(f"fal has no stream for this job ({response.status_code}); ask for it")


def broken(ticket: Ticket, error: Exception) -> VendorBusy:
    """Return the error to raise for a stream that broke."""
    return VendorBusy(
        f"fal's stream about {ticket.request_id} broke ({type(error).__name__}); "
        "the job goes on, ask for its status"
    )


def _wishes(settings: FalSettings) -> dict[str, str]:
    """Write the headers of a submit; none that was not asked for (fal-protocol.md §3)."""
    wishes: dict[str, str] = {}
    if settings.start_timeout_s is not None:
        wishes["X-Fal-Request-Timeout"] = str(settings.start_timeout_s)
    if settings.priority != "normal":
        wishes["X-Fal-Queue-Priority"] = settings.priority
    if settings.result_lifetime_s is not None:
        lifetime = f'{{"expiration_duration_seconds": {settings.result_lifetime_s}}}'
        wishes["X-Fal-Object-Lifecycle-Preference"] = lifetime
    return wishes


def _at_fal(given: Any, built: str) -> str:
    """Take an address that was given where it leads to the same host as the one we would build.

    >>> _at_fal("https://elsewhere.example/r/1", "https://queue.fal.run/fal-ai/x/requests/1")
    'https://queue.fal.run/fal-ai/x/requests/1'
    """
    if not isinstance(given, str):
        return built
    theirs, ours = urlsplit(given), urlsplit(built)
    return given if (theirs.scheme, theirs.netloc) == (ours.scheme, ours.netloc) else built


def _read_to_the_end(response: "httpx.Response") -> Answer:
    """Read an answer whose head is here; a body that breaks off leaves the head to rule on."""
    import httpx  # noqa: PLC0415  see above

    try:
        response.read()
    except httpx.TransportError:
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(status=response.status_code, headers=headers)
    finally:
        response.close()
    return read(response)


def _request_id(answer: Answer) -> str:
    """Find the id of a job that was taken; its head carries it as well as its body.

    Raises:
        OutcomeUnknown: It was taken, and is nowhere named.
    """
    named = answer.body.get("request_id") if isinstance(answer.body, dict) else None
    for found in (named, answer.headers.get("x-fal-request-id")):
        if isinstance(found, str) and is_request_id(found):
            return found
    raise OutcomeUnknown(
        f"fal took the job ({answer.status}) and did not name it ({answer.said}); look for it in "
        "fal's list of requests"
    )


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
