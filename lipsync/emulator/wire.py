"""The wire: a request as it came, and an answer as it goes, or breaks off."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

Act = Callable[[], "Answer"]


@dataclass(frozen=True)
class Request:
    """What a client asked.

    Attributes:
        method: In capitals.
        host: From the Host header, without the port.
        base_url: Scheme, host and port it was asked under.
        path: Decoded, without the query.
        query: The last value of each name.
        headers: Names in lower case.
        body: All of it.
    """

    method: str
    host: str
    base_url: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """Read the body as JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True)
class Slice:
    """A stretch of a file."""

    path: Path
    start: int
    length: int


@dataclass(frozen=True)
class Answer:
    """What goes back.

    Attributes:
        status: HTTP status.
        body: Sent with its length, unless there is a `slice` or `stream`.
        headers: Beside length and connection.
        slice: A stretch of a file, in place of a body.
        stream: Chunks sent as they come, in place of a body.
        lost: Nothing is sent and the connection is cut.
        cut_bytes: The connection is cut after so many bytes of the body.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    slice: Slice | None = None
    stream: Iterator[bytes] | None = None
    lost: bool = False
    cut_bytes: int | None = None

    @property
    def length(self) -> int:
        """Bytes of the body, where they are known."""
        return len(self.body) if self.slice is None else self.slice.length


@dataclass(frozen=True)
class Point:
    """Where in a conversation a request stands; what a fault is addressed to."""

    vendor: str
    route: str
    endpoint: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class Call:
    """A request that found its way: where it stands, and what answers it."""

    point: Point
    act: Act


class Site(Protocol):
    """What stands behind one or more hosts."""

    def find(self, request: Request) -> Call | None:
        """Say what answers a request; None when there is nothing at its path."""
        ...

    def error(self, status: int) -> Answer:
        """Return the vendor's own answer of a status, as it words it."""
        ...


def json_answer(
    body: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    """Wrap JSON."""
    return Answer(
        status=status,
        body=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **(headers or {})},
    )
