"""Claims about the flow `dub`, run on the real Prefect, the real ledger and real media."""

import os
import shutil
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from lipsync.errors import BudgetError, UsageError
from lipsync.fit import Lengths, SyncMode, predicted_frames
from lipsync.home import Home
from lipsync.output import page_path, record_path
from lipsync.report import DubReport, StageRun
from lipsync.tickets import TicketState
from lipsync.voice import VOICE_RATE_HZ
from lipsync.workshop import Workshop
from tests.clips import make_clip, make_voice, read_indices

pytestmark = pytest.mark.usefixtures("server")
SAMPLES = Path(__file__).parents[2] / "data" / "samples"

STAGES = [
    "probe", "normalize", "select", "fit", "submit", "collect", "finish", "disclose", "verify",
    "report",
]  # fmt: skip
Dub = Callable[..., tuple[DubReport, dict[str, str]]]


@pytest.fixture
def dub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dub:
    """Run the flow in a home of this test's own; returns the report and each stage's state."""
    monkeypatch.setenv("DUBLINE_HOME", str(tmp_path / "home"))

    def run(video: Path, voice: Path, **wanted: Any) -> tuple[DubReport, dict[str, str]]:
        from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

        from flows.dub import dub as flow
        from lipsync.params import DubParams
        from tasks.stage import journal

        wanted.setdefault("output", tmp_path / "out.mp4")
        runs: list[StageRun]
        # Without a heartbeat a flow ends a second earlier (flows/cli/dubbing.py).
        quiet = temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
        with quiet, journal() as runs:
            report = flow(DubParams(video=video, voice=voice, **wanted))
        return report, {run.name: run.state for run in runs}

    return run


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(Home(tmp_path / "home"))


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Two seconds of picture, and a voice that is a little longer."""
    video = make_clip(tmp_path / "talk one.mp4", frames=50)
    return video, make_voice(tmp_path / "stimme ü.wav", 2.6, silence=(0.3, 0.2))


def test_a_dub_goes_through_every_stage_and_is_in_place_with_its_record(
    dub: Dub, pair: tuple[Path, Path], shop: Workshop
) -> None:
    report, states = dub(*pair, sync_mode="bounce")
    assert list(states) == STAGES
    assert set(states.values()) == {"Completed"}
    assert report.failed == ()
    assert report.output.is_file()
    assert DubReport.model_validate_json(record_path(report.output).read_bytes()) == report
    (ticket,) = shop.ledger.tickets()
    assert ticket.state is TicketState.DELIVERED


def test_a_finished_dub_run_again_is_cached_throughout_and_orders_nothing(
    dub: Dub, pair: tuple[Path, Path], shop: Workshop
) -> None:
    first, _ = dub(*pair)
    again, states = dub(*pair)
    assert set(states.values()) == {"Cached"}
    assert again == first
    assert len(shop.ledger.tickets()) == 1


def test_the_page_lies_beside_the_dub_and_is_written_only_when_something_changed(
    dub: Dub, pair: tuple[Path, Path]
) -> None:
    report, _ = dub(*pair)
    page = page_path(report.output)
    text = page.read_text(encoding="utf-8")
    assert report.output_sha256 in text
    assert text.count("data:image/jpeg;base64,") >= 2
    os.utime(page, (1, 1))
    dub(*pair)
    assert page.stat().st_mtime == 1
    page.unlink()
    dub(*pair)
    assert page.read_text(encoding="utf-8") == text


def test_the_same_bytes_at_another_path_are_the_same_dub(
    dub: Dub, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    dub(*pair)
    moved = shutil.copy(pair[0], tmp_path / "elsewhere.mov")
    _, states = dub(Path(moved), pair[1], output=tmp_path / "second.mp4")
    assert states.pop("report") == "Completed"  # another output has to be put in place
    assert set(states.values()) == {"Cached"}


def test_changed_bytes_at_the_same_path_are_another_dub(
    dub: Dub, pair: tuple[Path, Path], shop: Workshop
) -> None:
    dub(*pair)
    make_voice(pair[1], 2.4, seed=7)
    _, states = dub(*pair, overwrite=True)
    assert states["normalize"] == states["collect"] == "Completed"
    assert len(shop.ledger.tickets()) == 2


@pytest.mark.parametrize("damage", ["delete", "truncate", "alter"])
def test_a_damaged_result_is_noticed_and_made_again(
    dub: Dub, pair: tuple[Path, Path], shop: Workshop, damage: str
) -> None:
    first, _ = dub(*pair)
    for file in (shop.home.root / "store").rglob("*.*"):
        file.chmod(0o644)
        if damage == "delete":
            file.unlink()
        elif damage == "truncate":
            os.truncate(file, file.stat().st_size // 2)
        else:
            data = bytearray(file.read_bytes())
            data[len(data) // 2] ^= 0xFF
            file.write_bytes(data)
    again, states = dub(*pair)
    assert {states[name] for name in ("normalize", "fit", "collect", "finish")} == {"Completed"}
    assert again.failed == ()
    assert again.output_sha256 == first.output_sha256
    assert len(shop.ledger.tickets()) == 1


@pytest.mark.parametrize("mode", list(SyncMode))
@pytest.mark.parametrize("voice_s", [1.3, 2.7], ids=["video longer", "voice longer"])
def test_every_mode_gives_the_predicted_frames(
    dub: Dub, tmp_path: Path, mode: SyncMode, voice_s: float
) -> None:
    video = make_clip(tmp_path / "clip.mp4", frames=60, rate=Fraction(30000, 1001))
    voice = make_voice(tmp_path / "voice.wav", voice_s)
    report, _ = dub(video, voice, sync_mode=mode.value, trim_silence=False)
    lengths = Lengths(
        source_frames=60,
        rate=Fraction(30000, 1001),
        voice_samples=round(report.voice_s * VOICE_RATE_HZ),
    )
    frames = len(read_indices(report.output))
    assert frames == predicted_frames(mode, lengths)
    assert report.output_s == pytest.approx(report.predicted_s, abs=1e-9)
    assert report.failed == ()


def test_a_trim_keeps_exactly_the_frames_asked_for(dub: Dub, tmp_path: Path) -> None:
    video = make_clip(tmp_path / "clip.mp4", frames=100)
    voice = make_voice(tmp_path / "voice.wav", 2.0)
    report, _ = dub(video, voice, trim="1:3", sync_mode="cut_off", trim_silence=False)
    assert read_indices(report.output) == list(range(25, 75))


def test_a_dub_over_its_budget_sends_nothing(
    dub: Dub, shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsync.vendors.VENDORS", ("local", "fal"))
    monkeypatch.setenv("FAL_KEY", "planted:key")
    with pytest.raises(BudgetError, match=r"sync-2 costs \$0\.3.*budget is \$0\.01"):
        dub(SAMPLES / "talk.mp4", SAMPLES / "equal_fr.wav", model="sync-2", budget_usd=0.01)
    assert shop.ledger.tickets() == ()


def test_without_a_key_a_pinned_model_names_the_key_that_is_missing(
    dub: Dub, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FAL_KEY", raising=False)
    with pytest.raises(UsageError, match="FAL_KEY is not set"):
        dub(*pair, model="sync-2")


def test_an_output_that_is_something_else_is_left_alone(
    dub: Dub, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    there = tmp_path / "out.mp4"
    there.write_text("somebody's work")
    with pytest.raises(UsageError, match="exists and is something else"):
        dub(*pair)
    assert there.read_text() == "somebody's work"


def test_the_output_may_not_be_an_input(dub: Dub, pair: tuple[Path, Path]) -> None:
    with pytest.raises(UsageError, match="is an input"):
        dub(*pair, output=pair[0], overwrite=True)


def test_task_runs_are_named_by_what_they_work_on_and_ten_at_most(
    dub: Dub, pair: tuple[Path, Path]
) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    from flows.dub import dub as flow
    from lipsync.params import DubParams

    state = flow(DubParams(video=pair[0], voice=pair[1]), return_state=True)
    this_run = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
    with get_client(sync_client=True) as client:
        names: list[str] = []
        for _ in range(100):  # the server writes task runs from events, a moment later
            names = [run.name for run in client.read_task_runs(flow_run_filter=this_run)]
            if len(names) >= len(STAGES):
                break
            time.sleep(0.2)
        (flow_run,) = client.read_flow_runs(flow_run_filter=this_run)
        artifacts = client.read_artifacts(flow_run_filter=this_run)
    assert flow_run.name == "dub talk one.mp4 with stimme ü.wav"
    assert len(names) == len(STAGES) <= 10
    assert "normalize stimme ü.wav" in names
    assert any(name.startswith("fit by ") for name in names)
    assert {artifact.key for artifact in artifacts} == {"choices", "checks", "dub", "page", "still"}
