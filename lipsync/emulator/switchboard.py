"""The switchboard: each request to its site, with the faults that happen on the way."""

import json
import random
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lipsync.emulator.faults import Act, Fault, Faults
from lipsync.emulator.wire import Answer, Call, Point, Request, Site, json_answer


class Switchboard:
    """Answers every request of every host.

    Attributes:
        calls: How often each (vendor, route) was asked, whatever it was answered.
    """

    def __init__(self, sites: Mapping[str, Site], faults: Faults, slow_s: float) -> None:
        self._sites = sites
        self._faults = faults
        self._slow_s = slow_s
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self.calls: Counter[tuple[str, str]] = Counter()

    def respond(self, request: Request) -> Answer:
        """Answer a request as the host it was sent to; "" stands for every other."""
        site = self._sites.get(request.host) or self._sites.get("")
        call = site.find(request) if site else None
        if site is None or call is None:
            return json_answer({"detail": "Not Found"}, 404)
        with self._lock:
            self.calls[call.point.vendor, call.point.route] += 1
        return self._around(call, site, request)

    def refuses(self, host: str) -> bool:
        """Say whether a connection to a host is refused now."""
        fault = self._faults.strike(Point(vendor="fal", route="connect", endpoint=host), "before")
        return fault is not None

    def close(self) -> None:
        """Let slow answers go at once."""
        self._closing.set()

    def _around(self, call: Call, site: Site, request: Request) -> Answer:
        """Let happen what happens before the request has an effect, the effect, and after."""
        fault = self._faults.strike(call.point, "before")
        if fault is not None and fault.act in {Act.CUT, Act.REPLY}:
            return _instead(fault, site)
        if fault is not None and fault.act is Act.DELAY:
            self._wait(fault)
        if fault is not None and fault.act is Act.WHOLE:
            call = _without_range(site, request) or call
        answer = call.act()
        late = self._faults.strike(call.point, "after")
        if late is None:
            return answer
        if late.act is Act.DELAY:
            self._wait(late)
            return answer
        if late.act in {Act.CUT, Act.REPLY}:
            return _instead(late, site)
        return _spoilt(late, answer)

    def _wait(self, fault: Fault) -> None:
        self._closing.wait(self._slow_s if fault.delay_s is None else fault.delay_s)


def _without_range(site: Site, request: Request) -> Call | None:
    kept = {name: value for name, value in request.headers.items() if name != "range"}
    return site.find(replace(request, headers=kept))


def _instead(fault: Fault, site: Site) -> Answer:
    """Answer as a fault says, in the vendor's words where it has none of its own."""
    if fault.act is not Act.REPLY:
        return Answer(lost=True)
    status = fault.status or 500
    if fault.body is None:
        own = site.error(status)
        return replace(own, headers={**own.headers, **fault.headers})
    if isinstance(fault.body, str):
        return Answer(status=status, body=fault.body.encode(), headers=fault.headers)
    return json_answer(fault.body, status, fault.headers)


def _spoilt(fault: Fault, answer: Answer) -> Answer:
    """Change an answer that was given."""
    if fault.act is Act.HALF:
        return replace(answer, cut_bytes=answer.length // 2)
    if fault.act is Act.SCRAMBLE and answer.status < 300:  # noqa: PLR2004  2xx
        noise = random.Random(answer.length).randbytes(answer.length)  # noqa: S311  not a secret
        return replace(answer, body=noise, slice=None)
    if fault.act is Act.ALTER:
        return _altered(fault, answer)
    return answer


def _altered(fault: Fault, answer: Answer) -> Answer:
    said: Any = json.loads(answer.body)
    if not isinstance(said, dict):
        return answer
    left = {key: value for key, value in said.items() if key not in fault.drop} | fault.put
    changed = json_answer(left, answer.status)
    return replace(changed, headers={**answer.headers, **changed.headers})
