"""Finish: the picture is copied, the voice is ours, both start at 0."""

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.video.frame import PictureType

from lipsync.errors import MediaError
from lipsync.finish import finish
from lipsync.fit import SyncMode, plan_fit
from lipsync.media.meter import measure
from lipsync.media.opening import top_boxes
from lipsync.normalize import normalize
from lipsync.probe import probe
from lipsync.requests import Finished, FinishRequest
from lipsync.store import Store
from lipsync.values import File
from lipsync.voice import NormalizeRequest
from tests.clips import (
    as_file,
    ffmpeg,
    make_clip,
    make_voice,
    read_frames,
    read_indices,
    read_sound,
    read_times,
    speech,
)
from tests.fitting import Bench
from tests.meters import ffmpeg_loudness, ffmpeg_sound, lag_samples

RATES = [Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(60)]


@pytest.fixture
def voice(tmp_path: Path, store: Store) -> File:
    """Two seconds of normalized speech."""
    path = make_voice(tmp_path / "voice.wav", 2)
    return normalize(NormalizeRequest(source=as_file(path), trim_silence=False), store).file


def finished(picture: Path, voice: File, store: Store, **wishes: object) -> Finished:
    """Finish with defaults."""
    facts = {"picture": as_file(picture), "voice": voice, "frames": 50, "rate": Fraction(25)}
    return finish(FinishRequest.model_validate({**facts, **wishes}), store)


def picture_hash(path: Path) -> str:
    """Hash the bytes of every picture packet."""
    digest = hashlib.sha256()
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            digest.update(bytes(packet))
    return digest.hexdigest()


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("frames", [0, 2])
def test_the_picture_is_copied_packet_by_packet(
    tmp_path: Path, store: Store, voice: File, suffix: str, frames: int
) -> None:
    picture = make_clip(tmp_path / "d.mp4", frames=50, sound=True, options={"bf": str(frames)})
    output = finished(picture, voice, store, suffix=suffix).file.path
    assert output.suffix == suffix
    assert picture_hash(output) == picture_hash(picture)
    assert read_indices(output) == list(range(50))
    assert read_times(output)[0] == 0


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_the_rate_stays_exact(tmp_path: Path, store: Store, voice: File, rate: Fraction) -> None:
    picture = make_clip(tmp_path / "d.mp4", frames=40, rate=rate)
    facts = probe(finished(picture, voice, store).file).video
    assert facts is not None
    assert (facts.rate, facts.constant_rate, facts.frames) == (rate, True, 40)


def test_matroska_says_how_long_a_frame_is(tmp_path: Path, store: Store, voice: File) -> None:
    """Also for a picture whose own headers count in ticks of the clock, as some encoders do."""
    with av.open(str(tmp_path / "ticks.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 12800)
        for number in range(50):
            frame = av.VideoFrame(160, 120, "yuv420p")
            frame.pts, frame.time_base = number * 512, Fraction(1, 12800)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    done = finished(tmp_path / "ticks.mp4", voice, store, suffix=".mkv")
    assert default_duration_ns(done.file.path) == 40_000_000


def default_duration_ns(path: Path) -> int:
    """Read DefaultDuration (RFC 9559, 0x23E383) of the first track."""
    data = path.read_bytes()
    at = data.index(bytes.fromhex("23e383")) + 3
    return int.from_bytes(data[at + 1 : at + 1 + (data[at] & 0x7F)])


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_the_voice_starts_with_the_picture_to_the_sample(
    tmp_path: Path, store: Store, voice: File, suffix: str
) -> None:
    picture = make_clip(tmp_path / "d.mp4", frames=50, options={"bf": "2"})
    output = finished(picture, voice, store, suffix=suffix).file.path
    assert lag_samples(read_sound(voice.path), ffmpeg_sound(output)) == 0


def test_matroska_marks_the_encoders_priming(tmp_path: Path, store: Store, voice: File) -> None:
    picture = make_clip(tmp_path / "d.mp4", frames=50)
    output = finished(picture, voice, store, suffix=".mkv").file.path
    assert lag_samples(read_sound(voice.path), read_sound(output)) == 0


def test_a_picture_that_starts_late_in_its_file_is_moved_to_the_front(
    tmp_path: Path, store: Store, voice: File
) -> None:
    picture = make_clip(tmp_path / "d.mp4", frames=50, sound=True)
    late = tmp_path / "late.mp4"
    both = ("-i", picture, "-itsoffset", "0.4", "-i", picture)
    ffmpeg(*both, "-map", "1:v", "-map", "0:a", "-c", "copy", late)
    assert read_times(late)[0] == Fraction(2, 5)
    output = finished(late, voice, store).file.path
    assert read_times(output)[0] == 0
    assert lag_samples(read_sound(voice.path), ffmpeg_sound(output)) == 0


def one_b_frame(path: Path) -> Path:
    """Write 50 frames, of which the second is a B picture and the others are not."""
    pictures = list(read_frames(make_clip(path.with_name("plain.mp4"), frames=50)))
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"bf": "2", "preset": "medium"})
        stream.width, stream.height = pictures[0].width, pictures[0].height
        for number, frame in enumerate(pictures):
            frame.pts, frame.time_base = number, Fraction(1, 25)
            frame.pict_type = PictureType.B if number == 1 else PictureType.P
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_picture_with_one_b_frame_and_none_after_it_is_copied(
    tmp_path: Path, store: Store, voice: File, suffix: str
) -> None:
    """Of signed offsets libav overlooks the last, and gives a packet that is decoded too late."""
    clip = one_b_frame(tmp_path / "d.mp4")
    bench = Bench(tmp_path, store)
    plan = plan_fit(SyncMode.CUT_OFF, bench.lengths(clip, 2))
    signed = bench.carry_out(clip, plan).video.path
    with av.open(str(signed)) as container:
        late = [packet for packet in container.demux(video=0) if packet.size]
        assert any(packet.dts > packet.pts for packet in late)  # type: ignore[operator]
    output = finished(signed, voice, store, suffix=suffix).file.path
    assert picture_hash(output) == picture_hash(signed)
    assert read_indices(output) == list(range(50))
    assert read_times(output)[0] == 0


def test_pictures_hidden_by_an_edit_list_stay_hidden(
    tmp_path: Path, store: Store, voice: File
) -> None:
    hiding = tmp_path / "hiding.mp4"
    whole = make_clip(tmp_path / "d.mp4", frames=50, options={"bf": "2"})
    ffmpeg("-ss", "0.8", "-i", whole, "-c", "copy", hiding)
    shown = read_indices(hiding)
    assert shown[0] == 20
    output = finished(hiding, voice, store).file.path
    assert read_indices(output) == shown
    assert read_times(output)[0] == 0
    with pytest.raises(MediaError, match=r"hides its first pictures.*choose \.mp4"):
        finished(hiding, voice, store, suffix=".mkv")


def test_the_delivered_sound_is_gone(tmp_path: Path, store: Store, voice: File) -> None:
    picture = make_clip(tmp_path / "d.mp4", frames=50, sound=speech(2, seed=8), tracks=2)
    facts = probe(finished(picture, voice, store, language="deu").file)
    assert [(sound.codec, sound.language) for sound in facts.audio] == [("aac", "deu")]
    assert facts.audio[0].sample_rate_hz == 48_000


def test_the_index_is_in_front(tmp_path: Path, store: Store, voice: File) -> None:
    output = finished(make_clip(tmp_path / "d.mp4"), voice, store).file.path
    boxes, missing = top_boxes(output)
    assert boxes.index("moov") < boxes.index("mdat")
    assert missing == 0


def test_a_rotated_anamorphic_picture_keeps_both(tmp_path: Path, store: Store, voice: File) -> None:
    plain = make_clip(tmp_path / "p.mp4", frames=25, sample_aspect=Fraction(4, 3))
    turned = tmp_path / "t.mp4"
    ffmpeg("-display_rotation", "90", "-i", plain, "-c", "copy", turned)
    before, after = probe(as_file(turned)).video, probe(finished(turned, voice, store).file).video
    assert before is not None
    assert after is not None
    assert before.rotation_deg != 0
    assert (after.rotation_deg, after.sample_aspect) == (before.rotation_deg, Fraction(4, 3))


def test_the_tags_of_the_source_are_kept_and_the_comment_says_what_we_did(
    tmp_path: Path, store: Store, voice: File
) -> None:
    source = tmp_path / "source.mp4"
    tags = ("-metadata", "title=Interview", "-metadata", "artist=A. Person")
    ffmpeg("-i", make_clip(tmp_path / "c.mp4"), "-c", "copy", *tags, source)
    picture = make_clip(tmp_path / "d.mp4")
    output = finished(picture, voice, store, source=as_file(source), preview=True).file.path
    with av.open(str(output)) as container:
        found = dict(container.metadata)
    assert (found["title"], found["artist"]) == ("Interview", "A. Person")
    assert found["comment"].startswith("Preview: lips drawn")


def test_the_peak_limit_holds_after_encoding(tmp_path: Path, store: Store) -> None:
    """A voice right at the limit overshoots in AAC; it is lowered until it does not."""
    hot = make_voice(tmp_path / "hot.wav", 2, level=0.995, seed=3)
    done = finished(make_clip(tmp_path / "d.mp4"), as_file(hot), store)
    assert ffmpeg_loudness(done.file.path)[1] <= -1.0
    assert done.loudness.true_peak_dbtp <= -1.0
    assert "so that AAC keeps its limit" in done.notes[0]


def test_a_level_lost_on_the_way_is_brought_back_without_breaking_the_peak_limit(
    tmp_path: Path, store: Store, voice: File
) -> None:
    wanted_lufs = measure(voice.path).integrated_lufs + 0.6
    done = finished(make_clip(tmp_path / "d.mp4"), voice, store, level_lufs=wanted_lufs)
    heard_lufs, peak_dbtp = ffmpeg_loudness(done.file.path)[:2]
    assert heard_lufs == pytest.approx(wanted_lufs, abs=0.15)
    assert peak_dbtp <= -1.0


def test_a_voice_below_the_limit_is_encoded_once_as_it_is(
    tmp_path: Path, store: Store, voice: File
) -> None:
    quiet = as_file(make_voice(tmp_path / "quiet.wav", 2, level=0.1))
    done = finished(make_clip(tmp_path / "d.mp4"), quiet, store)
    assert done.notes == ()
    assert done.loudness.integrated_lufs == pytest.approx(ffmpeg_loudness(quiet.path)[0], abs=0.1)


def test_a_delivery_without_a_picture_is_refused(tmp_path: Path, store: Store, voice: File) -> None:
    with pytest.raises(MediaError, match=r"d\.m4a: the delivery has no picture"):
        finished(make_voice(tmp_path / "d.m4a", 1), voice, store)


def test_a_codec_the_container_does_not_take_is_answered_with_the_way_out(
    tmp_path: Path, store: Store, voice: File
) -> None:
    picture = make_clip(tmp_path / "d.mov", frames=3, codec="prores_ks", pix_fmt="yuv422p10le")
    with pytest.raises(MediaError, match=r"prores picture cannot be put into \.mp4.*\.mov"):
        finished(picture, voice, store)
    assert finished(picture, voice, store, suffix=".mov").picture_packets == 3


def test_a_voice_too_short_to_be_measured_keeps_its_level(
    tmp_path: Path, store: Store, voice: File
) -> None:
    """BS.1770 reads nothing from less than 0.4 s: -70 LUFS, which is no level to aim at."""
    picture = make_clip(tmp_path / "d.mp4", frames=50)
    known = finished(picture, voice, store, level_lufs=None).loudness
    floor = finished(picture, voice, store, level_lufs=-70.0).loudness
    assert floor.integrated_lufs == known.integrated_lufs
