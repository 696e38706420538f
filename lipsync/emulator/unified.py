"""The unified task API: a submit, a task to ask about, and links to files."""

import math
import re
import secrets
from decimal import Decimal
from typing import Any

from lipsync.catalogue import Catalogue
from lipsync.emulator.arguments import Wanted
from lipsync.emulator.cdn import Cdn
from lipsync.emulator.clock import Clock
from lipsync.emulator.faults import Act, Fault, Faults
from lipsync.emulator.jobs import MAKING_S, Job, Outcome, Phase
from lipsync.emulator.line import Line
from lipsync.emulator.making import NotMade, Workshop
from lipsync.emulator.settings import Settings
from lipsync.emulator.unifiedwords import (
    Refused,
    error_answer,
    failure,
    read_unified,
    receipt,
    refusal_answer,
    results,
)
from lipsync.emulator.wire import Answer, Call, Point, Request, json_answer

SUBMIT = "/v1/videos/generations"
_TASK = re.compile(r"^/v1/tasks/(?P<id>[^/]+)$")


class Unified:
    """The API of one account, and its files."""

    def __init__(  # noqa: PLR0913, PLR0917  what it is made of
        self,
        workshop: Workshop,
        cdn: Cdn,
        clock: Clock,
        faults: Faults,
        catalogue: Catalogue,
        settings: Settings,
    ) -> None:
        self.line = Line(clock, settings.unified_slots)
        self._workshop = workshop
        self._cdn = cdn
        self._clock = clock
        self._faults = faults
        self._catalogue = catalogue
        self._settings = settings

    def find(self, request: Request) -> Call | None:
        """Say what answers a request."""
        if request.method == "POST" and request.path == SUBMIT:
            asked = request.json()
            model = asked.get("model") if isinstance(asked, dict) else None
            return Call(Point("unified", "submit", str(model)), lambda: self._submit(request))
        if request.method == "GET" and (found := _TASK.match(request.path)):
            return self._about(request, found["id"])
        return self._cdn.find(request)

    def error(self, status: int) -> Answer:
        """Return its own words, in the dialect of the settings."""
        return error_answer(status, self._settings)

    def _may_use(self, request: Request) -> bool:
        given = request.headers.get("authorization", "")
        wanted = f"Bearer {self._settings.unified_key}"
        return secrets.compare_digest(given.encode(), wanted.encode())

    def _submit(self, request: Request) -> Answer:
        if not self._may_use(request):
            return self.error(401)
        try:
            wanted = read_unified(request.json(), self._catalogue, self._settings)
        except Refused as error:
            return refusal_answer(error, self._settings)
        job = self._accepted(wanted, request.json())
        return json_answer(receipt(job, self._settings, can_cancel=False))

    def _accepted(self, wanted: Wanted, arguments: dict[str, Any]) -> Job:
        now_s = self._clock.now_s()
        model = wanted.model.arguments["model"]
        faults = self._faults.befalling(Point("unified", "job", model))
        job = Job(
            id=f"task-unified-{int(now_s)}-{secrets.token_hex(4)}",
            vendor="unified",
            endpoint=model,
            arguments=arguments,
            accepted_s=now_s,
            runs_s=self._settings.latency_s,
            made=self._workshop.begin(lambda: self._made(wanted, faults)),
            faults=faults,
            patience_s=0.0 if self._clock.running else MAKING_S,
        )
        self.line.enter(job)
        return job

    def _made(self, wanted: Wanted, faults: dict[Act, Fault]) -> Outcome:
        life_s = self._settings.unified_link_life_s
        try:
            made = self._workshop.make(wanted, faults, self._cdn, life_s)
        except NotMade as error:
            problem = failure("invalid_parameters", error.problem["msg"], self._settings)
            return Outcome(status=422, body=problem, dub=error.dub, usd=None)
        broken = _ending(faults)
        if broken is not None:
            code, said = broken
            return Outcome(
                status=500, body=failure(code, said, self._settings), dub=made.dub, usd=None
            )
        seconds = Decimal(math.ceil(made.rendered.output_s))
        return Outcome(
            status=200,
            body=results(made.url, self._settings),
            url=made.url,
            output_s=made.rendered.output_s,
            units=seconds * self._settings.credits_per_s,
            usd=None,
            dub=made.dub,
        )

    def _about(self, request: Request, task_id: str) -> Call:
        job = self.line.jobs.get(task_id)

        def answer() -> Answer:
            if not self._may_use(request):
                return self.error(401)
            if job is None:
                return self.error(404)
            job.calls["status"] += 1
            return self._task(job)

        endpoint = "" if job is None else job.endpoint
        return Call(Point("unified", "status", endpoint, task_id), answer)

    def _task(self, job: Job) -> Answer:
        now_s = self.line.settle()
        phase = job.phase(now_s)
        outcome = job.outcome() if phase is Phase.ENDED else None
        said = receipt(job, self._settings, can_cancel=False)
        if phase is Phase.QUEUED:
            return json_answer(said)
        if outcome is None:
            progress = min(99, int(job.done_share(now_s) * 100))
            return json_answer(said | {"status": "processing", "progress": progress})
        if Act.EXPIRE in job.faults:
            return self.error(404)
        if Act.ODD_STATE in job.faults:
            return json_answer(said | {"status": "archived", "progress": 100})
        return json_answer(said | _ended(job, outcome))


def _ended(job: Job, outcome: Outcome) -> dict[str, Any]:
    if outcome.status == 200:  # noqa: PLR2004  HTTP
        return {"status": "completed", "progress": 100, "error": None, **outcome.body}
    state = "cancelled" if Act.WITHDRAWN in job.faults else "failed"
    return {"status": state, "progress": 0, "results": None, "error": outcome.body}


def _ending(faults: dict[Act, Fault]) -> tuple[str, str] | None:
    """Say how a fault ends a task that could have been made."""
    if Act.WITHDRAWN in faults:
        return "request_cancelled", "The task was cancelled"
    if Act.FAIL in faults:
        fault = faults[Act.FAIL]
        return fault.error_type or "generation_timeout", fault.error or "Generation timed out"
    return None
