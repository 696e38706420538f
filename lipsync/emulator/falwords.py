"""fal's words: who may use it, and what it answers when something is wrong."""

import secrets
from typing import Any

from lipsync.emulator.settings import Settings
from lipsync.emulator.wire import Answer, Request, json_answer

# reference: fal-protocol.md §8 and §10.
_ERRORS: dict[int, dict[str, Any]] = {
    400: {"detail": "Bad request", "error_type": "bad_request"},
    401: {
        "detail": (
            'Cannot access application "fal-ai/sync-lipsync". '
            "Authentication is required to access this application."
        )
    },
    403: {
        "detail": (
            "User is locked. Reason: Exhausted balance. "
            "Top up your balance at fal.ai/dashboard/billing."
        )
    },
    404: {"detail": "Not found"},
    429: {"detail": "Too many requests", "error_type": "concurrent_requests_limit"},
    499: {"detail": "Request was cancelled by the client", "error_type": "client_cancelled"},
    500: {"detail": "Internal server error", "error_type": "internal_error"},
    502: {"detail": "Incomplete response", "error_type": "runner_incomplete_response"},
    503: {"detail": "No runner could be scheduled", "error_type": "runner_scheduling_failure"},
    504: {"detail": "Request timed out", "error_type": "request_timeout"},
}


def error_answer(status: int, request_id: str | None = None) -> Answer:
    """Answer in fal's own words; its own answers always carry a request id."""
    body = _ERRORS.get(status, {"detail": f"Error {status}"})
    headers = {"x-fal-request-id": request_id or new_id()}
    if kind := body.get("error_type"):
        headers["X-Fal-Error-Type"] = str(kind)
    return json_answer(body, status, headers)


def may_use(request: Request, settings: Settings) -> bool:
    """Say whether a request carries the key."""
    given = request.headers.get("authorization", "")
    return secrets.compare_digest(given.encode(), f"Key {settings.fal_key}".encode())


def new_id() -> str:
    """Invent a request id in fal's form."""
    digits = secrets.token_hex(16)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
