"""The unified API's words: what it takes, and how its two families say things."""

from collections.abc import Mapping
from typing import Any

from lipsync.catalogue import Catalogue, Model
from lipsync.emulator.arguments import Wanted, mode_of
from lipsync.emulator.jobs import Job
from lipsync.emulator.settings import Settings
from lipsync.emulator.wire import Answer, json_answer

# reference: providers.md §1.5, EvoLink's table, then FoxAPI's where it differs.
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_quota_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
    500: "internal_server_error",
    502: "upstream_error",
    503: "service_unavailable_error",
}
_FOX_TYPES = {402: "insufficient_quota", 500: "server_error"}
_SAID = {
    400: "Invalid request",
    401: "Invalid API key",
    402: "Insufficient quota",
    403: "Permission denied",
    404: "Task not found",
    413: "Request too large",
    422: "Invalid parameter",
    429: "Rate limit exceeded",
    500: "Internal server error",
    502: "Upstream error",
    503: "Service temporarily unavailable",
}
_SUGGESTED = {429: "retry after 60 seconds", 503: "retry after 30 seconds"}
_KNOWN = frozenset({"model", "sync_mode", "temperature", "active_speaker", "callback_url"})


class Refused(Exception):
    """A submit that is not accepted."""

    def __init__(self, status: int, said: str, param: str = "", code: str | None = None) -> None:
        super().__init__(said)
        self.status = status
        self.param = param
        self.code = code


def error_answer(status: int, settings: Settings) -> Answer:
    """Answer a status in the words of the family."""
    return refusal_answer(Refused(status, _SAID.get(status, f"Error {status}")), settings)


def refusal_answer(refused: Refused, settings: Settings) -> Answer:
    """Write an error: EvoLink's code is a number, FoxAPI's a word and only sometimes there."""
    status = refused.status
    kind = _TYPES.get(status, "unknown_error")
    said: dict[str, Any] = {"message": str(refused), "type": kind}
    if settings.dialect == "evolink":
        said |= {"code": status, "param": refused.param}
        said["fallback_suggestion"] = _SUGGESTED.get(status, "")
    else:
        said["type"] = _FOX_TYPES.get(status, kind)
        if refused.code:
            said["code"] = refused.code
    return json_answer({"error": said}, status)


def failure(code: str, said: str, settings: Settings) -> dict[str, Any]:
    """Say why a task failed; the code is a word in both families."""
    problem = {"code": code, "message": said}
    return problem if settings.dialect == "evolink" else problem | {"type": "task_error"}


def receipt(job: Job, settings: Settings, *, can_cancel: bool) -> dict[str, Any]:
    """Write a task that has not begun."""
    said: dict[str, Any] = {
        "created": int(job.accepted_s),
        "id": job.id,
        "model": job.endpoint,
        "object": "video.generation.task",
        "progress": 0,
        "status": "pending",
        "type": "video",
        "usage": {"credits_reserved": 100, "user_group": "default"},
    }
    if settings.dialect == "evolink":
        said["task_info"] = {"can_cancel": can_cancel, "estimated_time": 90, "video_duration": 0}
        said["usage"] |= {"billing_rule": "per_second"}
        return said
    return said | {"results": None, "error": None}


def results(url: str, settings: Settings) -> dict[str, Any]:
    """Write where the file is, in the shape of the settings."""
    shapes: dict[str, dict[str, Any]] = {
        "results.url": {"results": [{"url": url}]},
        "results": {"results": [url]},
        "result_data": {"results": None, "result_data": [{"video_url": url}]},
        "output": {"output": {"url": url, "urls": [url], "duration": 5}},
    }
    return shapes[settings.result_shape]


def read_unified(asked: Any, catalogue: Catalogue, settings: Settings) -> Wanted:
    """Read a submit.

    Raises:
        Refused: It is not accepted.
    """
    if not isinstance(asked, dict):
        raise Refused(400, "Request body is not valid JSON")
    model = _model(asked, catalogue)
    video, voice = _media(asked, settings)
    for name in sorted(set(asked) - _KNOWN - {video, voice}):
        raise Refused(422, f"Unknown field {name}", name)
    _check_options(model, asked)
    sent = asked.get(model.sync.field)
    if sent is not None and sent not in {own.send for own in model.sync.modes.values()}:
        raise Refused(422, f"sync_mode {sent!r} is not supported", "sync_mode")
    rest = {name: value for name, value in asked.items() if name not in {video, voice}}
    fields = model.media.model_copy(update={"video": video, "voice": voice})
    return Wanted(
        model=model.model_copy(update={"media": fields}),
        video_url=asked[video],
        voice_url=asked[voice],
        mode=mode_of(model, sent),
        rest=rest,
    )


def _model(asked: Mapping[str, Any], catalogue: Catalogue) -> Model:
    name = asked.get("model")
    if name is None:
        raise Refused(422, "model is required", "model")
    for row in catalogue.models.values():
        if row.vendor == "unified" and row.arguments.get("model") == name:
            return row
    raise Refused(422, f"The model {name!r} does not exist", "model", "model_not_found")


def _media(asked: Mapping[str, Any], settings: Settings) -> tuple[str, str]:
    """Find out under which of the two pairs of names the media came."""
    for video, voice in settings.media_fields:
        if video in asked or voice in asked:
            for name in (video, voice):
                url = asked.get(name)
                if not isinstance(url, str) or not url.startswith(("http://", "https://")):
                    raise Refused(422, f"{name} must be a URL that can be reached", name)
            return video, voice
    video, voice = settings.media_fields[0]
    raise Refused(422, f"{video} and {voice} are required", video)


def _check_options(model: Model, asked: Mapping[str, Any]) -> None:
    """Hold the options against the model: what it does not take is refused, defaults too."""
    for name in ("temperature", "active_speaker"):
        if name not in asked:
            continue
        if name not in model.options:
            said = f"{name} is not supported by {asked['model']}"
            raise Refused(422, said, name, "unsupported_advanced_options")
    heat = asked.get("temperature", 0)
    if isinstance(heat, bool) or not isinstance(heat, int | float) or not 0 <= heat <= 1:
        raise Refused(422, "temperature must be between 0 and 1", "temperature")
    if not isinstance(asked.get("active_speaker", False), bool):
        raise Refused(422, "active_speaker must be a boolean", "active_speaker")
