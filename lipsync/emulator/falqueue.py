"""fal's queue: submit, status, the stream of it, result and cancel, and the direct run."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lipsync.catalogue import Catalogue
from lipsync.emulator.faljobs import FalJobs, cancelled
from lipsync.emulator.falwords import error_answer, may_use, new_id
from lipsync.emulator.faults import Act
from lipsync.emulator.jobs import Job, Phase
from lipsync.emulator.statuses import status_body, tail
from lipsync.emulator.tls import QUEUE_HOSTS
from lipsync.emulator.wire import Answer, Call, Point, Request, json_answer

# Only owner/app stands in these, never the rest of the endpoint (fal-protocol.md §2).
_REQUEST = re.compile(
    r"^/(?P<app>[^/]+/[^/]+)/requests/(?P<id>[^/]+)(?P<what>/status|/status/stream|/cancel|/response)?$"
)
_FULL_PATH = re.compile(r"^/[^/]+/[^/]+/.+/requests/[^/]+")


class FalQueue:
    """queue.fal.run and fal.run."""

    def __init__(self, jobs: FalJobs, catalogue: Catalogue) -> None:
        self._jobs = jobs
        self._endpoints = {row.endpoint for row in catalogue.models.values() if row.vendor == "fal"}

    def find(self, request: Request) -> Call | None:
        """Say what answers a request."""
        if found := _REQUEST.match(request.path):
            return self._about_a_job(request, found)
        if _FULL_PATH.match(request.path):
            return Call(
                Point("fal", "odd"), lambda: json_answer({"detail": "Method Not Allowed"}, 405)
            )
        if request.method != "POST":
            return None
        endpoint = request.path.strip("/")
        queued = request.host in QUEUE_HOSTS
        act = self._submit if queued else self._run
        return Call(
            Point("fal", "submit" if queued else "run", endpoint), lambda: act(request, endpoint)
        )

    def error(self, status: int) -> Answer:
        """Return fal's own words."""
        return error_answer(status)

    # ── before there is a job ──

    def _submit(self, request: Request, endpoint: str) -> Answer:
        refusal = self._refusal(request, endpoint)
        if refusal is not None:
            return refusal
        job = self._jobs.accept(endpoint, request)
        base = f"{request.base_url}/{_app(endpoint)}/requests/{job.id}"
        receipt = {
            "status": "IN_QUEUE",
            "request_id": job.id,
            "response_url": base,
            "status_url": f"{base}/status",
            "cancel_url": f"{base}/cancel",
            "queue_position": self._jobs.line.position(job),
            "gateway_request_id": job.id,
        }
        return json_answer(receipt, headers={"x-fal-request-id": job.id})

    def _run(self, request: Request, endpoint: str) -> Answer:
        """Run at once or not at all; the connection is held until it ends."""
        refusal = self._refusal(request, endpoint)
        if refusal is not None:
            return refusal
        if self._jobs.full():
            return error_answer(429)
        job = self._jobs.accept(endpoint, request)
        self._jobs.wait(job)
        return self._result(job)

    def _refusal(self, request: Request, endpoint: str) -> Answer | None:
        """Say why a submit is not accepted; its arguments are not looked at."""
        if not may_use(request, self._jobs.settings):
            return error_answer(401)
        if endpoint not in self._endpoints:
            return json_answer(
                {"detail": f'Application "{endpoint}" not found'},
                404,
                {"x-fal-request-id": new_id()},
            )
        if not isinstance(request.json(), dict):
            return error_answer(400)
        try:
            limit_s = float(request.headers.get("x-fal-request-timeout", "inf"))
        except ValueError:
            return error_answer(400)
        waiting = request.query.get("fal_max_queue_length", "")
        full = waiting.isdigit() and self._jobs.line.waiting(endpoint) > int(waiting)
        if math.isnan(limit_s) or limit_s <= 0:
            return error_answer(400)
        return error_answer(429) if full else None

    # ── about a job ──

    def _about_a_job(self, request: Request, found: re.Match[str]) -> Call | None:
        acts: Mapping[tuple[str, str], tuple[str, Callable[[Job, Request], Answer]]] = {
            ("GET", "/status"): ("status", self._status),
            ("GET", "/status/stream"): ("stream", self._stream),
            ("PUT", "/cancel"): ("cancel", self._cancel),
            ("GET", ""): ("result", lambda job, _: self._result(job)),
            ("GET", "/response"): ("result", lambda job, _: self._result(job)),
        }
        row = acts.get((request.method, found["what"] or ""))
        if row is None:
            return None
        route, act = row
        job = self._jobs.line.jobs.get(found["id"])
        if job is None or _app(job.endpoint) != found["app"]:
            return Call(Point("fal", route), lambda: self._unknown(request, found["id"]))

        def answer() -> Answer:
            if not may_use(request, self._jobs.settings):
                return error_answer(401, job.id)
            job.calls[route] += 1
            return act(job, request)

        return Call(Point("fal", route, job.endpoint, job.id), answer)

    def _unknown(self, request: Request, request_id: str) -> Answer:
        if not may_use(request, self._jobs.settings):
            return error_answer(401, request_id)
        return json_answer({"status": "NOT_FOUND"}, 404, {"x-fal-request-id": request_id})

    def _status(self, job: Job, request: Request) -> Answer:
        body = self._body(job, request)
        # 202 until it is done (fal-protocol.md §4).
        status = 200 if body["status"] == "COMPLETED" else 202
        return json_answer(body, status, {"x-fal-request-id": job.id})

    def _stream(self, job: Job, request: Request) -> Answer:
        headers = {
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-cache",
            "x-fal-request-id": job.id,
        }
        return Answer(headers=headers, stream=self._events(job, request))

    def _events(self, job: Job, request: Request) -> Iterator[bytes]:
        """Tell every change; log lines only once, as the real stream does."""
        last: dict[str, Any] = {}
        told = 0
        while not self._jobs.closing.is_set():
            body = self._body(job, request)
            if body != last:
                yield b"data: " + json.dumps(tail(body, told)).encode() + b"\n\n"
                last, told = body, len(body.get("logs") or ())
            if body["status"] == "COMPLETED":
                return
            self._jobs.pause(job)

    def _body(self, job: Job, request: Request) -> dict[str, Any]:
        now_s = self._jobs.line.settle()
        with_logs = request.query.get("logs", "").lower() in {"1", "true"}
        base = f"{request.base_url}/{_app(job.endpoint)}/requests/{job.id}"
        return status_body(job, now_s, self._jobs.line.position(job), base, with_logs=with_logs)

    def _result(self, job: Job) -> Answer:
        now_s = self._jobs.line.settle()
        outcome = job.outcome() if job.phase(now_s) is Phase.ENDED else None
        if outcome is None:
            return json_answer(
                {"detail": "Request is still in progress"}, 400, {"x-fal-request-id": job.id}
            )
        if Act.EXPIRE in job.faults or now_s >= self._jobs.kept_until_s(job):
            return json_answer(
                {"detail": "Request result has expired"}, 404, {"x-fal-request-id": job.id}
            )
        headers = {"x-fal-request-id": job.id, **outcome.headers}
        if outcome.units:
            headers["X-Fal-Billable-Units"] = f"{outcome.units:f}"
        return json_answer(outcome.body, outcome.status, headers)

    def _cancel(self, job: Job, _request: Request) -> Answer:
        """Take a job out of the queue, or ask a running one to stop (fal-protocol.md §7)."""
        now_s = self._jobs.line.settle()
        phase = job.phase(now_s)
        headers = {"x-fal-request-id": job.id}
        if phase is Phase.ENDED and job.outcome() is not None:
            return json_answer({"status": "ALREADY_COMPLETED"}, 400, headers)
        if Act.DEAF not in job.faults:
            self._jobs.line.stop(job, cancelled())
        if phase is Phase.QUEUED and Act.DEAF not in job.faults:
            return json_answer({"status": "OK"}, 200, headers)
        return json_answer({"status": "CANCELLATION_REQUESTED"}, 202, headers)


def _app(endpoint: str) -> str:
    return "/".join(endpoint.split("/")[:2])
