"""Claims about proof: what a vendor does wrong to a picture is found by the flow, and told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lipsync.emulator import emulating
from lipsync.errors import VendorError
from lipsync.home import Home
from lipsync.output import page_path
from lipsync.report import DubReport
from lipsync.review import OPEN
from lipsync.verdicts import Mark
from tests.flows.paid import SAMPLES, Desk, export
from tests.voices import ffmpeg

pytestmark = [pytest.mark.usefixtures("server"), pytest.mark.xdist_group("paid")]

SPEECH_S = 4


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Vendors that really move lips, and four seconds at 50 pictures a second."""
    video, voice = tmp_path / "talk.mp4", tmp_path / "voice.wav"
    encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    scaled = ("-vf", "scale=320:240,fps=50", "-t", str(SPEECH_S), "-an")
    ffmpeg("-i", SAMPLES / "talk.mp4", *scaled, *encoder, video)
    ffmpeg("-i", SAMPLES / "equal_fr.wav", "-t", str(SPEECH_S), "-ar", "48000", voice)
    with emulating(tmp_path / "emulated", latency_s=0.02, render="engine") as emulator:
        export(emulator, monkeypatch.setenv)
        monkeypatch.setenv("DUBLINE_HOME", str(tmp_path / "home"))
        yield Desk(emulator, Home(tmp_path / "home"), (video, voice))


def red(report: DubReport) -> set[str]:
    return {row.check for row in report.verdicts if row.verdict in {Mark.WARN, Mark.FAIL}}


def test_a_good_render_passes_and_its_mouth_was_measured(desk: Desk) -> None:
    report, _ = desk.dub(model="sync-2")
    assert red(report) == set()
    assert not report.review
    marks = {row.check: row.verdict for row in report.verdicts}
    assert marks["mouth_changed"] is Mark.PASS
    page = page_path(report.output).read_text()
    assert "mouth after" in page
    assert "ITU-R BT.1359-1" in page


@pytest.mark.parametrize(
    ("fault", "checks"),
    [
        ("unchanged", {"mouth_changed"}),
        ("rate_60_to_25", {"rate"}),
    ],
)
def test_a_faulty_render_is_delivered_for_review_and_never_bought_again(
    desk: Desk, fault: str, checks: set[str]
) -> None:
    desk.emulator.fault(fault)
    report, _ = desk.dub(model="sync-2")
    assert checks <= {row.check for row in report.failed}
    assert report.review
    assert report.output.is_file()
    assert len(desk.sold) == 1
    (review,) = desk.shop.ledger.reviews(OPEN)
    assert checks <= {doubt.check for doubt in review.doubts}
    advice = {row.check: row.advice for row in report.failed}
    other = next(one for one in report.choices if one.accepted and one.model != "sync-2")
    assert all(f"such as {other.model}" in advice[check] for check in checks)
    assert f"such as {other.model}" in page_path(report.output).read_text()
    desk.dub(model="sync-2")
    assert len(desk.sold) == 1


@pytest.mark.parametrize("fault", ["wrong_length", "not_a_video"])
def test_a_delivery_that_is_not_the_dub_stops_at_the_door_and_is_not_bought_again(
    desk: Desk, fault: str
) -> None:
    desk.emulator.fault(fault)
    with pytest.raises(VendorError, match="ticket 1"):
        desk.dub(model="sync-2")
    assert len(desk.sold) == 1
    assert not (desk.home.root / "out.mp4").exists()
