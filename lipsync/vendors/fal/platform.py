"""The platform: fal's list of requests and its prices, for those whose key may read them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from lipsync.errors import VendorBusy
from lipsync.vendors.fal.answers import of_question
from lipsync.vendors.fal.line import Line
from lipsync.vendors.fal.prices import PRICING_URL, UnitPrice, unit_price

URL = "https://api.fal.ai/v1"
REQUESTS_URL = f"{URL}/models/requests/by-endpoint"

# The most that one page may hold, and that one question for prices may name (fal-protocol.md §13).
PAGE, ENDPOINTS = 100, 50
# Pages that are read before the list is called too long to be read whole.
PAGES = 50


class NotAllowed(VendorBusy):
    """The key may not read this; nothing else is wrong."""


class Platform:
    """fal's platform API, as one account sees it."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def requests(self, endpoint: str, since: datetime, **more: str) -> Iterator[dict[str, Any]]:
        """Yield the requests to an endpoint with what was sent and what came, page by page.

        Raises:
            VendorBusy: The list cannot be read, or not to its end.
        """
        asked = {
            "endpoint_id": endpoint,
            "start": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "expand": "payloads",
            "limit": str(PAGE),
            **more,
        }
        for _ in range(PAGES):
            page = self._read(REQUESTS_URL, asked)
            yield from (item for item in page.get("items") or () if isinstance(item, dict))
            cursor = page.get("next_cursor")
            if not page.get("has_more") and not cursor:
                return
            if not cursor:
                break
            asked["cursor"] = str(cursor)
        raise VendorBusy("fal's list of requests has no end; look at fal.ai/dashboard/requests")

    def request(self, endpoint: str, request_id: str, since: datetime) -> dict[str, Any] | None:
        """Return what the list says about one request; None: it is not in it."""
        found = self.requests(endpoint, since, request_id=request_id)
        return next((item for item in found if item.get("request_id") == request_id), None)

    def prices(self, endpoints: tuple[str, ...]) -> tuple[UnitPrice, ...]:
        """Ask what endpoints charge per unit, in US dollars; others are left out.

        Raises:
            VendorBusy: No answer.
        """
        found: list[UnitPrice] = []
        for first in range(0, len(endpoints), ENDPOINTS):
            named = ",".join(endpoints[first : first + ENDPOINTS])
            rows = self._read(PRICING_URL, {"endpoint_id": named}).get("prices") or ()
            found += [price for row in rows if (price := unit_price(row)) is not None]
        return tuple(found)

    def _read(self, url: str, asked: dict[str, str]) -> dict[str, Any]:
        answer = self._line.ask("GET", url, **asked)
        if (ruling := of_question(answer)) is not None:
            refused = answer.status in {401, 403}
            raise NotAllowed(ruling.sentence) if refused else ruling.error()
        if not isinstance(answer.body, dict):
            raise VendorBusy(f"{url} answered with something else than it should; ask again later")
        return answer.body
