"""`dubline up`: server, UI and a worker on one machine, until Ctrl-C."""

import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event
from typing import TYPE_CHECKING, Any

import typer

from flows.cli.answering import answer, answered, say
from flows.cli.opening import ServerGone, reach
from flows.embedded import Standing, down_if_unused, serving, standing
from flows.working import Worker, last_beat, wait_until_online, worker_name, working
from lipsync.errors import UsageError
from lipsync.home import Home
from lipsync.store import disk_errors

if TYPE_CHECKING:  # Prefect is imported once it is served
    from prefect.client.orchestration import SyncPrefectClient

CRASHED = "its worker was gone; it goes on from what is kept"
# Ours: how late it is noticed that the worker or the server has ended by itself.
LOOK_EVERY_S = 2.0
STOPPED = "`dubline up` was stopped; it goes on with the next one"


def run_up(*, limit: int | None, as_json: bool) -> None:
    """Serve and work until Ctrl-C or a SIGTERM; what was there before stays.

    Args:
        limit: How many runs are worked on at a time; None: as many as come.
        as_json: Print one JSON object once all is there.
    """
    home, hurry = Home.found(), Event()
    with answered(as_json=as_json), _alone(home), _stoppable(hurry):
        given = os.environ.get("PREFECT_API_URL")
        stays = bool(given) or standing(home) is not None
        try:
            with serving(home, say) as url:
                if given:
                    reach(url)
                _work(home, url, limit, hurry, as_json=as_json)
        finally:
            if not stays:
                say(down_if_unused(home))


def _work(home: Home, url: str, limit: int | None, hurry: Event, *, as_json: bool) -> None:
    """Take up what the last worker left, and work until told to stop."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415  it is served by now

    name, server = worker_name(home), standing(home)
    with get_client(sync_client=True) as client:
        _refuse_if_nothing_is_deployed(client)
        _take_up(client, name)
        before = last_beat(client, name)
        with (
            _going_on(client) as begun,
            working(home, limit, hurry) as worker,
            _noting(client, name, begun),
        ):
            wait_until_online(client, worker, before)
            _tell(url, worker, as_json=as_json)
            _wait(home, worker, server)


def _wait(home: Home, worker: Worker, server: Standing | None) -> None:
    """Wait for the signal to stop.

    Args:
        home: Whose worker it is.
        worker: The worker.
        server: Of this home, as it stood before anybody was told of it; None: another is used.

    Raises:
        LipsyncError: The worker, or the server of this home, has ended by itself.
    """
    while True:
        worker.watch(LOOK_EVERY_S)
        if server is not None and standing(home) != server:
            raise ServerGone(
                f"the Prefect server of {home.root} was stopped; nothing is lost, start "
                "`dubline up` again"
            )


def _take_up(client: "SyncPrefectClient", name: str) -> None:
    """Let the runs go on that the last worker of this home left without a process."""
    from flows.resuming import begun_by, go_on, left_behind  # noqa: PLC0415  it is served by now

    _say_goes_on(go_on(client, left_behind(begun_by(client, name)), CRASHED), "now")


@contextmanager
def _noting(client: "SyncPrefectClient", name: str, begun: list[Any]) -> Iterator[None]:
    """Note, when the block ends, which runs the worker is in the middle of."""
    from flows.resuming import begun_by  # noqa: PLC0415  it is served by now

    try:
        yield
    finally:
        say("stopping…")
        begun += _unless_gone(lambda: begun_by(client, name))


@contextmanager
def _going_on(client: "SyncPrefectClient") -> Iterator[list[Any]]:
    """Let the runs noted in the block go on with the next worker."""
    from flows.resuming import go_on  # noqa: PLC0415  it is served by now

    begun: list[Any] = []
    try:
        yield begun
    finally:
        named = _unless_gone(lambda: go_on(client, begun, STOPPED))
        _say_goes_on(named, "with the next `dubline up`")


def _unless_gone(ask: Callable[[], list[Any]]) -> list[Any]:
    """Ask the server, which may be gone: then its runs are found by the next `dubline up`."""
    import httpx  # noqa: PLC0415  Prefect's client, loaded by now

    from flows.cli.opening import impatient  # noqa: PLC0415  as above

    try:
        with impatient():
            return ask()
    except httpx.HTTPError:
        return []


def _say_goes_on(runs: list[str], when: str) -> None:
    for name in runs:
        say(f"goes on {when}: {name}")


def _tell(url: str, worker: Worker, *, as_json: bool) -> None:
    ui = url.removesuffix("/api")
    if as_json:
        answer({"ui": ui, "api": url, "worker": worker.name, "log": str(worker.log)})
        return
    typer.echo(f"UI      {ui}")
    typer.echo(f"worker  {worker.name}, log {worker.log}")
    say("Ctrl-C stops what this command has started")


def _refuse_if_nothing_is_deployed(client: "SyncPrefectClient") -> None:
    from prefect.exceptions import ObjectNotFound  # noqa: PLC0415  as above

    from flows.deploying import POOL  # noqa: PLC0415  as above

    try:
        client.read_work_pool(POOL)
    except ObjectNotFound as error:
        raise UsageError(
            f"nothing is deployed here yet (no work pool {POOL}): run `make deploy` first"
        ) from error


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Be the only `dubline up` of a home.

    Raises:
        UsageError: There is one.
    """
    path = home.folder("worker") / "up"
    with disk_errors(path):
        stream = path.open("a")
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"`dubline up` runs for {home.root} already; stop that one, or set DUBLINE_HOME"
            ) from error
        yield


@contextmanager
def _stoppable(hurry: Event) -> Iterator[None]:
    """End the block at the first Ctrl-C or SIGTERM; at the second, set `hurry`."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def again(number: int, frame: Any) -> None:
        hurry.set()

    def first(number: int, frame: Any) -> None:
        for one in numbers:
            signal.signal(one, again)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, first) for number in numbers}
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
