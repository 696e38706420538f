"""The store: whole or not at all, and never fooled about what a file holds."""

import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lipsync.errors import MediaError, StorageError
from lipsync.home import Home
from lipsync.store import RACY_NS, Store, _has_fractions, hash_file
from tests.lipsync.deaths import at_once, die_at
from tests.lipsync.orders import in_scratch, kept


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"one two three")
    return path


@pytest.fixture
def settled(clip: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file whose last change is far enough away for a memo of it to be trusted."""
    monkeypatch.setattr("lipsync.store.RACY_NS", RACY_NS // 20)
    time.sleep(RACY_NS / 20 / 1e9 + 0.02)
    return clip


def rewrite_unseen(path: Path, content: bytes) -> None:
    """Change the bytes of a file and put its size, permissions and time back."""
    before = path.stat()
    assert len(content) == before.st_size
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def on_a_coarse_disk(seen: os.stat_result) -> bool:
    """Say what a disk would that counts whole seconds."""
    return False


def test_the_same_bytes_are_one_file_whatever_they_were_called(store: Store, clip: Path) -> None:
    assert kept(store, clip) == kept(store, clip)


def test_a_kept_file_is_read_only(store: Store, clip: Path) -> None:
    assert kept(store, clip).path.stat().st_mode & 0o777 == 0o444


def test_a_kept_file_is_found_again_after_the_home_was_moved(store: Store, clip: Path) -> None:
    file = kept(store, clip)
    moved = store.home.root.rename(store.home.root.with_name("moved"))
    assert hash_file(Store(Home(moved)).here(file).path) == file.sha256


def test_a_file_of_the_user_stays_where_it_is(store: Store, clip: Path) -> None:
    file = store.fingerprint(clip)
    assert store.here(file) == file


def test_a_fingerprint_is_the_hash_of_the_bytes(store: Store, clip: Path) -> None:
    file = store.fingerprint(clip)
    assert (file.sha256, file.size_bytes) == (hash_file(clip), 13)


def test_an_unchanged_file_is_not_read_twice(
    store: Store, settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = store.fingerprint(settled)
    monkeypatch.setattr("lipsync.store.hash_file", None)
    assert store.fingerprint(settled) == first


def test_a_change_within_one_tick_of_the_clock_is_seen(
    store: Store, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The racily clean file of git: on a disk with a coarse clock nothing but the bytes differ."""
    monkeypatch.setattr("lipsync.store._signature", lambda seen: [seen.st_ino, seen.st_size])
    monkeypatch.setattr("lipsync.store._has_fractions", on_a_coarse_disk)
    first = store.fingerprint(clip)
    rewrite_unseen(clip, b"ONE TWO THREE")
    assert store.fingerprint(clip) != first


def test_what_was_just_kept_is_not_read_again_here_or_where_it_was_asked_for(
    store: Store, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = Store(store.home)
    file = kept(helper, clip)
    monkeypatch.setattr("lipsync.store.hash_file", None)
    assert helper.intact(file)
    store.vouch(file)
    assert store.intact(file)


def test_nothing_is_vouched_for_that_was_altered_or_is_not_of_the_store(
    store: Store, clip: Path
) -> None:
    file = kept(Store(store.home), clip)
    theirs = file.model_copy(update={"path": clip.with_name(file.path.name)})
    theirs.path.write_bytes(b"ONE TWO THREE")
    file.path.chmod(0o644)
    file.path.write_bytes(b"one two")
    for one in (file, theirs):
        store.vouch(one)
        assert not store.intact(one)


WHOLE_NS = 1_700_000_000 * 10**9


@pytest.mark.parametrize("fine", [True, False])
def test_a_copy_that_was_just_placed_is_known_where_the_clock_is_fine(
    store: Store, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, fine: bool
) -> None:
    monkeypatch.setattr("lipsync.store.MEMO_BYTES", 1)
    if not fine:
        monkeypatch.setattr("lipsync.store._has_fractions", on_a_coarse_disk)
    file, output = kept(store, clip), tmp_path / "output.mp4"
    shutil.copyfile(file.path, output)
    store.placed(file, output)
    read: list[Path] = []
    monkeypatch.setattr("lipsync.store.hash_file", lambda path: read.append(path) or file.sha256)
    for one in (store, Store(store.home)):  # here, and in the next process
        assert one.fingerprint(output).sha256 == file.sha256
    assert len(read) == (0 if fine else 2)


def test_a_copy_of_which_nothing_can_be_noted_is_there_all_the_same(
    store: Store, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsync.store.MEMO_BYTES", 1)
    file, output = kept(store, clip), tmp_path / "output.mp4"
    shutil.copyfile(file.path, output)

    def full(*_given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("lipsync.store._written", full)
    store.placed(file, output)
    monkeypatch.setattr("lipsync.store.hash_file", None)
    assert store.fingerprint(output).sha256 == file.sha256  # here it is known, elsewhere not
    assert not list((store.home.root / "memo").rglob("*.json"))


def test_a_copy_that_is_cut_short_is_not_known(store: Store, clip: Path, tmp_path: Path) -> None:
    file, output = kept(store, clip), tmp_path / "output.mp4"
    output.write_bytes(b"one two")
    store.placed(file, output)
    assert store.fingerprint(output).sha256 != file.sha256


def test_a_disk_counts_fractions_when_both_of_its_times_have_them(clip: Path) -> None:
    assert _has_fractions(clip.stat())
    os.utime(clip, ns=(WHOLE_NS, WHOLE_NS))
    assert not _has_fractions(clip.stat())


def test_a_change_with_its_time_put_back_is_seen(store: Store, settled: Path) -> None:
    first = store.fingerprint(settled)
    rewrite_unseen(settled, b"ONE TWO THREE")
    assert store.fingerprint(settled) != first
    assert not store.intact(first)


@pytest.mark.parametrize("damage", [b"", b"\x00\xff", b'{"sha256": "0"}', None], ids=str)
def test_a_damaged_memo_is_no_memo(
    store: Store, settled: Path, damage: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsync.store.MEMO_BYTES", 1)
    first = store.fingerprint(settled)
    (memo,) = (store.home.root / "memo").rglob("*.json")
    text = memo.read_bytes()
    memo.write_bytes(text.replace(b"e", b"f") if damage is None else damage)
    assert Store(store.home).fingerprint(settled) == first


def test_another_process_finds_the_memo_of_a_large_file_and_hashes_a_small_one(
    store: Store, settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.fingerprint(settled)
    assert not list((store.home.root / "memo").rglob("*.json"))
    monkeypatch.setattr("lipsync.store.MEMO_BYTES", 1)
    first = Store(store.home).fingerprint(settled)
    monkeypatch.setattr("lipsync.store.hash_file", None)
    assert Store(store.home).fingerprint(settled) == first


def test_a_file_that_is_still_being_copied_is_refused(
    store: Store, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hash_while_it_grows(path: Path) -> str:
        digest = hash_file(path)
        path.write_bytes(b"one two three four")
        return digest

    monkeypatch.setattr("lipsync.store.hash_file", hash_while_it_grows)
    with pytest.raises(MediaError, match="changed while it was read"):
        store.fingerprint(clip)


def _missing(path: Path) -> None:
    assert not path.exists()


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _broken_link(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(_missing, "no such file", id="missing"),
        pytest.param(_broken_link, "no such file", id="broken link"),
        pytest.param(Path.mkdir, "is a folder", id="folder"),
        pytest.param(_fifo, "is a pipe", id="pipe"),
        pytest.param(Path.touch, "is empty", id="empty"),
    ],
)
def test_what_is_no_file_is_refused_in_one_sentence(
    store: Store, tmp_path: Path, make: Callable[[Path], None], says: str
) -> None:
    path = tmp_path / "input.mp4"
    make(path)
    with pytest.raises(MediaError, match=f"input.mp4: .*{says}"):
        store.fingerprint(path)


def test_a_name_with_a_nul_is_refused(store: Store) -> None:
    with pytest.raises(MediaError, match="no such file"):
        store.fingerprint(Path("a\0b.mp4"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_refused(store: Store, clip: Path) -> None:
    clip.chmod(0)
    with pytest.raises(MediaError, match="cannot be read"):
        store.fingerprint(clip)


def test_a_write_killed_at_any_line_leaves_no_file_that_is_not_whole(
    store: Store, clip: Path
) -> None:
    line = 1
    while die_at(line, lambda: kept(store, clip)):
        for file in (store.home.root / "store").rglob("*.mp4"):
            assert hash_file(file) == file.stem
        line += 1
    assert line > 20


def test_the_scratch_of_the_dead_is_swept_and_that_of_the_living_is_not(
    store: Store, clip: Path
) -> None:
    line = 1
    with store.scratch() as mine:
        mine.write_bytes(b"busy")
        while die_at(line, lambda: kept(store, clip)):
            line += 1
        store.sweep()
        assert (in_scratch(store), mine.read_bytes()) == ({mine}, b"busy")


def test_a_home_that_cannot_be_made_says_which_variable_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="set DUBLINE_HOME"):
        Home(tmp_path / "file").folder("store")


def test_a_full_disk_is_one_sentence_and_leaves_nothing(store: Store) -> None:
    def fill() -> None:
        with store.scratch() as trial:
            trial.symlink_to("/dev/full")
            trial.write_bytes(b"more than fits")

    with pytest.raises(StorageError, match="MB free"):
        fill()
    assert not in_scratch(store)


def test_a_process_that_ends_leaves_no_room(store: Store) -> None:
    def use() -> None:
        with Store(store.home).scratch() as trial:
            trial.write_bytes(b"x")

    use()
    assert [door.name for door in (store.home.root / "scratch").iterdir()] == [".door"]


def test_a_forked_process_has_a_room_of_its_own(store: Store) -> None:
    with store.scratch() as mine:
        mine.write_bytes(b"x")
        at_once(2, lambda _number: kept_in_a_room_beside(store, mine))
        assert mine.exists()


def kept_in_a_room_beside(store: Store, mine: Path) -> None:
    with store.scratch() as theirs:
        assert theirs.parent != mine.parent


def test_a_room_that_somebody_cleared_away_is_made_again(store: Store) -> None:
    with store.scratch() as trial:
        shutil.rmtree(trial.parent)
    with store.scratch() as trial:
        trial.write_bytes(b"x")
        assert in_scratch(store) == {trial}
