"""The controls: the account, the faults and the clock, over plain HTTP on this machine."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lipsync.emulator.presets import parse_fault
from lipsync.emulator.wire import Answer, Call, Point, Request, Site, json_answer
from lipsync.errors import UsageError

if TYPE_CHECKING:
    from lipsync.emulator.emulator import Emulator

_BASE = "/emulator"


class Control:
    """What stands on the plain port: `/emulator/…`, else the unified API."""

    def __init__(self, emulator: "Emulator", unified: Site) -> None:
        self._emulator = emulator
        self._unified = unified

    def find(self, request: Request) -> Call | None:
        """Say what answers a request."""
        table: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("GET", "/account"): self._account,
            ("GET", "/faults"): self._open_faults,
            ("POST", "/faults"): self._add_faults,
            ("DELETE", "/faults"): self._clear_faults,
            ("GET", "/clock"): self._time,
            ("POST", "/clock"): self._advance,
            ("GET", "/environment"): self._environment,
        }
        if not request.path.startswith(_BASE + "/"):
            return self._unified.find(request)
        act = table.get((request.method, request.path.removeprefix(_BASE)))
        if act is None:
            return None
        return Call(Point("emulator", "control"), lambda: act(request))

    def error(self, status: int) -> Answer:
        """Return the unified API's words; the controls have no faults."""
        return self._unified.error(status)

    def _account(self, _request: Request) -> Answer:
        return json_answer(self._emulator.account().summary())

    def _open_faults(self, _request: Request) -> Answer:
        faults = [fault.model_dump(mode="json") for fault in self._emulator.faults.open()]
        return json_answer({"faults": faults})

    def _add_faults(self, request: Request) -> Answer:
        """Take one fault, or a list of them."""
        body = request.json()
        try:
            added = [parse_fault(row) for row in (body if isinstance(body, list) else [body])]
        except UsageError as error:
            return json_answer({"detail": str(error)}, 400)
        for fault in added:
            self._emulator.arm(fault, answer_first=True)
        return json_answer({"added": [fault.name for fault in added]})

    def _clear_faults(self, _request: Request) -> Answer:
        self._emulator.faults.clear()
        return json_answer({"faults": []})

    def _time(self, _request: Request) -> Answer:
        return json_answer({"now": self._emulator.clock.now().isoformat()})

    def _advance(self, request: Request) -> Answer:
        body: Any = request.json()
        try:
            self._emulator.clock.advance(float(body["advance_s"]))
        except (TypeError, KeyError, ValueError) as error:
            return json_answer({"detail": f'write {{"advance_s": 60}} ({error})'}, 400)
        return self._time(request)

    def _environment(self, _request: Request) -> Answer:
        return json_answer(self._emulator.environment)
