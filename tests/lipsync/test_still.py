"""Claims about the stills: the moment that is heard is the moment that is shown."""

from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest

from lipsync.album import shown_in
from lipsync.errors import MediaError
from lipsync.jpegs import decoded
from lipsync.requests import StillRequest
from lipsync.still import make_stills, pair_of
from lipsync.store import Store
from tests.clips import as_file, make_clip, read_index, write_wav
from tests.voices import VOICE_RATE_HZ

# Of 255 levels; two pictures of these clips differ by 20 and more.
ENCODED_TWICE = 3


def voice_with_shouts(path: Path, *at_s: float) -> Path:
    sound = np.random.default_rng(1).normal(0, 0.01, 2 * VOICE_RATE_HZ)
    for one in at_s:
        first = round(one * VOICE_RATE_HZ)
        sound[first : first + VOICE_RATE_HZ // 25] *= 30
    write_wav(path, sound.astype(np.float32)[:, None])
    return path


def number_in(jpeg: bytes) -> int:
    with av.open(BytesIO(jpeg)) as container:
        return read_index(next(container.decode(video=0)))


def test_each_third_is_shown_where_it_is_loudest_on_both_sides(
    tmp_path: Path, store: Store
) -> None:
    before = make_clip(tmp_path / "before.mp4", frames=50)
    after = make_clip(tmp_path / "after.mp4", frames=50, first_index=100)
    voice = voice_with_shouts(tmp_path / "voice.wav", 0.2, 0.88, 1.6)
    request = StillRequest(before=as_file(before), after=as_file(after), voice=as_file(voice))
    stills = make_stills(request, store)
    shown = shown_in(stills)
    assert [number_in(one.before) for one in shown] == [5, 22, 40]
    assert [number_in(one.after) for one in shown] == [105, 122, 140]


def test_the_pair_is_the_loudest_moment_of_all_before_on_the_left(
    tmp_path: Path, store: Store
) -> None:
    before = make_clip(tmp_path / "before.mp4", frames=50)
    after = make_clip(tmp_path / "after.mp4", frames=50, first_index=100)
    voice = voice_with_shouts(tmp_path / "voice.wav", 0.2, 0.88, 0.9, 1.6)
    request = StillRequest(before=as_file(before), after=as_file(after), voice=as_file(voice))
    stills = make_stills(request, store)
    assert stills.loudest == 1
    whole, shown = decoded(pair_of(stills)), shown_in(stills)[1]
    sides = np.hsplit(whole, 2)
    for side, jpeg in zip(sides, (shown.before, shown.after), strict=True):
        assert np.abs(side.astype(int) - decoded(jpeg)).mean() < ENCODED_TWICE


def test_a_pair_of_unlike_sizes_is_one_picture(tmp_path: Path, store: Store) -> None:
    before = make_clip(tmp_path / "before.mp4", frames=10, size=(1080, 1920))
    after = make_clip(tmp_path / "after.mp4", frames=10, size=(164, 292))
    voice = voice_with_shouts(tmp_path / "voice.wav", 0.2)
    request = StillRequest(before=as_file(before), after=as_file(after), voice=as_file(voice))
    assert decoded(pair_of(make_stills(request, store))).shape[0] == 292


def test_a_voice_that_outlives_the_picture_is_shown_with_its_last_frame(
    tmp_path: Path, store: Store
) -> None:
    clip = as_file(make_clip(tmp_path / "clip.mp4", frames=25))
    voice = as_file(voice_with_shouts(tmp_path / "voice.wav", 1.8))
    stills = make_stills(StillRequest(before=clip, after=clip, voice=voice), store)
    assert number_in(shown_in(stills)[-1].after) == 24


def test_what_is_no_video_is_named(tmp_path: Path, store: Store) -> None:
    clip = as_file(make_clip(tmp_path / "clip.mp4", frames=25))
    (tmp_path / "text.mp4").write_text("no video")
    text = as_file(tmp_path / "text.mp4")
    voice = as_file(voice_with_shouts(tmp_path / "voice.wav", 0.5))
    with pytest.raises(MediaError, match=r"text\.mp4"):
        make_stills(StillRequest(before=clip, after=text, voice=voice), store)
