"""Presets: the faults by name, as scripts and tests ask for them."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lipsync.emulator.faults import Act, Fault
from lipsync.errors import UsageError

# What nginx puts in front of a service that does not answer; fal's own answers are JSON and carry
# x-fal-request-id, these do not (reference: fal-protocol.md §11).
NGINX = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>nginx</body></html>"
GATEWAY = {502: "502 Bad Gateway", 504: "504 Gateway Time-out"}


def _nginx(status: int, when: str) -> dict[str, Any]:
    return {
        "act": Act.REPLY,
        "route": "submit",
        "when": when,
        "status": status,
        "body": NGINX.format(GATEWAY[status]),
        "headers": {"Content-Type": "text/html"},
    }


def _reply(status: int, when: str = "before", route: str = "submit", **more: Any) -> dict[str, Any]:
    return {"act": Act.REPLY, "route": route, "when": when, "status": status} | more


def _face(loc: str = "video_url") -> dict[str, Any]:
    """Write the list of a 422 (reference: fal-protocol.md §10)."""
    kind = "face_detection_error"
    entry = {
        "loc": ["body", loc],
        "msg": "Could not detect a face in the video.",
        "type": kind,
        "url": f"https://docs.fal.ai/errors/#{kind}",
    }
    return {"detail": [entry]}


_ROWS: dict[str, dict[str, Any]] = {
    # ── the submit ──
    "cut_after_acceptance": {"act": Act.CUT, "route": "submit", "when": "after"},
    "cut_before_acceptance": {"act": Act.CUT, "route": "submit"},
    "slow_reply": {"act": Act.DELAY, "route": "submit", "when": "after"},
    "nginx_502_after_acceptance": _nginx(502, "after"),
    "nginx_504_after_acceptance": _nginx(504, "after"),
    "nginx_502": _nginx(502, "before"),
    "nginx_504": _nginx(504, "before"),
    "error_500_after_acceptance": _reply(500, "after"),
    "error_503_after_acceptance": _reply(503, "after"),
    "error_500": _reply(500),
    "error_503": _reply(503),
    "too_many": _reply(429),
    "unauthorized": _reply(401),
    "locked": _reply(403),
    "no_credit": _reply(402, vendor="unified"),
    "refused": {"act": Act.REFUSE, "route": "connect"},
    "receipt_missing_keys": {
        "act": Act.ALTER,
        "route": "submit",
        "when": "after",
        "drop": ("request_id", "id", "response_url"),
    },
    # ── the wait ──
    "status_500": _reply(500, route="status"),
    "status_503": _reply(503, route="status"),
    "status_cut": {"act": Act.CUT, "route": "status"},
    "status_missing_keys": {
        "act": Act.ALTER,
        "route": "status",
        "when": "after",
        "drop": ("logs", "queue_position", "metrics", "progress", "results", "error"),
    },
    "status_odd": {
        "act": Act.ALTER,
        "route": "status",
        "when": "after",
        "put": {"status": "PAUSED"},
    },
    "stream_cut": {"act": Act.HALF, "route": "stream", "when": "after", "vendor": "fal"},
    "stream_absent": _reply(404, route="stream", vendor="fal", times=None),
    "stuck": {"act": Act.STUCK},
    "requeue": {"act": Act.REQUEUE, "vendor": "fal"},
    "odd_state": {"act": Act.ODD_STATE, "vendor": "unified"},
    "withdrawn": {"act": Act.WITHDRAWN, "vendor": "unified"},
    # ── the result ──
    "completed_with_error": {
        "act": Act.FAIL,
        "status": 500,
        "error": "Runner exited unexpectedly",
        "error_type": "runner_server_error",
    },
    "result_422": {"act": Act.FAIL, "status": 422, "body": _face(), "vendor": "fal"},
    "result_500": {"act": Act.FAIL, "status": 500, "vendor": "fal"},
    "result_499": {"act": Act.FAIL, "status": 499, "vendor": "fal"},
    "result_404": {"act": Act.FAIL, "status": 404, "vendor": "fal"},
    "result_busy": _reply(503, route="result", vendor="fal"),
    "result_cut": {"act": Act.CUT, "route": "result", "vendor": "fal"},
    "result_expired": {"act": Act.EXPIRE},
    # ── the file ──
    "link_expired": _reply(404, route="download"),
    "download_cut": {"act": Act.HALF, "route": "download", "when": "after"},
    "download_whole": {"act": Act.WHOLE, "route": "download", "times": None},
    "wrong_bytes": {"act": Act.SCRAMBLE, "route": "download", "when": "after"},
    "not_a_video": {"act": Act.GARBAGE},
    "wrong_length": {"act": Act.SHORTEN},
    "rate_60_to_25": {"act": Act.RERATE},
    "unchanged": {"act": Act.UNCHANGED},
    # ── uploads and the rest ──
    "token_401": _reply(401, route="token", vendor="fal"),
    "upload_500": _reply(500, route="upload", vendor="fal"),
    "upload_503": _reply(503, route="upload", vendor="fal"),
    "upload_cut": {"act": Act.CUT, "route": "upload", "when": "after", "vendor": "fal"},
    "part_500": _reply(500, route="part", vendor="fal"),
    "part_without_etag": _reply(200, "after", "part", vendor="fal", body=""),
    "cancel_ignored": {"act": Act.DEAF, "vendor": "fal"},
    "listing_503": _reply(503, route="requests", vendor="fal"),
}

PRESETS = {name: Fault.model_validate({"name": name} | row) for name, row in _ROWS.items()}


def preset(name: str, **changes: Any) -> Fault:
    """Return a fault by its name, with other figures where `changes` says so.

    Raises:
        UsageError: There is no such fault, or a figure makes no sense.
    """
    if name not in PRESETS and "act" not in changes:
        raise UsageError(f"there is no fault {name!r}; there are {', '.join(sorted(PRESETS))}")
    row = _ROWS.get(name, {})
    try:
        return Fault.model_validate({"name": name} | row | changes)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"fault {name}: {where}: {first['msg']}") from error


def fitting(vendor: str) -> tuple[str, ...]:
    """Name the faults that can happen at a vendor; ask for them with `vendor=` it."""
    return tuple(name for name, fault in PRESETS.items() if fault.vendor in {"*", vendor})


def read_faults(path: Path) -> tuple[Fault, ...]:
    """Read a script: TOML with one `[[fault]]` table each, `name` and what differs from it.

    Raises:
        UsageError: It cannot be read, or a table is wrong.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: the faults cannot be read ({error})") from error
    rows = tables.pop("fault", [])
    if tables or not isinstance(rows, list):
        raise UsageError(f"{path}: faults are written as [[fault]] tables, each with a name")
    return tuple(parse_fault(row) for row in rows)


def parse_fault(row: Any) -> Fault:
    """Read one fault from a table.

    Raises:
        UsageError: It has no name, or makes no sense.
    """
    if not isinstance(row, dict) or not isinstance(row.get("name"), str):
        raise UsageError('a fault is a table with a name, e.g. {"name": "locked"}')
    return preset(**row)
