"""Planted faults: put into a good dub of the bundled sample, each is found by its own check."""

from pathlib import Path
from typing import Any

import pytest

from lipsync import stages
from lipsync.engine import render
from lipsync.home import Home
from lipsync.params import DubParams
from lipsync.requests import VerifyRequest
from lipsync.values import File
from lipsync.verdicts import Mark, Verdict
from lipsync.verify import verify
from lipsync.workshop import Workshop
from tests.clips import as_file
from tests.voices import ffmpeg

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "16", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-b:a", "192k")
FAST = ("-movflags", "+faststart")
LATE_FRAMES = 8


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> VerifyRequest:
    """A dub of the sample by the embedded engine, and everything it is held against."""
    folder = tmp_path_factory.mktemp("planted")
    video = folder / "talk.mp4"
    ffmpeg("-i", SAMPLES / "talk.mp4", "-vf", "scale=320:240", "-an", *X264, video)
    params = DubParams(
        video=video, voice=SAMPLES / "equal_fr.wav", model="local-preview", output=folder / "o.mp4"
    )
    shop = Workshop(Home(folder / "home"))
    shop.home.folder()
    pair = stages.probe(shop, params).value
    decision = stages.select(shop, params, pair, stages.normalize(shop, params, pair).value).value
    fitted = stages.fit(shop, decision).value
    delivery = stages.collect(shop, stages.submit(shop, decision, fitted).value).value
    finished = stages.finish(shop, params, decision, fitted, delivery).value
    return stages.expected(decision, fitted, finished)


def found(good: VerifyRequest, output: File, **otherwise: Any) -> dict[str, Verdict]:
    request = good.model_copy(update={"output": output, **otherwise})
    return {verdict.check: verdict for verdict in verify(request).found}


def red(rows: dict[str, Verdict]) -> set[str]:
    return {name for name, row in rows.items() if row.verdict in {Mark.WARN, Mark.FAIL}}


def test_a_good_dub_raises_no_alarm_and_its_mouth_is_measured(good: VerifyRequest) -> None:
    result = verify(good)
    rows = {verdict.check: verdict for verdict in result.found}
    assert red(rows) == set()
    assert [name for name, row in rows.items() if row.verdict is Mark.UNMEASURED] == []
    assert all(row.source for row in rows.values())
    assert float(rows["mouth_sync"].value) > 0.5
    assert result.traces is not None
    assert len(result.traces.after) == len(result.traces.before) == good.frames
    assert len(result.traces.model_dump_json()) * 60 / 6 < 50_000


PICTURES = {
    "dropped second": (
        "select='not(between(n,50,74))',setpts=N/25/TB,tpad=stop=25:stop_mode=clone",
        {"picture_time"},
    ),
    "frozen": ("loop=loop=40:size=1:start=50,trim=end_frame={n},setpts=N/25/TB", {"frozen"}),
    "black": ("drawbox=t=fill:c=black:enable='between(n,60,75)'", {"black"}),
    "lost resolution": ("scale=120:90,scale=320:240", {"sharpness"}),
    "late lips": (
        f"tpad=start={LATE_FRAMES}:start_mode=clone,trim=end_frame={{n}}",
        {"mouth_sync", "picture_time"},
    ),
    "fewer pictures": ("fps=15", {"rate", "length"}),
    "cut off": ("trim=end_frame=120,setpts=N/25/TB", {"length"}),
    "another shape": ("scale=320:180", {"size"}),
}


@pytest.mark.parametrize("fault", PICTURES)
def test_a_fault_of_the_picture_is_found(good: VerifyRequest, tmp_path: Path, fault: str) -> None:
    graph, named = PICTURES[fault]
    spoilt = tmp_path / "o.mp4"
    filters = graph.format(n=good.frames)
    ffmpeg("-i", good.output.path, "-vf", filters, *X264, "-c:a", "copy", *FAST, spoilt)
    rows = found(good, as_file(spoilt))
    assert named <= red(rows)
    assert all(rows[check].advice for check in named if check not in {"length", "rate", "size"})
    if fault == "late lips":
        assert rows["mouth_sync"].verdict is Mark.FAIL
        assert float(rows["mouth_sync"].value) == pytest.approx(40 * LATE_FRAMES, abs=60)
        assert float(rows["picture_time"].value) == LATE_FRAMES


def test_the_same_picture_encoded_again_raises_no_alarm(
    good: VerifyRequest, tmp_path: Path
) -> None:
    again = tmp_path / "o.mp4"
    encoder = ("-c:v", "libx264", "-crf", "26", "-pix_fmt", "yuv420p")
    ffmpeg("-i", good.output.path, *encoder, "-c:a", "copy", *FAST, again)
    assert red(found(good, as_file(again))) == set()


@pytest.mark.parametrize("crf", ["10", "34"])
def test_a_picture_that_was_not_touched_is_found_after_any_encoder(
    good: VerifyRequest, tmp_path: Path, crf: str
) -> None:
    assert good.sent is not None
    untouched = tmp_path / "o.mp4"
    maps = ("-map", "0:v", "-map", "1:a", "-c:v", "libx264", "-crf", crf, "-pix_fmt", "yuv420p")
    ffmpeg("-i", good.sent.path, "-i", good.output.path, *maps, "-c:a", "copy", *FAST, untouched)
    rows = found(good, as_file(untouched))
    assert rows["mouth_changed"].verdict is Mark.FAIL
    assert float(rows["mouth_changed"].value) < 5
    assert rows["mouth_sync"].verdict is not Mark.PASS


VOICES = {
    "dropped second": ("aselect='not(between(t,2,3))',asetpts=N/SR/TB", "voice_whole"),
    "second put in": (
        "asplit[a][b];[a]atrim=end=3[c];[b]atrim=start=2,asetpts=PTS-STARTPTS[d];[c][d]concat=v=0:a=1",
        "voice_whole",
    ),
    "clipped": ("volume=16dB,aformat=sample_fmts=s16,volume=-14dB", "clipping"),
    "cut short": ("atrim=end=4", "voice_length"),
}


@pytest.mark.parametrize("fault", VOICES)
def test_a_fault_of_the_voice_is_found(good: VerifyRequest, tmp_path: Path, fault: str) -> None:
    graph, check = VOICES[fault]
    spoilt = tmp_path / "o.mp4"
    ffmpeg("-i", good.output.path, "-af", graph, "-c:v", "copy", *AAC, *FAST, spoilt)
    rows = found(good, as_file(spoilt))
    assert rows[check].verdict in {Mark.WARN, Mark.FAIL}, rows[check]


@pytest.mark.parametrize("shift_ms", [-300, -100, -20, 7, 40, 130, 300])
def test_a_shift_of_the_voice_is_read_to_less_than_5_ms(
    good: VerifyRequest, tmp_path: Path, shift_ms: int
) -> None:
    late = f"adelay={shift_ms}:all=1"
    early = f"atrim=start={-shift_ms / 1000},asetpts=PTS-STARTPTS"
    spoilt = tmp_path / "o.mp4"
    graph = late if shift_ms > 0 else early
    ffmpeg("-i", good.output.path, "-af", graph, "-c:v", "copy", *AAC, *FAST, spoilt)
    rows = found(good, as_file(spoilt))
    assert abs(float(rows["voice_offset"].value) - shift_ms) < 5


def test_lips_made_for_other_speech_are_told_from_lips_made_for_this(
    good: VerifyRequest, tmp_path: Path
) -> None:
    assert good.sent is not None
    other, spoilt = tmp_path / "other.mp4", tmp_path / "o.mp4"
    voice = tmp_path / "es.wav"
    ffmpeg("-i", SAMPLES / "long_es.mp3", "-t", "6", "-ar", "48000", "-c:a", "pcm_s16le", voice)
    render(good.sent.path, voice, other)
    maps = ("-map", "0:v", "-map", "1:a", "-c", "copy")
    ffmpeg("-i", other, "-i", good.output.path, *maps, *FAST, spoilt)
    rows = found(good, as_file(spoilt))
    assert rows["mouth_sync"].verdict is not Mark.PASS
    assert rows["mouth_changed"].verdict is Mark.PASS
    assert rows["voice_same"].verdict is Mark.PASS
