"""A whole dub with what delivery adds: bed, profile, language, riders; stage by stage."""

from pathlib import Path
from typing import Any

import pytest

from lipsync.admission import inspect
from lipsync.errors import MediaError, UsageError
from lipsync.home import Home
from lipsync.params import DubParams
from lipsync.probe import probe
from lipsync.verdicts import Mark
from lipsync.workshop import Workshop
from tests.clips import as_file, ffmpeg
from tests.lipsync.dubbing import dub, make_pair
from tests.voices import make_voice


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(Home(tmp_path / "home"))


@pytest.fixture
def pair(tmp_path: Path) -> dict[str, Any]:
    """A talking head with a sound of its own, and a voice for it."""
    pair = make_pair(tmp_path)
    silent, video = pair["video"], tmp_path / "with sound.mp4"
    own = make_voice(tmp_path / "own.wav", 1.0, seed=9)
    ffmpeg("-i", silent, "-i", own, "-map", "0:v", "-map", "1:a", "-c:v", "copy", video)
    return pair | {"video": video}


def test_a_dub_over_the_videos_own_sound_passes_its_checks_and_says_so(
    tmp_path: Path, shop: Workshop, pair: dict[str, Any]
) -> None:
    output = tmp_path / "dub.mp4"
    made = dub(shop, **pair, output=output, bed="keep", language="de")
    heard = {row.check: row.verdict for row in made.report.verdicts}
    assert heard["voice_same"] is Mark.PASS
    assert heard["voice_offset"] is Mark.PASS
    assert heard["streams"] is Mark.PASS
    assert heard["clipping"] is Mark.PASS
    assert any("bed 15.0 LU below the voice" in note for note in made.report.notes)
    assert any("the video's own sound" in note for note in made.report.notes)
    assert [sound.language for sound in probe(as_file(output)).audio] == ["deu"]
    assert dub(shop, **pair, output=output, bed="keep", language="de").cached


def test_a_profile_says_in_what_the_output_goes(
    tmp_path: Path, shop: Workshop, pair: dict[str, Any]
) -> None:
    made = dub(shop, **pair, profile="broadcast-r128")
    assert made.report.output.suffix == ".mov"
    assert probe(as_file(made.report.output)).audio[0].codec == "pcm_s24le"
    limits = {row.check: row.limit for row in made.report.verdicts}
    assert limits["loudness"] == "-23 ±0.2 LUFS"
    with pytest.raises(UsageError, match=r"youtube takes \.mp4, \.mov"):
        inspect(shop, DubParams(**pair, profile="youtube", output=tmp_path / "x.mkv"))


def test_a_dialogue_gate_is_judged_by_its_own_figure(shop: Workshop, pair: dict[str, Any]) -> None:
    made = dub(shop, **pair, profile="netflix-like")
    row = next(row for row in made.report.verdicts if row.check == "loudness")
    assert row.limit in {"-27 ±2 LUFS", "-24 ±2 LUFS"}
    assert "over " in row.note or "too short" in row.note


def test_a_bed_that_is_not_there_is_refused_before_anything_is_made(
    tmp_path: Path, shop: Workshop, pair: dict[str, Any]
) -> None:
    silent = tmp_path / "talk.mp4"
    with pytest.raises(MediaError, match=r"no sound of its own to be the bed.*--bed-file"):
        inspect(shop, DubParams(**(pair | {"video": silent}), bed="keep"))
    with pytest.raises(MediaError, match="holds no sound"):
        inspect(shop, DubParams(**pair, bed="keep", bed_file=silent))
    with pytest.raises(MediaError, match="no such file"):
        inspect(shop, DubParams(**pair, bed="duck", bed_file=tmp_path / "gone.wav"))


def test_another_bed_is_another_dub_on_the_same_purchase(
    tmp_path: Path, shop: Workshop, pair: dict[str, Any]
) -> None:
    output = tmp_path / "dub.mp4"
    first = dub(shop, **pair, output=output)
    second = dub(shop, **pair, output=output, bed="duck", overwrite=True)
    assert second.report.output_sha256 != first.report.output_sha256
    assert second.report.ticket_id == first.report.ticket_id


def test_a_loud_stereo_bed_is_not_taken_for_clipping(
    tmp_path: Path, shop: Workshop, pair: dict[str, Any]
) -> None:
    """A mono voice on two channels peaks 3 dB lower, and a bed adds loudness without peaks."""
    bed = tmp_path / "bed.wav"
    ffmpeg("-f", "lavfi", "-i", "anoisesrc=d=2:a=0.05:r=48000", "-ac", "2", bed)
    made = dub(shop, **pair, bed="keep", bed_file=bed, bed_level_lu=-3)
    heard = {row.check: row for row in made.report.verdicts}
    assert heard["clipping"].verdict is Mark.PASS
    assert heard["true_peak"].verdict is Mark.PASS
