"""Claims about the flow `review` and `dubline review`: a person decides, and only a redo buys."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.cli import main
from lipsync.emulator import emulating
from lipsync.home import Home
from lipsync.review import ReviewState
from lipsync.review_params import ReviewParams
from tests.flows.paid import Desk, export
from tests.flows.terminal import Answer
from tests.lipsync.dubbing import SAMPLES
from tests.voices import ffmpeg, make_voice

pytestmark = [pytest.mark.usefixtures("server"), pytest.mark.xdist_group("paid")]

Here = Callable[..., Answer]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A dub at 50 frames a second that came back at 25: delivered, and waiting for a person."""
    video = tmp_path / "talk.mp4"
    scaled = ("-vf", "scale=320:240,fps=50", "-frames:v", "50", "-an", "-preset", "ultrafast")
    ffmpeg("-i", SAMPLES / "talk.mp4", *scaled, "-pix_fmt", "yuv420p", video)
    pair = (video, make_voice(tmp_path / "voice.wav", 1.0))
    with emulating(tmp_path / "emulated", latency_s=0.05) as emulator:
        export(emulator, monkeypatch.setenv)
        monkeypatch.setenv("DUBLINE_HOME", str(tmp_path / "home"))
        desk = Desk(emulator, Home(tmp_path / "home"), pair)
        emulator.fault("rate_60_to_25", vendor="fal")
        report, _ = desk.dub(model="sync-2")
        assert report.failed
        yield desk


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Run `dubline` in this process."""

    def run(*argv: str | int) -> Answer:
        monkeypatch.setattr("sys.argv", ["dubline", *map(str, argv)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        return Answer(int(end.value.code or 0), *capsys.readouterr())

    return run


def test_the_flow_buys_a_redo_once_and_says_which_purchase_it_was(desk: Desk) -> None:
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from flows.review import review as flow

    wish = ReviewParams(review=1, decision="redo", model="latentsync", budget_usd=2, by="ada")
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        done = flow(wish)
    assert [job.endpoint for job in desk.sold][1:] == ["fal-ai/latentsync"]
    assert (done.state, done.decided_by) == (ReviewState.REDONE, "ada")
    assert done.redo_ticket_id is not None
    assert desk.shop.ledger.ticket(done.redo_ticket_id).model == "latentsync"


def test_what_waits_is_listed_shown_and_approved_at_the_terminal(desk: Desk, here: Here) -> None:
    (listed,) = here("review", "--json").data["reviews"]
    assert (listed["id"], listed["state"]) == (1, "waiting")
    assert "out.mp4" in here("review").out
    shown = here("review", 1, "--json").data
    assert {choice["model"] for choice in shown["choices"]} >= {"sync-2", "sync-3"}
    assert "--redo" in here("review", 1).out
    answer = here("review", 1, "--approve", "--by", "ada", "--note", "fine", "--json")
    assert (answer.code, answer.data["state"], answer.data["decided_by"]) == (0, "approved", "ada")
    assert here("review", "--json").data == {"reviews": []}
    assert len(here("review", "--all", "--json").data["reviews"]) == 1
    assert len(desk.sold) == 1


def test_a_redo_at_the_terminal_needs_its_budget_and_then_goes_ahead(
    desk: Desk, here: Here
) -> None:
    refused = here("review", 1, "--redo", "--json")
    assert refused.code == refused.data["exit_code"] == 4
    assert len(desk.sold) == 1
    made = here("review", 1, "--redo", "--budget", 2, "--json")
    assert (made.code, made.data["state"]) == (0, "redone")
    assert len(desk.sold) == 2
    assert made.data["report"]["ticket_id"] == made.data["redo_ticket_id"]
    late = here("review", 1, "--reject", "--json")
    assert late.code == late.data["exit_code"] == 2
    assert "is redone by" in late.sentence


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        pytest.param([1, "--approve", "--reject"], "say one of --approve", id="two words"),
        pytest.param(["--redo"], "--redo what?", id="no review"),
        pytest.param([9, "--approve"], "9: there is no such review", id="no such"),
        pytest.param([1, "--reject", "--budget", "1"], "are for redo", id="budget for a word"),
        pytest.param([1, "--redo", "--model", "gpt"], "gpt", id="no such model"),
        pytest.param([1, "--approve", "--note", "x" * 3000], "--note: ", id="a long note"),
    ],
)
def test_a_word_that_makes_no_sense_is_one_sentence_and_changes_nothing(
    desk: Desk, here: Here, argv: list[str | int], said: str
) -> None:
    answer = here("review", *argv, "--json")
    assert answer.code == answer.data["exit_code"] == 2
    assert said in answer.sentence
    assert desk.shop.ledger.review(1).state is ReviewState.WAITING
    assert len(desk.sold) == 1
