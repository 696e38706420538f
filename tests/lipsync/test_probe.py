"""Probe: what goes into a file comes back as facts, whatever container, codec or oddity it has.

The truth is what was put in (`tests.clips`, `tests.odd_clips`), checked again by a full decode.
"""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipsync.errors import MediaError
from lipsync.facts import MediaFacts, picture_of, voice_of
from lipsync.probe import probe
from tests import odd_clips
from tests.clips import as_file, ffmpeg, make_clip, make_voice, read_frames, read_indices

Make = Callable[[Path], Path]


@pytest.fixture
def facts_of(tmp_path: Path) -> Callable[[Make], MediaFacts]:
    return lambda make: probe(as_file(make(tmp_path)))


def clip(name: str, **given: Any) -> Make:
    return lambda folder: make_clip(folder / name, **given)


def voice(name: str, *options: str, **given: Any) -> Make:
    return lambda folder: make_voice(folder / name, options=options, **given)


NTSC, FILM = Fraction(30000, 1001), Fraction(24000, 1001)
PICTURES = [
    pytest.param(clip("x.mp4"), {"codec": "h264", "frames": 50}, id="mp4-h264"),
    pytest.param(clip("x.mp4", options={"bf": "3"}), {"frames": 50}, id="b-frames"),
    pytest.param(clip("x.mp4", frames=1), {"frames": 1, "duration_s": 0.04}, id="one-frame"),
    pytest.param(clip("x.mov", rate=NTSC), {"rate": NTSC, "duration_s": 1.668333}, id="29.97-mov"),
    pytest.param(clip("x.mp4", rate=FILM), {"rate": FILM, "duration_s": 2.085417}, id="23.976-mp4"),
    pytest.param(clip("x.mkv", rate=NTSC), {"rate": NTSC, "duration_s": 1.668333}, id="29.97-mkv"),
    pytest.param(clip("x.mkv", rate=FILM), {"rate": FILM, "duration_s": 2.085417}, id="23.976-mkv"),
    pytest.param(clip("x.mp4", codec="libx265"), {"codec": "hevc", "frames": 50}, id="hevc"),
    pytest.param(clip("x.webm", codec="libvpx-vp9"), {"codec": "vp9", "frames": 50}, id="vp9"),
    pytest.param(clip("x.mp4", codec="libsvtav1"), {"codec": "av1", "frames": 50}, id="av1"),
    pytest.param(
        clip("x.mov", codec="prores_ks", pix_fmt="yuv422p10le", frames=10),
        {"codec": "prores", "bit_depth": 10, "frames": 10, "hdr": False},
        id="prores",
    ),
    pytest.param(
        clip("x.mp4", size=(161, 121), pix_fmt="yuv444p"),
        {"coded_width_px": 161, "coded_height_px": 121, "pixel_format": "yuv444p"},
        id="odd-size",
    ),
    pytest.param(
        odd_clips.variable_rate,
        {"constant_rate": False, "rate": Fraction(25), "frames": 50, "duration_s": 2.8},
        id="variable-rate",
    ),
    pytest.param(
        odd_clips.anamorphic,
        {"sample_aspect": Fraction(64, 45), "coded_width_px": 144, "display_width_px": 205},
        id="anamorphic",
    ),
    pytest.param(odd_clips.hdr10, {"hdr": True, "bit_depth": 10, "codec": "hevc"}, id="hdr10"),
    pytest.param(odd_clips.hlg, {"hdr": True, "bit_depth": 10}, id="hlg"),
    pytest.param(odd_clips.interlaced, {"interlaced": True, "frames": 10}, id="interlaced"),
    pytest.param(odd_clips.edit_list, {"frames": 35, "duration_s": 1.4}, id="edit-list"),
    pytest.param(odd_clips.transport_stream, {"frames": 50, "duration_s": 2.0}, id="ts-offset"),
    pytest.param(odd_clips.endless_webm, {"frames": 50, "duration_s": 2.0}, id="no-duration"),
    pytest.param(odd_clips.old_avi, {"frames": 50, "codec": "mpeg4"}, id="avi"),
]
USUAL = {
    "bit_depth": 8,
    "hdr": False,
    "interlaced": False,
    "rotation_deg": 0,
    "rate": Fraction(25),
    "constant_rate": True,
    "start_s": 0.0,
}
# Rounded by the container, or moved by the priming of the sound beside it: not part of the claim.
LOOSE = {"ts-offset": "start_s"}


@pytest.mark.parametrize(("make", "truth"), PICTURES)
def test_a_picture_is_what_was_put_in(
    make: Make, truth: dict[str, Any], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = make(tmp_path)
    found = picture_of(probe(as_file(path)))
    wanted: dict[str, Any] = USUAL | truth
    wanted.pop(LOOSE.get(request.node.callspec.id, ""), None)
    assert {name: getattr(found, name) for name in wanted} == {
        name: pytest.approx(value, abs=1e-6) if isinstance(value, float) else value
        for name, value in wanted.items()
    }
    assert found.frames == len(read_indices(path))


def test_an_edit_list_shows_only_what_it_keeps(tmp_path: Path) -> None:
    path = odd_clips.edit_list(tmp_path)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames > 35  # the header counts the hidden ones too
    assert read_indices(path) == list(range(40, 75))
    facts = probe(as_file(path))
    assert picture_of(facts).frames == 35
    assert voice_of(facts).start_s < 0.03  # hidden packets before zero do not move it
    assert facts.warnings == ()


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_is_the_clockwise_turn_a_player_makes(tmp_path: Path, degrees: int) -> None:
    path = odd_clips.rotated(tmp_path, degrees)
    picture = picture_of(probe(as_file(path)))
    shown = tmp_path / "shown.mkv"
    ffmpeg("-i", path, "-frames:v", "1", "-c:v", "ffv1", shown)  # turned upright by ffmpeg
    stored, upright = (
        next(read_frames(each)).to_ndarray(format="gray").astype(int) for each in (path, shown)
    )
    turned = np.rot90(stored, k=-picture.rotation_deg // 90)
    assert picture.rotation_deg == degrees
    assert (picture.display_height_px, picture.display_width_px) == upright.shape
    assert np.abs(turned - upright).mean() < 3


def test_a_mirrored_picture_is_turned_right_and_the_mirror_is_named(tmp_path: Path) -> None:
    plain, path = make_clip(tmp_path / "plain.mp4", frames=5), tmp_path / "mirrored.mp4"
    ffmpeg("-display_hflip", "-i", plain, "-c", "copy", path)
    facts = probe(as_file(path))
    assert picture_of(facts).rotation_deg == 0
    assert "mirrored" in " ".join(facts.warnings)


SOUNDS = [
    pytest.param(voice("x.wav"), "pcm_s16le", 2.0, id="wav"),
    pytest.param(voice("x.wav", "-c:a", "pcm_s24le"), "pcm_s24le", 2.0, id="wav-24"),
    pytest.param(voice("x.wav", "-c:a", "pcm_f32le"), "pcm_f32le", 2.0, id="wav-float"),
    pytest.param(voice("x.mp3"), "mp3", 2.0, id="mp3"),
    pytest.param(odd_clips.untagged_mp3, "mp3", 6.024, id="mp3-vbr-untagged"),
    pytest.param(voice("x.m4a"), "aac", 2.0, id="m4a"),
    pytest.param(odd_clips.cover_art, "aac", 1.5, id="m4a-cover"),
    pytest.param(voice("x.opus"), "opus", 2.0, id="opus"),
    pytest.param(voice("x.webm"), "opus", 2.0, id="webm"),
    pytest.param(voice("x.flac"), "flac", 2.0, id="flac"),
    pytest.param(voice("x.ogg", "-c:a", "libvorbis"), "vorbis", 2.0, id="ogg-vorbis"),
    pytest.param(
        lambda folder: voice("x.wav")(folder).rename(folder / "x.mp3"),
        "pcm_s16le",
        2.0,
        id="wav-named-mp3",
    ),
]


@pytest.mark.parametrize(("make", "codec", "length_s"), SOUNDS)
def test_a_sound_is_as_long_as_it_is_heard(
    make: Make, codec: str, length_s: float, tmp_path: Path
) -> None:
    path = make(tmp_path)
    facts = probe(as_file(path))
    sound = voice_of(facts)
    assert facts.video is None
    assert (sound.codec, sound.sample_rate_hz, sound.channels) == (codec, 48_000, 1)
    assert sound.duration_s == pytest.approx(length_s, abs=0.0011)  # Matroska's tick is 1 ms
    assert sound.start_s == 0
    _, decoded_s = decoded_sound(path)
    # One AAC frame: decoders do not trim the padding at the end, which the container leaves out.
    assert 0 <= decoded_s - sound.duration_s + 0.0011 < 1024 / 48_000


def decoded_sound(path: Path) -> tuple[float, float]:
    """Decode a sound: when it begins on the container's clock, and how long it is."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    samples = sum(frame.samples for frame in frames)
    return frames[0].time or 0.0, samples / frames[0].sample_rate


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100])
def test_rate_and_channels_of_a_voice_are_read(tmp_path: Path, rate_hz: int) -> None:
    sound = voice_of(probe(as_file(make_voice(tmp_path / "x.wav", rate_hz=rate_hz, channels=2))))
    assert (sound.sample_rate_hz, sound.channels, sound.duration_s) == (rate_hz, 2, 2.0)


def test_sound_that_starts_late_says_so_against_the_picture(tmp_path: Path) -> None:
    path = odd_clips.late_sound(tmp_path)
    facts = probe(as_file(path))
    begins_s, _ = decoded_sound(path)
    assert begins_s == pytest.approx(0.5, abs=0.023)  # ffmpeg leaves one AAC frame in
    assert voice_of(facts).start_s == pytest.approx(begins_s, abs=1e-6)
    assert picture_of(facts).start_s == 0


def test_picture_that_starts_late_says_so_against_the_sound(tmp_path: Path) -> None:
    facts = probe(as_file(odd_clips.late_picture(tmp_path)))
    assert picture_of(facts).start_s == pytest.approx(0.4, abs=1e-6)
    assert (voice_of(facts).start_s, facts.duration_s) == (0, 2.0)


def test_the_clock_of_a_transport_stream_does_not_delay_it(tmp_path: Path) -> None:
    path = odd_clips.transport_stream(tmp_path)
    with av.open(str(path)) as container:
        assert (container.start_time or 0) > 1_000_000  # microseconds
    facts = probe(as_file(path))
    assert max(picture_of(facts).start_s, voice_of(facts).start_s) < 1024 / 48_000 + 0.001


@pytest.mark.parametrize("name", ["x.mkv", "x.mp4"])
def test_every_sound_track_is_listed_with_its_language(tmp_path: Path, name: str) -> None:
    path = make_clip(tmp_path / name, sound=True, tracks=3, languages=["eng", "deu", "und"])
    facts = probe(as_file(path))
    assert [(each.track, each.language) for each in facts.audio] == [
        (0, "eng"),
        (1, "deu"),
        (2, None),
    ]
    assert voice_of(facts, 1).language == "deu"
    with pytest.raises(MediaError, match="no audio track 7; choose from 0, 1, 2"):
        voice_of(facts, 7)


def test_a_truncated_file_is_what_is_there_and_both_figures_are_named(tmp_path: Path) -> None:
    path = odd_clips.cut_off(tmp_path, index_first=True)
    facts = probe(as_file(path))
    picture = picture_of(facts)
    assert picture.frames == len(read_indices(path)) < 75
    assert picture.duration_s == pytest.approx(picture.frames / 25, abs=0.001)
    assert f"Its header says 75 frames, {picture.frames} are there." in facts.warnings
    assert any("says 3.00 s" in warning for warning in facts.warnings)


@pytest.mark.parametrize(
    ("announced", "heard_s", "warning"),
    [
        pytest.param(2**32 - 1, 2.0, "wrong length; 2.00 s", id="streamed"),
        pytest.param(0, 2.0, "wrong length; 2.00 s", id="never-finished"),
        pytest.param(48_000 * 2 * 20, 2.0, "wrong length; 2.00 s", id="says-more"),
        pytest.param(48_000 * 2, 1.0, "stops the sound 96044 bytes before", id="says-less"),
    ],
)
def test_a_lying_wav_header_is_noticed(
    tmp_path: Path, announced: int, heard_s: float, warning: str
) -> None:
    path = odd_clips.wav_header_says(make_voice(tmp_path / "x.wav"), announced)
    facts = probe(as_file(path))
    assert voice_of(facts).duration_s == heard_s
    assert warning in " ".join(facts.warnings)


def test_a_guessed_length_of_an_mp3_is_corrected_and_named(tmp_path: Path) -> None:
    facts = probe(as_file(odd_clips.untagged_mp3(tmp_path)))
    assert "6.02 s are there" in " ".join(facts.warnings)


@pytest.mark.parametrize(
    "make", [clip("x.mp4", sound=True), clip("x.mkv", sound=True), voice("x.mp3"), voice("x.wav")]
)
def test_a_sound_file_gives_no_warning(facts_of: Callable[[Make], MediaFacts], make: Make) -> None:
    assert facts_of(make).warnings == ()


def test_a_voice_without_one_sample_is_refused(tmp_path: Path) -> None:
    path = odd_clips.no_packets(tmp_path)
    with pytest.raises(MediaError, match=r"nothing\.wav: holds neither pictures nor sound"):
        probe(as_file(path))


def test_sound_given_as_the_video_is_refused_in_one_sentence(tmp_path: Path) -> None:
    facts = probe(as_file(make_voice(tmp_path / "x.mp3")))
    with pytest.raises(MediaError, match=r"x\.mp3: holds no pictures, only sound \(2\.00 s of mp3"):
        picture_of(facts)


def test_pictures_given_as_the_voice_are_refused_in_one_sentence(tmp_path: Path) -> None:
    facts = probe(as_file(make_clip(tmp_path / "x.mp4")))
    with pytest.raises(MediaError, match=r"x\.mp4: holds no sound, only pictures \(2\.00 s\)"):
        voice_of(facts)


def test_pictures_that_cannot_be_decoded_are_refused(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "x.mp4", container_options={"movflags": "+faststart"})
    data = bytearray(path.read_bytes())
    body = data.find(b"mdat") + 4
    data[body:] = bytes(len(data) - body)
    path.write_bytes(data)
    with pytest.raises(MediaError, match=r"not one of its 50 pictures can be decoded \(h264\)"):
        probe(as_file(path))


@pytest.mark.parametrize("name", ["x.mp4", "x.mkv", "x.ts", "x.avi"])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=12)
def test_whatever_is_broken_ends_in_facts_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, name: str, seed: int
) -> None:
    path = tmp_path_factory.mktemp("broken") / name
    codec = "mpeg4" if name == "x.avi" else "libx264"
    data = np.fromfile(make_clip(path, frames=8, codec=codec, sound=True), np.uint8)
    rng = np.random.default_rng(seed)
    places = rng.integers(0, len(data), int(rng.choice([3, 30, 200])))
    data[places] ^= rng.integers(1, 256, len(places), np.uint8)
    data[: rng.integers(len(data) // 3, len(data) + 1)].tofile(path)
    try:
        assert probe(as_file(path)).duration_s >= 0
    except MediaError as error:
        assert str(path) in str(error)  # noqa: PT017  either answer is right


def joined(folder: Path, *parts: Path) -> Path:
    """Transport streams may simply be put one behind the other."""
    path = folder / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def test_a_stream_that_begins_in_the_middle_is_refused(tmp_path: Path) -> None:
    # Longer on both sides than libav looks ahead (5 s) and back from the end (250 kB).
    silent = make_clip(tmp_path / "silent.ts", frames=800)
    spoken = make_clip(tmp_path / "spoken.ts", frames=10, sound=True)
    with pytest.raises(MediaError, match=r"joined\.ts: a new stream begins after \d+ packets"):
        probe(as_file(joined(tmp_path, silent, spoken, silent)))


def test_sound_that_begins_too_late_to_be_understood_is_left_out_and_named(tmp_path: Path) -> None:
    silent = make_clip(tmp_path / "silent.ts", frames=200)
    spoken = make_clip(tmp_path / "spoken.ts", frames=10, sound=True)
    facts = probe(as_file(joined(tmp_path, silent, spoken)))
    assert facts.audio == ()
    assert "1 of its streams cannot be read" in " ".join(facts.warnings)


def test_flipped_bits_do_not_stop_the_probe(tmp_path: Path) -> None:
    assert picture_of(probe(as_file(odd_clips.bit_flipped(tmp_path)))).frames == 50


def test_the_real_footage_is_read_right(samples: Path) -> None:
    facts = probe(as_file(samples / "demo1_video.mp4"))
    picture = picture_of(facts)
    assert (picture.codec, picture.frames, picture.rate) == ("hevc", 250, Fraction(25))
    assert (picture.display_width_px, picture.display_height_px) == (1080, 1920)
    assert voice_of(facts).duration_s == pytest.approx(10.008, abs=0.001)
    assert facts.warnings == ()
