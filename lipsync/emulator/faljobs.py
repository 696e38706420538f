"""fal's jobs: what is accepted at any of its doors, how each ends, and how long it is kept."""

import json
import math
import threading
from typing import Any

from lipsync.catalogue import Catalogue
from lipsync.emulator.arguments import Wanted, read_fal
from lipsync.emulator.billing import billable
from lipsync.emulator.cdn import Cdn, life_from
from lipsync.emulator.clock import Clock
from lipsync.emulator.falwords import error_answer, new_id
from lipsync.emulator.faults import Act, Fault, Faults
from lipsync.emulator.jobs import MAKING_S, Job, Outcome, Phase
from lipsync.emulator.line import Line
from lipsync.emulator.making import NotMade, Workshop
from lipsync.emulator.settings import Settings
from lipsync.emulator.webhooks import Webhooks
from lipsync.emulator.wire import Point, Request

# How often a stream looks whether a job has changed.
LOOK_S = 0.05


class FalJobs:
    """The jobs of one account at fal."""

    def __init__(  # noqa: PLR0913, PLR0917  what it is made of
        self,
        workshop: Workshop,
        cdn: Cdn,
        clock: Clock,
        faults: Faults,
        catalogue: Catalogue,
        settings: Settings,
        webhooks: Webhooks,
    ) -> None:
        self.settings = settings
        self.line = Line(clock, settings.fal_slots)
        self.closing = threading.Event()
        self._workshop = workshop
        self._cdn = cdn
        self._clock = clock
        self._faults = faults
        self._catalogue = catalogue
        self._webhooks = webhooks

    def accept(self, endpoint: str, request: Request) -> Job:
        """Accept a request; from now on it is a purchase."""
        arguments: dict[str, Any] = request.json()
        faults = self._faults.befalling(Point("fal", "job", endpoint))
        life_s = life_from(
            request.headers.get("x-fal-object-lifecycle-preference"), self.settings.fal_link_life_s
        )
        accepted_s = self._clock.now_s()
        limit_s = float(request.headers.get("x-fal-request-timeout", math.inf))
        job = Job(
            id=new_id(),
            vendor="fal",
            endpoint=endpoint,
            arguments=arguments,
            accepted_s=accepted_s,
            runs_s=self.settings.latency_s,
            made=self._workshop.begin(lambda: self._made(endpoint, arguments, faults, life_s)),
            faults=faults,
            patience_s=0.0 if self._clock.running else MAKING_S,
            start_by_s=accepted_s + limit_s,
            stored=request.headers.get("x-fal-store-io") != "0",
            webhook=request.query.get("fal_webhook"),
        )
        self.line.enter(job)
        if job.webhook is not None:
            threading.Thread(target=self._tell, args=(job,), daemon=True).start()
        return job

    def _tell(self, job: Job) -> None:
        """Tell a webhook when its job has ended."""
        self.wait(job)
        outcome = job.outcome()
        if outcome is not None:
            self._webhooks.tell(job, outcome)

    def full(self) -> bool:
        """Whether every slot is taken."""
        return self.line.running() >= self.settings.fal_slots

    def wait(self, job: Job) -> None:
        """Hold a caller until a job has ended."""
        while not self.closing.is_set():
            if job.phase(self.line.settle()) is Phase.ENDED and job.outcome() is not None:
                return
            self.pause(job)

    def pause(self, job: Job) -> None:
        """Wait until a job may have changed."""
        left_s = 0.0 if job.ends_s is None else job.ends_s - self._clock.now_s()
        self.closing.wait(left_s if 0 < left_s < LOOK_S else LOOK_S)

    def kept_until_s(self, job: Job) -> float:
        """Until when the JSON of a result is kept."""
        life_s = self.settings.result_life_s if job.stored else self.settings.unstored_result_life_s
        return (job.ends_s or math.inf) + life_s

    def _made(
        self,
        endpoint: str,
        arguments: dict[str, Any],
        faults: dict[Act, Fault],
        life_s: float | None,
    ) -> Outcome:
        wanted = read_fal(endpoint, arguments, self._catalogue)
        if isinstance(wanted, list):
            return _unprocessable(wanted, None)
        try:
            made = self._workshop.make(wanted, faults, self._cdn, life_s)
        except NotMade as error:
            return _unprocessable([error.problem], error.dub)
        if Act.FAIL in faults:
            return self._failed(faults[Act.FAIL], wanted, made.rendered.output_s, made.dub)
        units, usd = billable(wanted.model, made.rendered.output_s, self._catalogue)
        return Outcome(
            status=200,
            body={"video": _video(made.url, made.rendered.path.stat().st_size)},
            url=made.url,
            output_s=made.rendered.output_s,
            units=units,
            usd=usd,
            dub=made.dub,
        )

    def _failed(self, fault: Fault, wanted: Wanted, output_s: float, dub: str) -> Outcome:
        """End a job as a fault says; a 422 is billed where the settings say so."""
        status = fault.status or 500
        words = error_answer(status)
        units, usd = billable(wanted.model, output_s, self._catalogue)
        bills = status == 422 and self.settings.bills_422  # noqa: PLR2004  HTTP
        headers = {name: text for name, text in words.headers.items() if "rror" in name}
        return Outcome(
            status=status,
            body=_json(words.body) if fault.body is None else fault.body,
            headers=headers | fault.headers,
            units=units if bills else units * 0,
            usd=usd if bills else usd * 0,
            error=fault.error,
            error_type=fault.error_type,
            dub=dub,
        )


def cancelled() -> Outcome:
    """How a cancelled job ends (fal-protocol.md §6: client_cancelled is 499)."""
    words = error_answer(499)
    body = _json(words.body)
    return Outcome(
        status=499,
        body=body,
        headers={"X-Fal-Error-Type": body["error_type"]},
        error=body["detail"],
        error_type=body["error_type"],
    )


def _unprocessable(problems: list[dict[str, Any]], dub: str | None) -> Outcome:
    return Outcome(
        status=422,
        body={"detail": problems},
        headers={"X-Fal-Retryable": "false"},
        error="Invalid status code: 422",
        dub=dub,
    )


def _video(url: str, size_bytes: int) -> dict[str, Any]:
    return {
        "url": url,
        "content_type": "video/mp4",
        "file_name": url.rsplit("/", 1)[1],
        "file_size": size_bytes,
    }


def _json(body: bytes) -> Any:
    return json.loads(body)
