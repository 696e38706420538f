"""Claims about the flow `watch-folder`: real looks, real stages, real Prefect."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lipsync.arrivals import Line, LineState, Tick
from lipsync.emulator import emulating
from lipsync.home import Home
from lipsync.output import recorded
from lipsync.tickets import TicketState
from lipsync.workshop import Workshop
from tests.clips import make_voice
from tests.flows.paid import export, make_pair
from tests.lipsync.inboxes import of, states

pytestmark = pytest.mark.usefixtures("server")

Look = Callable[..., Tick]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    inbox, outbox = tmp_path / "inbox", tmp_path / "outbox"
    inbox.mkdir()
    outbox.mkdir()
    return inbox, outbox


@pytest.fixture
def look(tmp_path: Path, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Look:
    """Run the flow in a home of this test's own; a file is settled at its second look."""
    monkeypatch.setenv("DUBLINE_HOME", str(tmp_path / "home"))

    def run(**wishes: Any) -> Tick:
        from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

        from flows.watch_folder import watch_folder
        from lipsync.watch_params import WatchParams

        params = WatchParams(inbox=folders[0], outbox=folders[1], settle_s=0, **wishes)
        with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            found = watch_folder(params)
        assert isinstance(found, Tick)
        return found

    return run


def arrived(inbox: Path, stem: str = "talk", languages: tuple[str, ...] = ("de",)) -> None:
    """Put a whole pair into the inbox, written long ago."""
    made = [make_pair(inbox)[0].rename(inbox / f"{stem}.mp4")]  # with a face: the paid models look
    (inbox / "voice.wav").unlink()
    for seed, language in enumerate(languages, 1):
        made.append(make_voice(inbox / f"{stem}.{language}.wav", 1.0, seed=seed))
    for path in made:
        os.utime(path, (time.time() - 60, time.time() - 60))


def test_what_arrives_is_dubbed_once_and_lies_in_the_outbox_with_its_record(
    look: Look, folders: tuple[Path, Path]
) -> None:
    inbox, outbox = folders
    arrived(inbox, languages=("de", "fr"))
    (inbox / "broken.mp4").write_bytes(b"<html>gone")
    make_voice(inbox / "broken.de.wav", 1.0)
    assert set(states(look()).values()) == {LineState.ARRIVING}
    found = look(set_aside_after_s=0)
    assert states(found) == {
        "talk.de.wav": LineState.DUBBED,
        "talk.fr.wav": LineState.DUBBED,
        "broken.de.wav": LineState.SET_ASIDE,
    }
    for language in ("de", "fr"):
        report = recorded(outbox / f"talk.{language}.preview.mp4")
        assert report is not None
        assert report.failed == ()
    assert "a web page" in (inbox / "_set-aside" / "broken.mp4.reason.txt").read_text()
    assert {of(look(), f"talk.{one}.wav").state for one in ("de", "fr")} == {LineState.DONE}


def test_the_runs_page_has_a_table_of_what_was_found(
    look: Look, folders: tuple[Path, Path]
) -> None:
    import json

    from prefect.artifacts import Artifact

    arrived(folders[0])
    look()
    look()
    artifact: Any = Artifact.get("inbox")
    (row,) = json.loads(str(artifact.data))
    assert (row["voice"], row["state"]) == ("talk.de.wav", "dubbed")


def test_the_day_has_a_budget_of_its_own_and_the_rest_waits(
    look: Look, folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived(folders[0], languages=("de", "fr", "it"))
    with emulating(tmp_path, latency_s=0.1) as emulator:
        export(emulator, monkeypatch.setenv)
        wishes = {"model": "sync-2", "budget_per_day_usd": 0.12}
        look(**wishes)
        found = look(**wishes)
        assert sorted(states(found).values()) == ["dubbed", "dubbed", "waiting"], found
        (waiting,) = (line for line in found.lines if line.state is LineState.WAITING)
        assert "of its $0.12 spent" in waiting.said
        assert len(emulator.account().accepted) == 2
        assert LineState.DUBBED not in states(look(**wishes)).values()
        wishes["budget_per_day_usd"] = 1
        assert of(look(**wishes), waiting.voice).state is LineState.DUBBED
        assert len(emulator.account().accepted) == 3


def test_a_bad_key_sets_nothing_aside(
    look: Look, folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived(folders[0])
    with emulating(tmp_path, latency_s=0.1) as emulator:
        export(emulator, monkeypatch.setenv)
        monkeypatch.setenv("FAL_KEY", "somebody:elses")
        look(model="sync-2")
        assert states(look(model="sync-2")) == {"talk.de.wav": LineState.FAILED}
        assert not emulator.account().accepted
    assert not (folders[0] / "_set-aside").exists()


@pytest.mark.parametrize(
    ("state", "name"),
    [
        pytest.param(LineState.DUBBED, "Completed", id="dubbed"),
        pytest.param(LineState.WAITING, "Completed", id="late"),
        pytest.param(LineState.FAILED, "Needs a look", id="refused"),
        pytest.param(LineState.SET_ASIDE, "Needs a look", id="set aside"),
    ],
)
def test_a_look_that_somebody_should_see_says_so_in_its_state(state: LineState, name: str) -> None:
    from tasks.watch_folder import concluded

    line = Line(video="a.mp4", voice="a.de.wav", language="de", state=state)
    assert concluded(Tick(lines=(line,))).name == name


KILLED = """
import os, signal, sys
from pathlib import Path
import lipsync.vendors.fal.vendor as fal
sent = fal.FalVendor.submit
def die(self, order, media):
    receipt = sent(self, order, media)
    os.kill(os.getpid(), signal.SIGKILL)
fal.FalVendor.submit = die
from flows.watch_folder import watch_folder
from lipsync.watch_params import WatchParams
inbox, outbox = map(Path, sys.argv[1:])
watch_folder(WatchParams(inbox=inbox, outbox=outbox, settle_s=0, model="sync-2"))
"""


def test_killed_after_a_purchase_the_next_look_collects_it_and_buys_nothing(
    look: Look, folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived(folders[0])
    with emulating(tmp_path, latency_s=0.1) as emulator:
        export(emulator, monkeypatch.setenv)
        look(model="sync-2")
        command = [sys.executable, "-c", KILLED, *map(str, folders)]
        dead = subprocess.run(command, check=False, timeout=120, capture_output=True)
        assert dead.returncode == -signal.SIGKILL, dead.stderr
        assert len(emulator.account().accepted) == 1
        assert states(look(model="sync-2")) == {"talk.de.wav": LineState.DUBBED}
        assert len(emulator.account().accepted) == 1
    (ticket,) = Workshop(Home(tmp_path / "home")).ledger.tickets()
    assert ticket.state is TicketState.DELIVERED
