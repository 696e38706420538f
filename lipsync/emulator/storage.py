"""Storage: fal's upload tokens, single uploads, uploads in parts, and the way of the JS client."""

import hashlib
import re
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from lipsync.emulator.cdn import PREFIX, Cdn, life_from
from lipsync.emulator.clock import Clock, moment
from lipsync.emulator.falwords import error_answer, may_use
from lipsync.emulator.settings import Settings
from lipsync.emulator.webhooks import Webhooks
from lipsync.emulator.wire import Answer, Call, Point, Request, json_answer

# Tokens were seen to live 30 days (reference: fal-protocol.md §14).
TOKEN_LIFE_S = 30 * 86_400
_PART = re.compile(r"^(?P<place>/files/.+)/multipart/(?P<upload>[^/]+)/(?P<number>\d+)$")
_COMPLETE = re.compile(r"^(?P<place>/files/.+)/multipart/(?P<upload>[^/]+)/complete$")


class Upload:
    """An upload in parts that is under way."""

    def __init__(self, place: str, content_type: str, life_s: float | None) -> None:
        self.place = place
        self.content_type = content_type
        self.life_s = life_s
        self.parts: dict[int, Path] = {}


class Storage:
    """rest.fal.ai, and the uploading half of v3.fal.media."""

    def __init__(self, cdn: Cdn, clock: Clock, settings: Settings, webhooks: Webhooks) -> None:
        self._cdn = cdn
        self._clock = clock
        self._settings = settings
        self._webhooks = webhooks
        self._tokens: dict[str, float] = {}
        self._uploads: dict[str, Upload] = {}
        self._promised: dict[str, Upload] = {}
        self._lock = threading.Lock()

    def find(self, request: Request) -> Call | None:
        """Say what answers a request, uploads and downloads alike."""
        for route, act in self._candidates(request):
            return Call(Point("fal", route), act)
        return self._cdn.find(request)

    def error(self, status: int) -> Answer:
        """Return fal's own words."""
        return error_answer(status)

    def _candidates(self, request: Request) -> list[tuple[str, Callable[[], Answer]]]:
        known: dict[tuple[str, str], tuple[str, Callable[[Request], Answer]]] = {
            ("POST", "/storage/auth/token"): ("token", self._token),
            ("GET", "/.well-known/jwks.json"): ("jwks", self._jwks),
            ("POST", "/storage/upload/initiate"): ("initiate", self._initiate),
            ("POST", "/storage/upload/initiate-multipart"): ("initiate", self._initiate_parts),
            ("POST", "/files/upload"): ("upload", self._single),
            ("POST", "/files/upload/multipart"): ("multipart", self._create),
        }
        row = known.get((request.method, request.path))
        if row is not None:
            route, act = row
            return [(route, lambda: act(request))]
        if request.method == "PUT" and (part := _PART.match(request.path)):
            return [("part", lambda: self._part(request, part))]
        if request.method == "POST" and (done := _COMPLETE.match(request.path)):
            return [("complete", lambda: self._complete(request, done))]
        if request.method == "PUT" and request.path.startswith(PREFIX):
            return [("upload", lambda: self._promised_put(request))]
        return []

    # ── rest.fal.ai ──

    def _jwks(self, _request: Request) -> Answer:
        return json_answer(self._webhooks.jwks())

    def _token(self, request: Request) -> Answer:
        if not may_use(request, self._settings):
            return error_answer(401)
        if request.query.get("storage_type") != "fal-cdn-v3":
            return json_answer({"detail": "Invalid storage type"}, 400)
        token, now_s = secrets.token_urlsafe(24), self._clock.now_s()
        with self._lock:
            self._tokens[token] = now_s + TOKEN_LIFE_S
        return json_answer(
            {
                "token": token,
                "token_type": "Bearer",
                "base_url": self._cdn.base_url,
                "created_at": moment(now_s).isoformat(),
                "expires_at": moment(now_s + TOKEN_LIFE_S).isoformat(),
            }
        )

    def _initiate(self, request: Request) -> Answer:
        """Promise a place; the old kind of storage is refused, as it is at fal today."""
        if not may_use(request, self._settings):
            return error_answer(401)
        if request.query.get("storage_type") != "fal-cdn-v3":
            return json_answer({"detail": "Invalid storage type"}, 400)
        place = self._cdn.place(self._wish(request, "file_name", "file"))
        return self._promise(request, place, self._cdn.base_url + place)

    def _initiate_parts(self, request: Request) -> Answer:
        if not may_use(request, self._settings):
            return error_answer(401)
        place = self._cdn.place(self._wish(request, "file_name", "file"))
        upload = secrets.token_hex(8)
        return self._promise(request, place, f"{self._cdn.base_url}{place}/multipart/{upload}")

    def _promise(self, request: Request, place: str, upload_url: str) -> Answer:
        kind = self._wish(request, "content_type", "application/octet-stream")
        life_s = life_from(
            request.headers.get("x-fal-object-lifecycle"), self._settings.fal_link_life_s
        )
        promised = Upload(place, kind, life_s)
        with self._lock:
            self._promised[place] = promised
            self._uploads[upload_url.rsplit("/", 1)[1]] = promised
        return json_answer({"upload_url": upload_url, "file_url": self._cdn.base_url + place})

    @staticmethod
    def _wish(request: Request, field: str, otherwise: str) -> str:
        body = request.json()
        found = body.get(field) if isinstance(body, dict) else None
        return found if isinstance(found, str) and found else otherwise

    # ── v3.fal.media ──

    def _single(self, request: Request) -> Answer:
        if not self._holds_token(request):
            return error_answer(401)
        name = request.headers.get("x-fal-file-name", "file")
        url = self._cdn.take(request.body, name, _kind(request), self._life_s(request))
        return json_answer({"access_url": url, "uploaded": True})

    def _promised_put(self, request: Request) -> Answer:
        with self._lock:
            promised = self._promised.pop(request.path, None)
        if promised is None:
            return error_answer(404)
        path = self._cdn.room()
        path.write_bytes(request.body)
        self._cdn.bind(promised.place, path, promised.content_type, promised.life_s)
        return Answer(headers={"ETag": f'"{path.name}"'})

    def _create(self, request: Request) -> Answer:
        if not self._holds_token(request):
            return error_answer(401)
        place = self._cdn.place(request.headers.get("x-fal-file-name", "file"))
        number = secrets.token_hex(8)
        with self._lock:
            self._uploads[number] = Upload(place, _kind(request), self._life_s(request))
        return json_answer({"access_url": self._cdn.base_url + place, "uploadId": number})

    def _part(self, request: Request, found: re.Match[str]) -> Answer:
        upload = self._uploads.get(found["upload"])
        if upload is None:
            return error_answer(404)
        path = self._cdn.room()
        path.write_bytes(request.body)
        with self._lock:
            upload.parts[int(found["number"])] = path
        digest = hashlib.md5(request.body, usedforsecurity=False).hexdigest()
        return json_answer(
            {"partNumber": int(found["number"]), "etag": digest}, headers={"ETag": f'"{digest}"'}
        )

    def _complete(self, request: Request, found: re.Match[str]) -> Answer:
        """Join the parts by their numbers; the list comes in any order."""
        body = request.json()
        listed = body.get("parts") if isinstance(body, dict) else None
        with self._lock:
            upload = self._uploads.get(found["upload"])
            parts = dict(upload.parts) if upload else {}
        named = {int(row["partNumber"]) for row in listed or ()}
        if upload is None or named != set(parts) or named != set(range(1, len(named) + 1)):
            return json_answer({"detail": "Parts are missing"}, 400)
        path = self._cdn.room()
        with path.open("wb") as whole:
            for number in sorted(parts):
                whole.write(parts[number].read_bytes())
                parts[number].unlink()
        self._cdn.bind(upload.place, path, upload.content_type, upload.life_s)
        with self._lock:
            self._uploads.pop(found["upload"], None)
        return json_answer({"access_url": self._cdn.base_url + upload.place})

    def _holds_token(self, request: Request) -> bool:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        with self._lock:
            expires_s = self._tokens.get(token, 0.0)
        return kind.lower() == "bearer" and self._clock.now_s() < expires_s

    def _life_s(self, request: Request) -> float | None:
        header = request.headers.get("x-fal-object-lifecycle")
        return life_from(header, self._settings.fal_link_life_s)


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "application/octet-stream")
