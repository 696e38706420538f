"""fal's platform API: prices, the list of requests, and what was billed."""

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from lipsync.catalogue import Catalogue
from lipsync.emulator.billing import unit_price
from lipsync.emulator.clock import Clock, moment
from lipsync.emulator.falwords import error_answer, may_use
from lipsync.emulator.jobs import Job, Phase
from lipsync.emulator.line import Line
from lipsync.emulator.settings import Settings
from lipsync.emulator.wire import Answer, Call, Point, Request, json_answer

# reference: fal-protocol.md §13.
ENDPOINTS_MAX = 50
PAGE_MAX = 100
LOOK_BACK_S = 86_400
_BASE = "/v1/models"


class Platform:
    """api.fal.ai."""

    def __init__(self, line: Line, clock: Clock, catalogue: Catalogue, settings: Settings) -> None:
        self._line = line
        self._clock = clock
        self._catalogue = catalogue
        self._settings = settings

    def find(self, request: Request) -> Call | None:
        """Say what answers a request."""
        table: dict[tuple[str, str], tuple[str, Callable[[Request], Answer]]] = {
            ("GET", f"{_BASE}/pricing"): ("pricing", self._pricing),
            ("POST", f"{_BASE}/pricing/estimate"): ("estimate", self._estimate),
            ("GET", f"{_BASE}/requests/by-endpoint"): ("requests", self._requests),
            ("GET", f"{_BASE}/billing-events"): ("billing", self._billing),
        }
        row = table.get((request.method, request.path))
        if row is None:
            return None
        route, act = row

        def answer() -> Answer:
            if not may_use(request, self._settings):
                return error_answer(401)
            return act(request)

        return Call(Point("fal", route, request.query.get("endpoint_id", "")), answer)

    def error(self, status: int) -> Answer:
        """Return fal's own words."""
        return error_answer(status)

    def _pricing(self, request: Request) -> Answer:
        asked = [name for name in request.query.get("endpoint_id", "").split(",") if name]
        if not 1 <= len(asked) <= ENDPOINTS_MAX:
            return _invalid(f"endpoint_id takes 1 to {ENDPOINTS_MAX} endpoints")
        prices = []
        for endpoint in asked:
            price = unit_price(endpoint, self._catalogue)
            if price is None:
                return json_answer(
                    {"error": {"type": "not_found", "message": f"No price for {endpoint}"}}, 404
                )
            prices.append(
                {
                    "endpoint_id": endpoint,
                    "unit_price": float(price.usd),
                    "unit": price.unit,
                    "currency": "USD",
                }
            )
        return json_answer({"prices": prices, "next_cursor": None, "has_more": False})

    def _estimate(self, request: Request) -> Answer:
        """Multiply quantities; a payload is not priced (fal-protocol.md §13)."""
        body = request.json()
        endpoints = body.get("endpoints") if isinstance(body, dict) else None
        if not isinstance(endpoints, dict) or body.get("estimate_type") != "unit_price":
            return _invalid("estimate_type unit_price with endpoints is what is emulated")
        total = Decimal(0)
        for endpoint, row in endpoints.items():
            price = unit_price(endpoint, self._catalogue)
            quantity = row.get("unit_quantity") if isinstance(row, dict) else None
            if price is None or not isinstance(quantity, int | float):
                return _invalid(f"{endpoint} has no price or no unit_quantity")
            total += price.usd * Decimal(str(quantity))
        said = {"estimate_type": "unit_price", "total_cost": float(total), "currency": "USD"}
        return json_answer(said)

    def _requests(self, request: Request) -> Answer:
        """List requests, newest first, page by page."""
        asked = request.query
        now_s = self._line.settle()
        try:
            wish = _read_wish(asked, now_s)
        except (ValueError, binascii.Error) as error:
            return _invalid(str(error))
        listed_s = now_s - self._settings.listing_lag_s
        jobs = [job for job in self._line.all() if job.accepted_s <= listed_s]
        if not self._settings.lists_unfinished:
            jobs = [job for job in jobs if _kind(job, now_s) is not None]
        found = [job for job in jobs if wish.meets(job, now_s)]
        found.sort(key=lambda job: job.accepted_s, reverse=True)
        page = found[wish.skip : wish.skip + wish.limit]
        more = wish.skip + wish.limit < len(found)
        cursor = base64.b64encode(str(wish.skip + wish.limit).encode()).decode() if more else None
        payloads = "payloads" in asked.get("expand", "")
        items = [_item(job, now_s, payloads=payloads) for job in page]
        return json_answer({"items": items, "next_cursor": cursor, "has_more": more})

    def _billing(self, request: Request) -> Answer:
        now_s = self._line.settle()
        wanted = [name for name in request.query.get("request_id", "").split(",") if name]
        jobs = [self._line.jobs[name] for name in wanted if name in self._line.jobs]
        events = [event for job in jobs for event in self._event(job, now_s)]
        return json_answer({"billing_events": events, "next_cursor": None, "has_more": False})

    def _event(self, job: Job, now_s: float) -> list[dict[str, Any]]:
        outcome = job.outcome() if job.phase(now_s) is Phase.ENDED else None
        price = unit_price(job.endpoint, self._catalogue)
        if outcome is None or price is None or not outcome.units:
            return []
        usd = outcome.usd or Decimal(0)
        return [
            {
                "request_id": job.id,
                "endpoint_id": job.endpoint,
                "timestamp": moment(job.ends_s or now_s).isoformat(),
                "output_units": float(outcome.units),
                "unit_price": float(price.usd),
                "percent_discount": 0,
                "cost_subtotal": float(usd),
                "cost_discount": 0.0,
                "cost_total": float(usd),
                "cost_estimate_nano_usd": int(usd * 10**9),
            }
        ]


@dataclass(frozen=True)
class _Wish:
    """Which requests somebody wants listed."""

    endpoint: str
    request_id: str | None
    status: str | None
    start_s: float
    end_s: float
    limit: int
    skip: int

    def meets(self, job: Job, now_s: float) -> bool:
        """Say whether a request is one of them."""
        return (
            job.endpoint == self.endpoint
            and self.start_s <= job.accepted_s < self.end_s
            and self.request_id in {None, job.id}
            and (self.status is None or _kind(job, now_s) == self.status)
        )


def _read_wish(asked: Mapping[str, str], now_s: float) -> _Wish:
    """Read the query of a list.

    Raises:
        ValueError: It makes no sense.
    """
    if not asked.get("endpoint_id"):
        raise ValueError("endpoint_id is required")
    cursor = asked.get("cursor")
    return _Wish(
        endpoint=asked["endpoint_id"],
        request_id=asked.get("request_id"),
        status=asked.get("status"),
        start_s=_seconds(asked.get("start"), now_s - LOOK_BACK_S),
        end_s=_seconds(asked.get("end"), math.inf),
        limit=min(PAGE_MAX, max(1, int(asked.get("limit", "50")))),
        skip=int(base64.b64decode(cursor).decode()) if cursor else 0,
    )


def _item(job: Job, now_s: float, *, payloads: bool) -> dict[str, Any]:
    ended = job.phase(now_s) is Phase.ENDED
    outcome = job.outcome() if ended else None
    started_s = job.started_s
    item: dict[str, Any] = {
        "request_id": job.id,
        "endpoint_id": job.endpoint,
        "sent_at": moment(job.accepted_s).isoformat(),
        "started_at": None if started_s is None else moment(started_s).isoformat(),
        "ended_at": None if outcome is None or job.ends_s is None else _at(job.ends_s),
        "status_code": None if outcome is None else outcome.status,
        "duration": None if started_s is None or not job.ends_s else job.ends_s - started_s,
    }
    if payloads and job.stored:
        item["json_input"] = job.arguments
        item["json_output"] = None if outcome is None else outcome.body
    return item


def _at(at_s: float) -> str:
    return moment(at_s).isoformat()


def _kind(job: Job, now_s: float) -> str | None:
    """Say how a request ended, in the list's words; None: it has not."""
    outcome = job.outcome() if job.phase(now_s) is Phase.ENDED else None
    if outcome is None:
        return None
    return {2: "success", 4: "user_error"}.get(outcome.status // 100, "error")


def _seconds(text: str | None, otherwise: float) -> float:
    if not text:
        return otherwise
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return when.timestamp()


def _invalid(said: str) -> Answer:
    return json_answer({"error": {"type": "validation_error", "message": said}}, 400)
