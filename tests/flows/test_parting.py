"""Claims about leaving: Ctrl-C and cancelled runs with a paid job out, and collecting it later."""

import os
import pty
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from lipsync.emulator import emulating
from lipsync.emulator.clock import Clock
from lipsync.emulator.emulator import Emulator
from lipsync.home import Home
from lipsync.submit import submit
from lipsync.tickets import Ticket, TicketState
from lipsync.workshop import Workshop
from tests.flows.paid import export, make_pair
from tests.flows.terminal import COMMAND, PATIENCE_S, environment, finished, started
from tests.lipsync.vendors.falshop import Shop, open_shop

pytestmark = [pytest.mark.usefixtures("server"), pytest.mark.xdist_group("paid")]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """Vendors whose jobs run until the clock is moved on."""
    clock = Clock(running=False)
    with emulating(tmp_path / "emulated", clock=clock, latency_s=60) as opened:
        export(opened, monkeypatch.setenv)
        yield opened


@pytest.fixture
def generation() -> int:
    """A number that no other test orders under: they share a home, and may run side by side."""
    return uuid4().int % 10**9 + 1


def sent(home: Home, generation: int) -> Ticket:
    """Wait until the ticket of a generation is with its vendor."""
    ledger, until_s = Workshop(home).ledger, time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        for ticket in ledger.tickets({TicketState.SUBMITTED}):
            if ticket.generation == generation:
                return ticket
        time.sleep(0.05)
    raise AssertionError(f"nothing was sent: {ledger.tickets()}")


@pytest.mark.parametrize(
    ("options", "state", "said"),
    [
        pytest.param([], "submitted", "goes on at fal, collect it later", id="default"),
        pytest.param(["--on-interrupt", "leave"], "submitted", "goes on at fal", id="leave"),
        pytest.param(
            ["--on-interrupt", "cancel"], "submitted", "fal was asked to cancel", id="cancel"
        ),
    ],
)
def test_ctrl_c_without_a_terminal_does_with_a_paid_job_as_it_was_told(  # noqa: PLR0913, PLR0917  fixtures
    flow_home: Home,
    tmp_path: Path,
    emulator: Emulator,
    pair: tuple[Path, Path],
    generation: int,
    options: list[str],
    state: str,
    said: str,
) -> None:
    argv = ("run", *pair, "-o", tmp_path / "out.mp4", "--model", "sync-2", "--json", *options)
    numbered = ("--generation", str(generation))
    process = started(*argv, *numbered, env=environment(flow_home), cwd=tmp_path)
    ticket = sent(flow_home, generation)
    process.send_signal(signal.SIGINT)
    answer = finished(process)
    assert answer.code == 130, answer
    assert answer.data["exit_code"] == 130
    assert said in answer.data["error"]
    assert f"ticket {ticket.id}" in answer.data["error"]
    assert Workshop(flow_home).ledger.ticket(ticket.id).state == state
    calls = emulator.account().calls.get("fal cancel", 0)
    assert calls == ("cancel" in options)


def test_ctrl_c_at_a_terminal_asks_once_and_does_as_it_is_told(
    flow_home: Home,
    tmp_path: Path,
    emulator: Emulator,
    pair: tuple[Path, Path],
    generation: int,
) -> None:
    argv = [*COMMAND, "run", *pair, "-o", tmp_path / "out.mp4", "--model", "sync-2"]
    words, env = [*map(str, argv), "--generation", str(generation)], environment(flow_home)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        os.execve(words[0], words, env)  # noqa: S606  a list we built
    sent(flow_home, generation)
    heard = read_until(terminal, "fal:")  # the wait is shown
    os.write(terminal, b"\x03")
    heard = read_until(terminal, "[c/L]")
    os.write(terminal, b"c\n")
    heard = read_until(terminal, None)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    assert "fal was asked to cancel" in heard
    assert "[c/L]" not in heard
    assert emulator.account().calls["fal cancel"] == 1


def read_until(terminal: int, word: str | None) -> str:
    """Read what a terminal shows until a word comes; None: until it closes."""
    heard, until_s = "", time.monotonic() + PATIENCE_S
    while word is None or word not in heard:
        assert time.monotonic() < until_s, heard
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            came = os.read(terminal, 65_536)
        except OSError:  # Linux's way to say that the other side is closed
            break
        if not came:
            break
        heard += came.decode(errors="replace")
    return heard


@pytest.fixture
def fal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("DUBLINE_HOME", str(tmp_path / "home"))
    with open_shop(tmp_path, monkeypatch.setenv, fal_slots=1) as opened:
        yield opened


@pytest.mark.parametrize(("wish", "state"), [("leave", "submitted"), ("cancel", "cancelled")])
def test_a_cancelled_run_does_with_its_own_paid_jobs_as_its_parameters_say(
    fal: Shop, wish: str, state: str
) -> None:
    from prefect.client.schemas.objects import FlowRun
    from prefect.states import Cancelled

    from flows.dub import dub

    mine = UUID(int=1)
    shop, (hook,) = Workshop(fal.store.home), dub.on_cancellation_hooks
    fal.emulator.fault("stuck", times=None)
    ours = submit(fal.order(), shop.ledger, fal.vendor, run=str(mine)).ticket
    other = submit(fal.order(generation=2), shop.ledger, fal.vendor, run="another").ticket
    run = FlowRun(id=mine, flow_id=UUID(int=2), parameters={"params": {"on_interrupt": wish}})
    hook(dub, run, Cancelled())
    assert shop.ledger.ticket(ours.id).state == state
    assert shop.ledger.ticket(other.id).state is TicketState.SUBMITTED


def test_what_was_left_is_collected_any_number_of_times_and_bought_once(fal: Shop) -> None:
    from flows.collect_open import collect_open

    shop = Workshop(fal.store.home)
    left = submit(fal.order(), shop.ledger, fal.vendor).ticket
    fal.ended(left)
    (first,) = collect_open()
    assert first.delivery is not None
    assert shop.ledger.ticket(left.id).state is TicketState.DELIVERED
    assert collect_open() == ()
    assert len(fal.emulator.account().accepted) == 1
