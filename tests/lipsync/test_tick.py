"""A tick: what arrives is dubbed once, when it is whole, whatever happens to it and to us."""

import os
import shutil
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from unicodedata import normalize

import pytest

from lipsync.arrivals import LineState, in_words, rows
from lipsync.destination import Wanted
from lipsync.errors import (
    BudgetError,
    MediaError,
    OutcomeUnknown,
    StorageError,
    UsageError,
    VendorBusy,
    VendorRefused,
)
from lipsync.inbox import ended_by
from lipsync.intake import Intake
from lipsync.tick import Told, tick
from lipsync.watch_params import WatchParams
from tests.lipsync.deaths import CALLS, die_at
from tests.lipsync.inboxes import Killed, Studio, of, states


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def pair_of(video: bytes, voice: bytes) -> tuple[str, str]:
    return sha256(video).hexdigest(), sha256(voice).hexdigest()


def arrived(studio: Studio, stem: str = "talk", language: str = "de") -> tuple[str, str]:
    """Put a whole pair into the inbox."""
    video, voice = studio.video(), studio.voice()
    studio.put(f"{stem}.mp4", video)
    studio.put(f"{stem}.{language}.wav", voice)
    return pair_of(video, voice)


def test_a_pair_is_dubbed_at_its_second_look_and_never_again(studio: Studio) -> None:
    pair = arrived(studio)
    assert states(studio.look()) == {"talk.de.wav": LineState.ARRIVING}
    line = of(studio.look(), "talk.de.wav")
    assert (line.state, line.output) == (LineState.DUBBED, studio.outbox / "talk.de.preview.mp4")
    assert states(studio.looks(5)) == {"talk.de.wav": LineState.DONE}
    assert studio.dubbed == {pair: 1}


def test_a_file_that_grows_between_looks_is_left_alone(studio: Studio) -> None:
    video = studio.video()
    studio.put("talk.de.wav", studio.voice())
    for piece in range(1, 8):
        studio.put("talk.mp4", video[: len(video) * piece // 7])
        assert states(studio.look()) == {"talk.de.wav": LineState.ARRIVING}
    assert states(studio.look()) == {"talk.de.wav": LineState.DUBBED}


def test_two_looks_in_quick_succession_do_not_settle_a_file(studio: Studio) -> None:
    arrived(studio)
    for _ in range(5):
        assert states(studio.look(after_s=10)) == {"talk.de.wav": LineState.ARRIVING}
    assert states(studio.look(after_s=30)) == {"talk.de.wav": LineState.DUBBED}


def test_a_file_takes_two_looks_however_soon_it_is_settled(studio: Studio) -> None:
    arrived(studio)
    assert states(studio.look(settle_s=0)) == {"talk.de.wav": LineState.ARRIVING}
    assert states(studio.look(settle_s=0)) == {"talk.de.wav": LineState.DUBBED}


def test_an_output_whose_worker_died_before_its_record_is_written_over(studio: Studio) -> None:
    pair = arrived(studio)
    studio.fails[pair] = [Killed()]
    studio.look()
    with pytest.raises(Killed):
        studio.look()
    (studio.outbox / "talk.de.preview.mp4").write_bytes(b"whole, but without its record")
    assert states(studio.look()) == {"talk.de.wav": LineState.DUBBED}
    assert names_in(studio.outbox) == ["talk.de.preview.mp4"]


def test_a_cut_off_video_that_stands_still_is_arriving_then_set_aside(studio: Studio) -> None:
    whole = studio.video()
    studio.put("talk.mp4", whole[: len(whole) // 2])
    studio.put("talk.de.wav", studio.voice())
    for _ in range(12):
        assert states(studio.look()) == {"talk.de.wav": LineState.ARRIVING}
    line = of(studio.look(), "talk.de.wav")
    assert line.state is LineState.SET_ASIDE
    assert sorted(path.name for path in studio.aside.iterdir()) == [
        "talk.mp4",
        "talk.mp4.reason.txt",
    ]
    assert "cut off" in (studio.aside / "talk.mp4.reason.txt").read_text()
    assert "talk.de.wav: has no video" in studio.look().notes[0]
    assert not studio.dubbed


def test_a_stalled_copy_that_goes_on_within_the_hour_is_dubbed_whole(studio: Studio) -> None:
    video, voice = studio.video(), studio.voice()
    studio.put("talk.mp4", video[:-400])
    studio.put("talk.de.wav", voice)
    studio.looks(10)
    studio.put("talk.mp4", video)
    assert states(studio.looks(2)) == {"talk.de.wav": LineState.DUBBED}
    assert studio.dubbed == {pair_of(video, voice): 1}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        pytest.param("talk.mp4", b"", "is empty", id="empty video"),
        pytest.param("talk.mp4", b"<html><h1>404", "a web page", id="web page"),
        pytest.param("talk.de.wav", b"RIFF\0\0\0\0WAVE", "not a media file", id="no sound"),
        pytest.param("talk.de.wav", b"#EXTM3U\n/etc/passwd", "a playlist", id="playlist"),
    ],
)
def test_a_poisoned_file_is_set_aside_with_its_reason(
    studio: Studio, name: str, content: bytes, reason: str
) -> None:
    arrived(studio)
    studio.put(name, content)
    studio.looks(14)
    assert (studio.aside / name).read_bytes() == content
    assert reason in (studio.aside / f"{name}.reason.txt").read_text()
    assert not studio.begun


def test_what_the_stages_find_wrong_with_a_pair_sets_its_voice_aside(studio: Studio) -> None:
    pair = arrived(studio)
    studio.fails[pair] = [MediaError("the voice is silent")]
    assert states(studio.looks(2)) == {"talk.de.wav": LineState.SET_ASIDE}
    assert (studio.aside / "talk.de.wav.reason.txt").read_text() == "the voice is silent\n"
    assert (studio.inbox / "talk.mp4").exists()


def test_what_the_stages_find_wrong_with_the_video_sets_the_video_aside(studio: Studio) -> None:
    pair = arrived(studio)
    studio.fails[pair] = [MediaError(f"{studio.inbox / 'talk.mp4'}: 3 pictures are damaged")]
    studio.looks(2)
    assert (studio.aside / "talk.mp4").exists()
    assert (studio.inbox / "talk.de.wav").exists()


def test_one_name_set_aside_twice_is_two_files(studio: Studio) -> None:
    for content in (b"<html>1", b"<html>2"):
        arrived(studio)
        studio.put("talk.mp4", content)
        studio.looks(14)
    assert (studio.aside / "talk.mp4").read_bytes() == b"<html>1"
    assert (studio.aside / "talk.2.mp4").read_bytes() == b"<html>2"
    assert (studio.aside / "talk.2.mp4.reason.txt").exists()


def test_a_file_that_is_put_back_is_tried_again(studio: Studio) -> None:
    pair = arrived(studio)
    studio.fails[pair] = [MediaError("the voice is silent")]
    studio.looks(2)
    (studio.aside / "talk.de.wav").rename(studio.inbox / "talk.de.wav")
    assert states(studio.looks(3)) == {"talk.de.wav": LineState.DONE}
    assert studio.dubbed == {pair: 1}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_where_the_inbox_is_read_only_a_poisoned_file_is_marked(studio: Studio) -> None:
    pair = arrived(studio)
    studio.fails[pair] = [MediaError("the voice is silent")]
    studio.inbox.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert states(studio.looks(2)) == {"talk.de.wav": LineState.SET_ASIDE}
    assert states(studio.looks(20)) == {"talk.de.wav": LineState.SET_ASIDE}
    assert studio.begun == {pair: 1}


def test_a_file_that_cannot_be_moved_is_marked_until_it_changes(studio: Studio) -> None:
    """Also for root: what should be the folder is a file."""
    pair = arrived(studio)
    studio.aside.touch()
    studio.fails[pair] = [MediaError("the voice is silent")]
    assert states(studio.looks(2)) == {"talk.de.wav": LineState.SET_ASIDE}
    del studio.shop
    line = of(studio.looks(20), "talk.de.wav")
    assert (line.state, line.said) == (LineState.SET_ASIDE, "the voice is silent")
    assert studio.begun == {pair: 1}
    studio.put("talk.de.wav", studio.voice())
    assert states(studio.looks(2)) == {"talk.de.wav": LineState.DUBBED}


def test_the_same_bytes_under_other_names_are_dubbed_once(studio: Studio) -> None:
    video, voice = studio.video(), studio.voice()
    for stem in ("talk", "copy of talk"):
        studio.put(f"{stem}.mp4", video)
        studio.put(f"{stem}.de.wav", voice)
    assert set(states(studio.looks(2)).values()) == {LineState.DUBBED, LineState.SAME}
    assert set(states(studio.look()).values()) == {LineState.DONE}
    assert studio.dubbed == {pair_of(video, voice): 1}


def test_renamed_and_touched_files_are_known_again(studio: Studio) -> None:
    pair = arrived(studio)
    studio.looks(2)
    for name in ("talk.mp4", "talk.de.wav"):
        (studio.inbox / name).rename(studio.inbox / name.replace("talk", "other"))
        studio.stamp(studio.inbox / name.replace("talk", "other"))
    assert states(studio.looks(3)) == {"other.de.wav": LineState.DONE}
    assert studio.dubbed == {pair: 1}


def test_a_replaced_voice_is_another_dub_and_the_first_stays(studio: Studio) -> None:
    arrived(studio)
    studio.looks(2)
    studio.put("talk.de.wav", studio.voice())
    line = of(studio.looks(2), "talk.de.wav")
    assert line.state is LineState.DUBBED
    assert line.output is not None
    assert (studio.outbox / "talk.de.preview.mp4").exists()
    assert line.output.name != "talk.de.preview.mp4"
    assert line.output.name.startswith("talk.de.")
    assert sum(studio.dubbed.values()) == 2


def test_a_dub_that_was_taken_out_of_the_outbox_is_not_made_again(studio: Studio) -> None:
    arrived(studio)
    studio.looks(2)
    (studio.outbox / "talk.de.preview.mp4").unlink()
    assert states(studio.looks(3)) == {"talk.de.wav": LineState.DONE}


def test_one_video_waits_for_all_its_voices(studio: Studio) -> None:
    arrived(studio)
    studio.looks(2)
    studio.put("talk.pt-BR.wav", studio.voice())
    studio.put("talk.fr.mp3", studio.voice())
    found = states(studio.looks(2))
    assert found["talk.pt-BR.wav"] is LineState.DUBBED
    assert found["talk.de.wav"] is LineState.DONE


def test_names_of_two_unicode_forms_belong_together(studio: Studio) -> None:
    studio.put(normalize("NFC", "Gespräch 日本 🎬.mp4"), studio.video())
    studio.put(normalize("NFD", "Gespräch 日本 🎬.de.wav"), studio.voice())
    assert set(states(studio.looks(2)).values()) == {LineState.DUBBED}


def test_a_name_that_is_no_text_is_passed_over(studio: Studio) -> None:
    (Path(os.fsdecode(os.fsencode(studio.inbox) + b"/t\xff.mp4"))).write_bytes(b"x")
    pair = arrived(studio)
    studio.looks(2)
    assert studio.dubbed == {pair: 1}


def test_folders_links_to_nowhere_and_pipes_are_passed_over(studio: Studio) -> None:
    (studio.inbox / "a folder.mp4").mkdir()
    (studio.inbox / "gone.mp4").symlink_to("/nowhere")
    os.mkfifo(studio.inbox / "pipe.mp4")
    pair = arrived(studio)
    studio.looks(3)
    assert studio.dubbed == {pair: 1}


def test_no_more_than_so_many_are_begun_at_a_look_in_the_order_they_came(studio: Studio) -> None:
    for number in (3, 1, 2):
        arrived(studio, f"talk{number}")
        studio.look(after_s=1)
    began = [
        [line.voice for line in studio.look(max_per_tick=1).lines if line.state == "dubbed"]
        for _ in range(3)
    ]
    assert began == [["talk3.de.wav"], ["talk1.de.wav"], ["talk2.de.wav"]]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(VendorBusy("503"), id="busy"),
        pytest.param(BudgetError("over"), id="no money"),
        pytest.param(OutcomeUnknown("silence"), id="unknown"),
    ],
)
def test_what_is_only_late_is_tried_at_the_next_look(
    studio: Studio, error: VendorBusy | BudgetError | OutcomeUnknown
) -> None:
    pair = arrived(studio)
    studio.fails[pair] = [error] * 3
    line = of(studio.looks(2), "talk.de.wav")
    assert (line.state, line.said) == (LineState.WAITING, str(error))
    assert states(studio.looks(3)) == {"talk.de.wav": LineState.DUBBED}
    assert not studio.aside.exists()


def test_what_is_refused_rests_longer_and_longer_and_stays_where_it_is(studio: Studio) -> None:
    pair = arrived(studio)
    studio.fails[pair] = [VendorRefused("401, check FAL_KEY")] * 3
    studio.look()
    began = []
    for number in range(12 * 24):
        before = studio.begun[pair]
        studio.look()
        began += [number * 300 / 3600] * (studio.begun[pair] - before)
    assert began == [0, 1, 5, 21]
    assert (studio.inbox / "talk.de.wav").exists()


def test_what_is_over_budget_does_not_keep_others_waiting(studio: Studio) -> None:
    dear = arrived(studio, "dear")
    studio.fails[dear] = [BudgetError("over")] * 1000
    studio.looks(2, max_per_tick=1)
    others = [arrived(studio, f"cheap{number}") for number in range(3)]
    studio.looks(5, max_per_tick=1)
    assert all(studio.dubbed[pair] for pair in others)


def test_a_pair_that_takes_its_worker_with_it_is_tried_alone_and_then_set_aside(
    studio: Studio,
) -> None:
    deadly, healthy = arrived(studio, "deadly"), arrived(studio, "healthy")
    studio.fails[deadly] = [Killed()] * 9
    for _ in range(7):
        with suppress(Killed):
            studio.look()
    assert studio.dubbed == {healthy: 1}
    assert studio.begun[deadly] == 3
    assert "died 3 times" in (studio.aside / "deadly.de.wav.reason.txt").read_text()


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(KeyboardInterrupt(), id="Ctrl-C"),
        pytest.param(StorageError("the outbox is full"), id="no room for any"),
    ],
)
def test_a_look_that_ends_early_holds_nothing_against_its_pairs(
    studio: Studio, error: BaseException
) -> None:
    pair = arrived(studio)

    def fail(pairs: tuple[Wanted, ...], told: Told) -> None:
        raise error

    studio.look()
    for _ in range(5):
        studio.now_s += 300
        with pytest.raises(type(error)):
            tick(studio.shop, studio.params(), fail, lambda: studio.now_s)
    studio.look()
    assert studio.dubbed == {pair: 1}


def test_a_mistake_of_ours_lets_the_pair_rest_and_never_sets_it_aside(studio: Studio) -> None:
    pair = arrived(studio)
    studio.fails[pair] = [RuntimeError("a bug")] * 5
    studio.look()
    for _ in range(12 * 24):
        with suppress(RuntimeError):
            studio.look()
    assert studio.begun[pair] == 4
    assert not studio.aside.exists()
    assert "RuntimeError, a mistake of ours" in of(studio.look(), "talk.de.wav").said


def test_a_file_that_is_replaced_while_it_is_dubbed_is_not_set_aside(studio: Studio) -> None:
    arrived(studio)
    newer = studio.voice()

    def interfere(pairs: tuple[Wanted, ...], told: Told) -> None:
        studio.put("talk.de.wav", newer)
        told(pairs[0].key, ended_by(MediaError("it changed while it was worked on")))

    studio.look()
    studio.now_s += 300
    tick(studio.shop, studio.params(), interfere, lambda: studio.now_s)
    assert states(studio.looks(2)) == {"talk.de.wav": LineState.DUBBED}
    assert not studio.aside.exists()


def test_while_one_look_is_at_work_another_does_nothing(studio: Studio) -> None:
    arrived(studio)
    studio.look()
    intake = Intake(studio.shop.store, studio.inbox, studio.outbox)
    with intake.to_myself() as mine:
        assert mine
        found = studio.look()
    assert found.busy
    assert in_words(found) == "an earlier look is still at work"
    assert not studio.begun
    assert states(studio.look()) == {"talk.de.wav": LineState.DUBBED}


def test_a_memory_that_is_torn_costs_a_wait_and_nothing_else(studio: Studio) -> None:
    pair = arrived(studio)
    studio.looks(2)
    for path in (studio.root / "home" / "watch").glob("*.json"):
        path.write_text("half a rec")
    studio.looks(3)
    assert studio.dubbed == {pair: 1}


def test_a_clock_that_is_set_back_delays_nothing(studio: Studio) -> None:
    pair = arrived(studio)
    studio.look()
    studio.now_s -= 86_400
    studio.looks(3)
    assert studio.dubbed == {pair: 1}


def test_another_home_finds_the_dub_in_the_outbox_only_when_it_is_this_very_one(
    studio: Studio,
) -> None:
    """A foreign file of that name is neither taken for the dub nor written over."""
    (studio.outbox / "talk.de.preview.mp4").write_bytes(b"somebody else's")
    arrived(studio)
    line = of(studio.looks(2), "talk.de.wav")
    assert line.state is LineState.DUBBED
    assert (studio.outbox / "talk.de.preview.mp4").read_bytes() == b"somebody else's"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"outbox": "inbox"}, "the outbox is the inbox", id="one folder"),
        pytest.param({"inbox": "nowhere"}, "no such folder to be watched", id="no inbox"),
        pytest.param({"outbox": "nowhere"}, "no such folder to be written to", id="no outbox"),
        pytest.param({"outbox": "inbox/../inbox"}, "is the inbox as well", id="by another name"),
        pytest.param({"model": "sync-99"}, "there is no such model", id="no model"),
    ],
)
def test_a_watch_that_makes_no_sense_is_one_sentence(
    studio: Studio, change: dict[str, str], said: str
) -> None:
    folders = {"inbox": studio.inbox, "outbox": studio.outbox}
    paths = {name: studio.root / text for name, text in change.items() if name != "model"}
    with pytest.raises((UsageError, ValueError), match=said):
        tick(studio.shop, WatchParams.model_validate(folders | change | paths), studio.dub)


def test_the_table_has_what_is_not_long_done(studio: Studio) -> None:
    arrived(studio)
    studio.look()
    (row,) = rows(studio.look().lines)
    assert (row["voice"], row["state"]) == ("talk.de.wav", "dubbed")
    assert rows(studio.look().lines) == []


def test_killed_anywhere_in_a_look_the_next_ones_go_on_and_dub_once(tmp_path: Path) -> None:
    """Also between an output and its record, and between a file's reason and its move."""
    point, deaths = 1, 0
    while True:
        studio = Studio(tmp_path / str(point))
        for number in range(2):
            arrived(studio, f"talk{number}")
        studio.put("bad.mp4", b"<html>")
        studio.put("bad.de.wav", studio.voice())
        studio.look()
        studio.now_s += 7200
        if not die_at(point, studio.look, points=CALLS):
            break
        deaths += 1
        assert LineState.SET_ASIDE not in states(studio.looks(3)).values()
        assert names_in(studio.outbox) == ["talk0.de.preview.mp4", "talk1.de.preview.mp4"]
        assert names_in(studio.aside) == ["bad.mp4", "bad.mp4.reason.txt"]
        shutil.rmtree(studio.root)
        point += 131
    assert deaths > 15


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
