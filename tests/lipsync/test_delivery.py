"""Delivery: what a profile, a bed and a source make of an output, by instruments of others."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lipsync.bed import Bed
from lipsync.carrying import Stretch
from lipsync.decision import Asked
from lipsync.errors import MediaError
from lipsync.finish import finish
from lipsync.media.dialogue import levels_of, measure_gated, speech_steps
from lipsync.media.ducking import LIFT_DB
from lipsync.normalize import normalize
from lipsync.params import DubParams
from lipsync.probe import probe
from lipsync.profiles import load_profiles, profile_named
from lipsync.requests import Finished, FinishRequest
from lipsync.store import Store
from lipsync.values import File
from lipsync.voice import NormalizeRequest, Voice, by_dialogue
from tests.clips import as_file, ffmpeg, make_clip, make_voice, read_sound, speech, write_wav
from tests.meters import ffmpeg_loudness, ffmpeg_sound, lag_samples

SECONDS = 4
Deliver = Callable[..., tuple[Finished, Voice]]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "delivered.mp4", frames=25 * SECONDS)


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    """Speech with a second of silence at each end."""
    return make_voice(tmp_path / "voice.wav", SECONDS, silence=(1.0, 1.0))


def music(path: Path, seconds: float = SECONDS + 2.0, seed: int = 4) -> Path:
    """Noise that never pauses: its level is the same everywhere, its samples are nowhere."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * 48_000)) * 0.05
    write_wav(path, noise.astype(np.float32))
    return path


@pytest.fixture
def deliver(picture: Path, spoken: Path, store: Store) -> Deliver:
    """Normalize and finish as a profile says."""
    given = spoken

    def made(
        profile: str, suffix: str, *, spoken: Path | None = None, **wishes: object
    ) -> tuple[Finished, Voice]:
        chosen, source = profile_named(profile), as_file(spoken or given)
        request = NormalizeRequest(source=source, target=chosen.target, trim_silence=False)
        voice = normalize(request, store)
        facts = {
            "picture": as_file(picture),
            "voice": voice.file,
            "frames": 25 * SECONDS,
            "rate": Fraction(25),
            "target": chosen.target,
            "level_lufs": voice.after.integrated_lufs,
            "suffix": suffix,
            "sound": chosen.sound_in(suffix),
        }
        return finish(FinishRequest.model_validate({**facts, **wishes}), store), voice

    return made


def bed_of(path: Path, **more: object) -> Bed:
    facts = {"sound": as_file(path), "own": False, "mode": "keep", "level_lu": -15, "starts_s": 0}
    return Bed.model_validate({**facts, **more})


@pytest.mark.parametrize(
    ("profile", "suffix", "codec"),
    [
        ("web", ".mp4", "aac"),
        ("youtube", ".mov", "aac"),
        ("broadcast-r128", ".mov", "pcm_s24le"),
        ("broadcast-r128", ".mkv", "pcm_s24le"),
        ("broadcast-r128", ".mp4", "aac"),
        ("netflix-like", ".mov", "pcm_s24le"),
    ],
)
def test_a_profile_sets_the_codec_and_the_loudness_and_its_tolerance_holds(
    deliver: Deliver, profile: str, suffix: str, codec: str
) -> None:
    done, _ = deliver(profile, suffix)
    sound = probe(done.file).audio[0]
    assert (sound.codec, sound.sample_rate_hz) == (codec, 48_000)
    target = profile_named(profile).target
    if target.gate == "programme":
        lufs, peak_dbtp = ffmpeg_loudness(done.file.path)
        assert lufs == pytest.approx(target.integrated_lufs, abs=target.tolerance_lu)
        assert peak_dbtp <= target.true_peak_dbtp
    assert any("no PCM" in note for note in done.notes) == (codec == "aac" and "r128" in profile)


def test_the_source_profile_leaves_the_voice_as_loud_as_it_came(
    deliver: Deliver, spoken: Path
) -> None:
    done, voice = deliver("source", ".mp4")
    assert voice.gain_db == 0
    assert voice.warnings == ()
    assert ffmpeg_loudness(done.file.path)[0] == pytest.approx(ffmpeg_loudness(spoken)[0], abs=0.1)


def test_pcm_is_in_place_to_the_sample(deliver: Deliver) -> None:
    done, voice = deliver("broadcast-r128", ".mov")
    heard = ffmpeg_sound(done.file.path)
    assert lag_samples(ffmpeg_sound(voice.file.path), heard) == 0
    assert len(heard) == voice.samples


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("profile", ["web", "broadcast-r128"])
def test_a_bed_lies_at_its_level_to_the_sample_and_the_mix_hits_the_target(
    deliver: Deliver, tmp_path: Path, profile: str, suffix: str
) -> None:
    under = music(tmp_path / "music.wav")
    done, voice = deliver(profile, suffix, bed=bed_of(under, starts_s=1.25))
    target = profile_named(profile).target
    lufs, peak_dbtp = ffmpeg_loudness(done.file.path)
    # The binary's meter hears Matroska's priming too: its blocks begin 21 ms earlier, and four
    # seconds have few of them.
    assert lufs == pytest.approx(target.integrated_lufs, abs=0.4 if suffix == ".mkv" else 0.2)
    assert peak_dbtp <= target.true_peak_dbtp
    assert done.bed is not None
    assert done.bed.level_lu == pytest.approx(-15, abs=0.1)
    # The binary counts Matroska's primed samples in before 0; libav's decoder skips them.
    mixed = (read_sound if suffix == ".mkv" else ffmpeg_sound)(done.file.path)
    # Before the voice begins there is the bed alone.
    quiet = slice(4_800, 43_200)
    reference = ffmpeg_sound(under)[60_000:]
    assert lag_samples(reference[quiet], mixed[quiet]) == 0
    assert lag_samples(ffmpeg_sound(voice.file.path), mixed) == 0


def test_the_stated_level_is_what_a_meter_reads(
    deliver: Deliver, tmp_path: Path, spoken: Path
) -> None:
    """The bed is what is left of the mix when the voice, as loud as it is said to be, is gone."""
    under = music(tmp_path / "music.wav")
    wishes = {"bed": bed_of(under, level_lu=-10)}
    done, voice = deliver("broadcast-r128", ".mkv", **wishes)
    assert done.bed is not None
    whole, alone = ffmpeg_sound(done.file.path), ffmpeg_sound(voice.file.path)
    share = float(whole @ alone / (alone @ alone))
    write_wav(tmp_path / "rest.wav", (whole - share * alone).astype(np.float32))
    write_wav(tmp_path / "spoken.wav", (share * alone).astype(np.float32))
    speech_only = speech_steps(levels_of(voice.file.path))
    rest = measure_gated(tmp_path / "rest.wav", speech_only)
    said = measure_gated(tmp_path / "spoken.wav", speech_only)
    assert rest.dialogue_lufs is not None
    assert said.dialogue_lufs is not None
    assert rest.dialogue_lufs - said.dialogue_lufs == pytest.approx(-10, abs=0.3)
    assert said.dialogue_lufs == pytest.approx(done.bed.voice_lufs, abs=0.2)


def test_a_ducked_bed_is_down_before_the_voice_begins_and_comes_up_after_it(
    deliver: Deliver, tmp_path: Path
) -> None:
    under = music(tmp_path / "music.wav")
    bed = bed_of(under, mode="duck")
    done, voice = deliver("broadcast-r128", ".mkv", bed=bed)
    whole = ffmpeg_sound(done.file.path)
    voiced = np.flatnonzero(np.abs(ffmpeg_sound(voice.file.path)) > 1e-3)
    start = int(voiced[0])

    def level_db(at: int) -> float:
        return float(10 * np.log10(np.mean(np.square(whole[at : at + 2_400]))))

    before, at_start = level_db(start - 24_000), level_db(start - 2_400)
    assert before - at_start == pytest.approx(LIFT_DB, abs=2.0)
    assert level_db(len(whole) - 4_800) == pytest.approx(before, abs=1.0) or (
        len(whole) - voiced[-1] < 1.2 * 48_000  # not yet up again
    )


def test_a_mono_voice_over_a_stereo_bed_stays_as_loud(deliver: Deliver, tmp_path: Path) -> None:
    left, right = music(tmp_path / "l.wav"), music(tmp_path / "r.wav", seed=5)
    wide = tmp_path / "wide.wav"
    ffmpeg("-i", left, "-i", right, "-filter_complex", "join=inputs=2", wide)
    done, voice = deliver("web", ".mp4", bed=bed_of(wide, level_lu=-20))
    assert probe(done.file).audio[0].channels == 2
    assert done.bed is not None
    alone = measure_gated(voice.file.path, speech_steps(levels_of(voice.file.path)))
    assert alone.dialogue_lufs is not None
    assert done.bed.voice_lufs == pytest.approx(alone.dialogue_lufs, abs=0.25)


def test_the_videos_own_sound_starts_again_with_its_picture(
    deliver: Deliver, tmp_path: Path
) -> None:
    under = music(tmp_path / "music.wav")
    bed = bed_of(under, own=True, length_s=1.5, round_s=1.5, level_lu=-3, starts_s=0.5)
    done, _ = deliver("broadcast-r128", ".mkv", bed=bed)
    heard, music_ = ffmpeg_sound(done.file.path), ffmpeg_sound(under)
    last = heard[3 * 72_000 - 24_000 : 3 * 72_000 - 4_800]  # the end of the second round + 0.5 s
    wanted = music_[24_000:][72_000 - 24_000 : 72_000 - 4_800]
    assert len(last) == len(wanted) or len(heard) < 3 * 72_000
    second = heard[144_000 - 20_000 : 144_000 - 4_800]
    first = music_[24_000:][72_000 - 20_000 : 72_000 - 4_800]
    similar = float(second @ first / np.sqrt((second @ second) * (first @ first)))
    assert similar > 0.3


def test_speech_is_told_from_what_never_pauses(tmp_path: Path, spoken: Path) -> None:
    assert speech_steps(levels_of(music(tmp_path / "noise.wav"))).mean() == 0
    share = float(speech_steps(levels_of(spoken)).mean())
    assert 0.35 < share < 0.75  # two of four seconds, and a short hangover


def test_where_hardly_anybody_speaks_the_programme_counts(deliver: Deliver, tmp_path: Path) -> None:
    word = np.concatenate(
        [np.zeros(24_000), speech(0.45, seed=2), np.zeros(48_000 * 4 - 24_000 - 21_600)]
    )
    path = tmp_path / "word.wav"
    write_wav(path, word.astype(np.float32))
    done, _ = deliver("netflix-like", ".mov", spoken=path)
    target = by_dialogue(profile_named("netflix-like").target, done.loudness.dialogue_share or 0)
    assert (target.gate, target.integrated_lufs) == ("programme", -24.0)
    assert ffmpeg_loudness(done.file.path)[0] == pytest.approx(-24, abs=0.2)
    assert any("too little for a dialogue gate" in note for note in done.notes)


def test_a_dialogue_gate_is_named_with_both_figures(deliver: Deliver, tmp_path: Path) -> None:
    """A loud bed in the pauses moves the programme; the speech lands where it should."""
    under = music(tmp_path / "music.wav")
    bed = bed_of(under, mode="duck", level_lu=-9)
    done, _ = deliver("netflix-like", ".mkv", bed=bed)
    assert done.loudness.dialogue_lufs == pytest.approx(-27, abs=0.15)
    assert "over its speech" in done.notes[0]
    assert "dialogue gate" in done.notes[0]


# --- what rides along ---------------------------------------------------------------------------


def film_with_riders(folder: Path, suffix: str) -> Path:
    """A clip with subtitles in German, two chapters, and in Matroska an attachment."""
    titles = folder / "titles.srt"
    titles.write_text(
        "1\n00:00:00,400 --> 00:00:01,000\nEins\n\n2\n00:00:02,200 --> 00:00:03,000\nZwei\n"
    )
    about = folder / "about.txt"
    about.write_text(
        ";FFMETADATA1\ntitle=Talk\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=2000\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=2000\nEND=4000\ntitle=Two\n"
    )
    plain, film = make_clip(folder / "plain.mp4", frames=100), folder / f"film{suffix}"
    extra = ("-attach", about, "-metadata:s:t", "mimetype=text/plain") if suffix == ".mkv" else ()
    codec = "subrip" if suffix == ".mkv" else "mov_text"
    inputs = ("-i", plain, "-i", titles, "-i", about)
    maps = ("-map", "0:v", "-map", "1", "-map_metadata", "2", "-c:v", "copy", "-c:s", codec)
    ffmpeg(*inputs, *maps, "-metadata:s:s:0", "language=deu", *extra, film)
    return film


def titles_in(path: Path) -> list[tuple[float, str]]:
    """Read when each subtitle is shown, and its text."""
    with av.open(str(path)) as container:
        found = []
        for packet in container.demux(subtitles=0):
            text = bytes(packet).decode("utf-8", "ignore").strip("\0\n\x04")
            if packet.size > 2 and packet.pts is not None:
                found.append((round(float(packet.pts * packet.time_base), 2), text))
        return found


@pytest.mark.parametrize(
    ("source", "suffix"), [(".mp4", ".mp4"), (".mp4", ".mov"), (".mkv", ".mkv")]
)
def test_subtitles_and_chapters_of_the_source_survive_where_they_are_due(
    deliver: Deliver, tmp_path: Path, source: str, suffix: str
) -> None:
    film = film_with_riders(tmp_path, source)
    stretch = Stretch(start_s=2, length_s=2)
    wishes = {"source": as_file(film), "stretch": stretch}
    done, _ = deliver("web", suffix, **wishes)
    assert [at_s for at_s, _ in titles_in(done.file.path)] == [0.2]
    assert "Zwei" in titles_in(done.file.path)[0][1]
    with av.open(str(done.file.path)) as container:
        chapters = container.chapters()
        assert container.streams.subtitles[0].metadata["language"] in {"deu", "ger"}
        assert container.metadata["title"] == "Talk"
        attached = [one.metadata["filename"] for one in container.streams.attachments]
    assert [one["metadata"]["title"] for one in chapters] == ["Two"]
    assert [float(one["start"] * (one["time_base"] or 1)) for one in chapters] == [0]
    assert attached == (["about.txt"] if suffix == ".mkv" else [])
    assert any("1 chapters of the source lie outside" in note for note in done.notes)


def test_what_a_container_cannot_carry_is_said(deliver: Deliver, tmp_path: Path) -> None:
    film = film_with_riders(tmp_path, ".mkv")
    wishes = {"source": as_file(film), "stretch": Stretch(start_s=0, length_s=4)}
    done, _ = deliver("web", ".mp4", **wishes)
    assert any("subtitles (srt)" in note and ".mkv may" in note for note in done.notes)
    assert any("the attachment about.txt was left out" in note for note in done.notes)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_cover_art_goes_where_it_can_and_is_never_taken_for_the_picture(
    deliver: Deliver, tmp_path: Path, suffix: str
) -> None:
    cover, film = tmp_path / "cover.jpg", tmp_path / "covered.mp4"
    plain = make_clip(tmp_path / "plain.mp4", frames=100, size=(320, 240))
    ffmpeg("-i", plain, "-frames:v", "1", cover)
    maps = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "attached_pic")
    ffmpeg("-i", plain, "-i", cover, *maps, film)
    wishes = {"source": as_file(film), "stretch": Stretch(start_s=0, length_s=4)}
    done, _ = deliver("web", suffix, **wishes)
    facts = probe(done.file).video
    assert facts is not None
    assert (facts.codec, facts.frames, facts.display_width_px) == ("h264", 100, 160)
    with av.open(str(done.file.path)) as container:
        stills = [one for one in container.streams.video if one.disposition.value & 1024]
        carried = len(stills) + len(container.streams.attachments)
    assert carried == (0 if suffix == ".mov" else 1)
    assert any("cover art" in note for note in done.notes) == (suffix == ".mov")


# --- what is asked ------------------------------------------------------------------------------


@pytest.fixture
def file() -> File:
    return File(path=Path("/a"), sha256="0" * 64, size_bytes=1)


def test_a_dub_that_uses_nothing_new_keeps_the_key_it_had(file: File) -> None:
    """The key as it was written before there were beds, languages and posters."""
    params = DubParams.model_validate(
        {"video": "/a", "voice": "/b", "generation": 2, "options": {"x": 1}}
    )
    key = "5abc0d79ef23e1699ab0b8f792b08d73422de60bd3cd7426570113381b6dfbf9"
    assert Asked.of(params, file, file).key == key
    for changed in ({"language": "deu"}, {"bed": "keep"}):
        assert Asked.of(params.model_copy(update=changed), file, file).key != key
    assert Asked.of(params.model_copy(update={"poster": True}), file, file).key == key
    assert Asked.of(params, file, file, bed=file).key != key


def test_a_language_is_read_as_people_write_it() -> None:
    params = DubParams.model_validate({"video": "a", "voice": "b", "language": "pt-BR"})
    assert params.language == "por"
    with pytest.raises(ValueError, match="no language code"):
        DubParams.model_validate({"video": "a", "voice": "b", "language": "german!"})


def test_a_bed_file_that_nobody_mixes_in_is_refused() -> None:
    with pytest.raises(ValueError, match="--bed says how"):
        DubParams.model_validate({"video": "a", "voice": "b", "bed_file": "m.wav"})


def test_every_profile_is_whole() -> None:
    for profile in load_profiles().values():
        assert profile.sound_source
        assert profile.target.tolerance_lu > 0
        assert profile.suffix_for(Path("talk.mkv")) in {".mp4", ".mov", ".mkv"}


def test_a_silent_bed_is_said_and_breaks_nothing(deliver: Deliver, tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    write_wav(path, np.zeros(48_000 * SECONDS, np.float32))
    done, _ = deliver("web", ".mp4", bed=bed_of(path))
    assert any("the bed is silent" in note for note in done.notes)


def test_a_bed_without_sound_is_refused(deliver: Deliver, picture: Path, spoken: Path) -> None:
    with pytest.raises(MediaError, match="no audio stream"):
        deliver("web", ".mp4", bed=bed_of(picture))
