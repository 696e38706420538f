"""Several voices on one picture: what is copied, where it begins, and what is said about it."""

import hashlib
from pathlib import Path
from typing import Any

import av
import pytest

from lipsync.disclosure import SourceType, notice_of
from lipsync.errors import MediaError, UsageError
from lipsync.marking import mark, read_mark
from lipsync.muxing import C2PA_UUID, mux_voices
from lipsync.store import Store
from lipsync.voices import Muxed, MuxRequest, read_track
from tests.clips import as_file, ffmpeg, make_clip, make_voice, read_indices, read_sound
from tests.meters import ffmpeg_sound, lag_samples


@pytest.fixture
def dubs(tmp_path: Path) -> tuple[Path, Path]:
    """Two dubs of one picture, in two languages."""
    for name, seed in (("de", 1), ("fr", 2)):
        voice = make_voice(tmp_path / f"{name}.wav", 2, seed=seed)
        clip = make_clip(tmp_path / f"{name}.video.mp4", frames=50, options={"bf": "2"})
        both = ("-i", clip, "-i", voice, "-map", "0:v", "-map", "1:a", "-c:v", "copy")
        ffmpeg(*both, "-c:a", "aac", tmp_path / f"{name}.mp4")
    return tmp_path / "de.mp4", tmp_path / "fr.mp4"


def muxed(store: Store, picture: Path, suffix: str, *voices: str, **more: Any) -> Muxed:
    tracks = tuple(read_track(voice) for voice in voices)
    pairs = tuple((track, as_file(track.path)) for track in tracks)
    request = MuxRequest(picture=as_file(picture), voices=pairs, suffix=suffix, **more)
    return mux_voices(request, store)


def packets(path: Path, kind: str) -> str:
    """Hash the bytes of every packet of the first stream of a kind."""
    digest = hashlib.sha256()
    with av.open(str(path)) as container:
        for packet in container.demux(**{kind: 0}):
            digest.update(bytes(packet))
    return digest.hexdigest()


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_every_voice_is_there_in_its_language_and_in_step_with_the_picture(
    tmp_path: Path, store: Store, dubs: tuple[Path, Path], suffix: str
) -> None:
    german, french = dubs
    done = muxed(store, german, suffix, f"de@Deutsch={german}", f"fr={french}", default="fr")
    with av.open(str(done.file.path)) as container:
        found = [
            (sound.metadata["language"], bool(sound.disposition & sound.disposition.default))
            for sound in container.streams.audio
        ]
    assert found == [("ger" if suffix == ".mov" else "deu", False), ("fra", True)]
    assert read_indices(done.file.path) == list(range(50))
    assert packets(done.file.path, "video") == packets(german, "video")
    for track, name in enumerate(("de", "fr")):
        reference = ffmpeg_sound(tmp_path / f"{name}.wav")
        # The binary counts Matroska's primed samples in before 0; libav's decoder skips them.
        read = read_sound if suffix == ".mkv" else ffmpeg_sound
        assert abs(lag_samples(reference, read(done.file.path, track=track))) <= 1


def test_a_voice_is_copied_in_its_own_family_and_encoded_again_in_the_other(
    store: Store, dubs: tuple[Path, Path]
) -> None:
    german, french = dubs
    same = muxed(store, french, ".mp4", f"de={german}")
    assert packets(same.file.path, "audio") == packets(german, "audio")
    assert not any("encoded" in note for note in same.notes)
    other = muxed(store, french, ".mkv", f"de={german}")
    assert any("encoded to AAC for .mkv: de.mp4" in note for note in other.notes)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_the_mark_goes_along_and_a_lost_signature_is_said(
    tmp_path: Path, store: Store, dubs: tuple[Path, Path], suffix: str
) -> None:
    marked = tmp_path / "marked.mp4"
    mark(dubs[0], marked, notice_of(preview=False, model="a model"))
    with marked.open("ab") as stream:  # an empty manifest's box
        stream.write((8 + len(C2PA_UUID)).to_bytes(4) + b"uuid" + C2PA_UUID)
    done = muxed(store, marked, suffix, f"fr={dubs[1]}")
    assert read_mark(done.file.path) is SourceType.COMPOSITE_WITH_TRAINED
    assert done.source_type is SourceType.COMPOSITE_WITH_TRAINED
    assert any("signature of the picture does not survive" in note for note in done.notes)
    plain = muxed(store, dubs[0], suffix, f"fr={dubs[1]}")
    assert any("carries no mark" in note for note in plain.notes)


def test_a_picture_out_of_matroska_keeps_its_first_frames(
    tmp_path: Path, store: Store, dubs: tuple[Path, Path]
) -> None:
    """Matroska keeps no decoding times; the first packets have to be given theirs."""
    film = tmp_path / "film.mkv"
    ffmpeg("-i", dubs[0], "-c", "copy", film)
    done = muxed(store, film, ".mp4", f"fr={dubs[1]}")
    assert read_indices(done.file.path) == list(range(50))


def test_a_forced_voice_is_marked_where_there_is_a_flag_for_it(
    store: Store, dubs: tuple[Path, Path]
) -> None:
    voices = (f"de={dubs[0]}", f"fr={dubs[1]}")
    done = muxed(store, dubs[0], ".mkv", *voices, forced=("fr",))
    with av.open(str(done.file.path)) as container:
        second = container.streams.audio[1]
        assert second.disposition & second.disposition.forced
    none = muxed(store, dubs[0], ".mov", *voices, forced=("fr",))
    assert any("no forced flag" in note for note in none.notes)


def test_a_voice_that_outlasts_the_picture_is_refused(
    tmp_path: Path, store: Store, dubs: tuple[Path, Path]
) -> None:
    longer = make_voice(tmp_path / "long.wav", 3)
    with pytest.raises(MediaError, match=r"goes on for 1\.00 s after the picture"):
        muxed(store, dubs[0], ".mp4", f"de={longer}")
    short = make_voice(tmp_path / "short.wav", 1)
    done = muxed(store, dubs[0], ".mp4", f"de={short}")
    assert "short.wav is silent for the last 1.00 s" in done.notes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("german.mp4", "write LANGUAGE=FILE"),
        ("=german.mp4", "write LANGUAGE=FILE"),
        ("xx=german.mp4", "no language 'xx'"),
        ("de-=german.mp4", "no language code"),
    ],
)
def test_a_voice_that_cannot_be_read_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_track(text)


def test_a_flag_for_a_language_that_is_not_there_is_refused(
    store: Store, dubs: tuple[Path, Path]
) -> None:
    with pytest.raises(UsageError, match="no voice in 'ita'; there are deu"):
        muxed(store, dubs[0], ".mp4", f"de={dubs[0]}", default="it")
