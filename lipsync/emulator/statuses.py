"""Statuses: what fal says about a job, in its own form."""

from typing import Any

from lipsync.emulator.clock import moment
from lipsync.emulator.jobs import Job, Phase

# Lines of a runner's log, and how far the job is when each is written.
_LINES = (
    (0.0, "Downloading inputs"),
    (0.25, "Detecting faces"),
    (0.5, "Generating"),
    (0.9, "Encoding"),
)


def status_body(
    job: Job, now_s: float, position: int, base: str, *, with_logs: bool
) -> dict[str, Any]:
    """Write the status of a job; the line must be up to date.

    Args:
        job: Which.
        now_s: When.
        position: How many wait before it.
        base: Its URL.
        with_logs: Whether the log was asked for; the key is there in any case.
    """
    phase = job.phase(now_s)
    outcome = job.outcome() if phase is Phase.ENDED else None
    said: dict[str, Any] = {
        "status": "IN_PROGRESS",
        "request_id": job.id,
        "response_url": base,
        "status_url": f"{base}/status",
        "cancel_url": f"{base}/cancel",
    }
    if phase is Phase.QUEUED:
        return said | {"status": "IN_QUEUE", "queue_position": position}
    said["logs"] = _lines(job, now_s) if with_logs else None
    if outcome is None:
        return said
    lasted_s = 0.0 if job.started_s is None else (job.ends_s or now_s) - job.started_s
    said |= {"status": "COMPLETED", "metrics": {"inference_time": round(lasted_s, 3)}}
    if outcome.error is not None:
        said["error"] = outcome.error
    if outcome.error_type is not None:
        said["error_type"] = outcome.error_type
    return said


def tail(body: dict[str, Any], told: int) -> dict[str, Any]:
    """Leave out the log lines a stream has told already."""
    logs = body.get("logs")
    return body if logs is None else body | {"logs": logs[told:]}


def _lines(job: Job, now_s: float) -> list[dict[str, str]]:
    if job.started_s is None or job.ends_s is None:
        return []
    lasts_s = job.ends_s - job.started_s
    share = job.done_share(now_s)
    return [
        {
            "message": text,
            "timestamp": moment(job.started_s + at * lasts_s).isoformat(),
            "level": "INFO",
            "source": "USER",
        }
        for at, text in _LINES
        if share >= at
    ]
