"""Claims about bad days: bad files, full disks, Ctrl-C, kill -9, two at once, no network."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.cli import main
from lipsync.home import Home
from lipsync.output import page_path, record_path
from lipsync.provenance import provenance_path
from lipsync.store import Store, hash_file
from tests import odd_clips
from tests.clips import make_clip, make_voice, write_wav
from tests.flows.terminal import COMMAND, Answer, dubline, environment, finished, started
from tests.lipsync.orders import in_scratch

# --- bad files ----------------------------------------------------------------------------------

Build = Callable[[Path], Path]


def text(words: str) -> Build:
    def build(folder: Path) -> Path:
        (folder / "bad.mp4").write_text(words)
        return folder / "bad.mp4"

    return build


def noise(folder: Path) -> Path:
    """A whole index, and pictures that are none."""
    path = make_clip(folder / "bad.mp4", container_options={"movflags": "+faststart"})
    data = path.read_bytes()
    body = data.find(b"mdat") + 4
    path.write_bytes(data[:body] + np.random.default_rng(1).bytes(len(data) - body))
    return path


def half_broken(folder: Path) -> Path:
    """Every hundredth byte of the pictures is another."""
    path = make_clip(folder / "bad.mp4", container_options={"movflags": "+faststart"})
    data = bytearray(path.read_bytes())
    for place in range(data.find(b"mdat") + 200, len(data), 97):
        data[place] ^= 0x5A
    path.write_bytes(data)
    return path


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "bad.mp4")
    return folder / "bad.mp4"


def folder_of_that_name(folder: Path) -> Path:
    (folder / "bad.mp4").mkdir()
    return folder / "bad.mp4"


def dangling(folder: Path) -> Path:
    (folder / "bad.mp4").symlink_to("nowhere")
    return folder / "bad.mp4"


def announcing(size: int) -> Build:
    """2 s of speech, 192,000 bytes, under a header that says something else."""
    return lambda folder: odd_clips.wav_header_says(make_voice(folder / "bad.wav"), size)


def silent(folder: Path) -> Path:
    write_wav(folder / "bad.wav", np.zeros(96_000, np.float32))
    return folder / "bad.wav"


BAD_VIDEOS: dict[str, tuple[Build, str]] = {
    "empty": (text(""), "is empty (0 bytes); copy or export it again"),
    "text": (text("Dear all,\n" * 99), "is a text file; give a video"),
    "web page": (text("<!doctype html><title>404</title>"), "is a web page (HTML); give a video"),
    "still": (lambda f: odd_clips.still_picture(f / "bad.mp4"), "is a still picture (JPEG)"),
    "hls": (text("#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd\n"), "is a playlist that points at"),
    "hls url": (text("#EXTM3U\nhttp://127.0.0.1:9/a.ts\n"), "is a playlist that points at"),
    "concat": (text("ffconcat version 1.0\nfile '/etc/passwd'\n"), "is a playlist that points at"),
    "cut, no index": (lambda f: odd_clips.cut_off(f, index_first=False), "moov) is missing after"),
    "cut, index": (lambda f: odd_clips.cut_off(f, index_first=True), "can be read; copy or export"),
    "noise": (noise, "not one of its 50 pictures can be decoded"),
    "sound only": (lambda f: make_voice(f / "bad.wav"), "holds no pictures, only sound (2.00 s"),
    "folder": (folder_of_that_name, "is a folder; name a file in it"),
    "pipe": (fifo, "is a pipe or a device, not a file; copy its content"),
    "dangling": (dangling, "there is no such file; check its name"),
    "missing": (lambda f: f / "bad.mp4", "there is no such file; check its name"),
}
BAD_VOICES: dict[str, tuple[Build, str]] = {
    "picture only": (lambda f: make_clip(f / "bad.mp4"), "holds no sound, only pictures (2.00 s)"),
    "no samples": (odd_clips.no_packets, "holds neither pictures nor sound (0 packets"),
    "3 h announced": (announcing(1_036_800_000), "1036800000 bytes of sound, 192000 are there"),
    "0.1 s announced": (announcing(9_600), "ends the sound 182400 bytes before the file does"),
    "text": (text("Dear all,\n" * 99), "is a text file; give a video or audio file"),
    "missing": (lambda f: f / "bad.wav", "there is no such file; check its name"),
}


@pytest.fixture
def here(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """Run `dubline` in this process."""
    monkeypatch.setenv("DUBLINE_HOME", str(home.root))
    monkeypatch.setenv("DUBLINE_SERVER_IDLE_S", "1")  # none is started, unless a test fails

    def run(*argv: str | Path) -> Answer:
        monkeypatch.setattr("sys.argv", ["dubline", *map(str, argv)])
        with pytest.raises(SystemExit) as end:
            main()
        return Answer(int(end.value.code or 0), *capsys.readouterr())

    return run


def _rooms(home: Home) -> set[str]:
    """Name what processes that have ended left in scratch; the door is nobody's."""
    return {room.name for room in (home.root / "scratch").glob("*")}


def _refused(answer: Answer, bad: Path, said: str, home: Home) -> None:
    """Hold a refusal against the rules: one sentence, both ways, exit 3, no server for it."""
    assert answer.code == answer.data["exit_code"] == 3
    assert answer.sentence == f"dubline: {answer.data['error']}"
    assert answer.sentence.startswith(f"dubline: {bad}")
    assert said in answer.sentence
    assert not (home.root / "server").exists()
    assert not in_scratch(Store(home))


@pytest.mark.parametrize("kind", BAD_VIDEOS)
def test_a_bad_video_is_refused_before_a_server_is_started(
    here: Callable[..., Answer], home: Home, tmp_path: Path, kind: str
) -> None:
    build, said = BAD_VIDEOS[kind]
    (tmp_path / "in").mkdir()
    voice, bad = make_voice(tmp_path / "voice.wav"), build(tmp_path / "in")
    answer = here("run", bad, voice, "-o", tmp_path / "out.mp4", "--json")
    _refused(answer, bad, said, home)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("kind", BAD_VOICES)
def test_a_bad_voice_is_refused_before_a_server_is_started(
    here: Callable[..., Answer], home: Home, tmp_path: Path, kind: str
) -> None:
    build, said = BAD_VOICES[kind]
    (tmp_path / "in").mkdir()
    video, bad = make_clip(tmp_path / "talk.mp4"), build(tmp_path / "in")
    answer = here("run", video, bad, "-o", tmp_path / "out.mp4", "--json")
    _refused(answer, bad, said, home)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--trim", "9:12"], "the trim 9 s to 12 s lies outside the video, which has 50 frames"),
        (["--voice-track", "99"], "has no audio track 99; choose from 0"),
    ],
)
def test_what_is_not_in_the_files_is_named_with_what_is(
    here: Callable[..., Answer], tmp_path: Path, options: list[str], said: str
) -> None:
    pair = (make_clip(tmp_path / "talk.mp4"), make_voice(tmp_path / "voice.wav"))
    answer = here("run", *pair, "-o", tmp_path / "o.mp4", *options)
    assert (answer.code, answer.out) == (3, "")
    assert said in answer.sentence


def test_a_silent_voice_is_refused_with_its_level(
    here: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = here("plan", make_clip(tmp_path / "talk.mp4"), silent(tmp_path))
    assert answer.code == 3
    assert "bad.wav: the voice is silent (-70 LUFS or less over 2.00 s); choose" in answer.sentence


def test_pictures_that_cannot_be_decoded_are_counted(
    here: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = here("plan", half_broken(tmp_path), make_voice(tmp_path / "voice.wav"))
    assert answer.code == 3
    assert re.search(
        r"bad\.mp4: \d+ of its 50 pictures are damaged; copy or export it again", answer.sentence
    )


def test_a_mismatch_no_fit_can_mend_names_both_files(
    here: Callable[..., Answer], tmp_path: Path
) -> None:
    video, voice = make_clip(tmp_path / "one.mp4", frames=1), make_voice(tmp_path / "voice.wav")
    answer = here("plan", video, voice)
    assert answer.code == 3
    assert answer.sentence.startswith(f"dubline: {video} with {voice}: voice 2.00 s, video 0.04 s")


@pytest.mark.parametrize(
    ("video", "voice"),
    [
        pytest.param({"frames": 1}, {}, id="one frame"),
        pytest.param({"frames": 3, "size": (4100, 64)}, {}, id="wider than any model takes"),
        pytest.param({}, {"seconds": 0.05}, id="a blink of a voice"),
        pytest.param({}, {"channels": 8}, id="eight channels"),
    ],
)
def test_odd_but_whole_media_can_be_planned(
    here: Callable[..., Answer],
    tmp_path: Path,
    video: dict[str, Any],
    voice: dict[str, Any],
) -> None:
    clip = make_clip(tmp_path / "talk.mp4", **video)
    sound = make_voice(tmp_path / "voice.wav", **voice)
    assert here("plan", clip, sound, "--sync-mode", "silence", "--json").data["chosen"]


def test_a_wave_from_a_pipe_announces_nothing_and_is_whole(
    here: Callable[..., Answer], tmp_path: Path
) -> None:
    voice = announcing(2**32 - 1)(tmp_path)
    assert here("plan", make_clip(tmp_path / "talk.mp4"), voice, "--json").data["voice_s"] == 2.0


def test_a_cut_off_video_may_be_trimmed_to_what_is_there(
    here: Callable[..., Answer], tmp_path: Path
) -> None:
    cut, voice = odd_clips.cut_off(tmp_path, index_first=True), make_voice(tmp_path / "v.wav", 1.7)
    refused = here("plan", cut, voice)
    trim = refused.sentence.rpartition("--trim ")[2]
    assert here("plan", cut, voice, "--trim", trim).code == 0


# --- bad outputs --------------------------------------------------------------------------------


@pytest.mark.parametrize("there", ["out.mp4", "out.mp4.json"])
def test_somebody_elses_file_is_left_alone(
    here: Callable[..., Answer], tmp_path: Path, there: str
) -> None:
    (tmp_path / there).write_text("somebody's work")
    pair = (make_clip(tmp_path / "talk.mp4"), make_voice(tmp_path / "voice.wav"))
    answer = here("run", *pair, "-o", tmp_path / "out.mp4")
    assert answer.code == 2
    assert answer.sentence.startswith(f"dubline: {tmp_path / there}: exists and is")
    assert (tmp_path / there).read_text() == "somebody's work"


@pytest.mark.parametrize("side", [0, 1])
def test_an_input_is_never_the_output(
    here: Callable[..., Answer], tmp_path: Path, side: int
) -> None:
    pair = (make_clip(tmp_path / "talk.mp4"), make_clip(tmp_path / "voice.mp4", sound=True))
    before = hash_file(pair[side])
    (tmp_path / "alias.mp4").hardlink_to(pair[side])
    for name in (pair[side], tmp_path / "alias.mp4"):
        answer = here("run", *pair, "-o", name, "--overwrite")
        assert (answer.code, "is an input of this dub" in answer.sentence) == (2, True)
    assert hash_file(pair[side]) == before


def test_what_a_killed_process_left_beside_an_output_is_swept_by_the_next(
    here: Callable[..., Answer], tmp_path: Path
) -> None:
    debris, mine = tmp_path / ".dubline-0123.mp4", tmp_path / ".dublin.mp4"
    debris.write_bytes(b"half")
    mine.write_bytes(b"mine")
    clip = make_clip(tmp_path / "talk.mp4")
    here("run", clip, odd_clips.no_packets(tmp_path), "-o", tmp_path / "out.mp4")
    assert (debris.exists(), mine.exists()) == (False, True)


# --- disks --------------------------------------------------------------------------------------


def _in_a_namespace(*flags: str) -> list[str]:
    """Return a command prefix that gives a process mounts or a network of its own, or skip."""
    for more in ((), ("--map-root-user",)):
        prefix = ["unshare", *more, *flags]
        if (
            shutil.which("unshare")
            and subprocess.run([*prefix, "true"], check=False).returncode == 0
        ):
            return prefix
    pytest.skip("neither root nor a user who may make namespaces (unshare)")


def _on_a_disk(options: str, place: Path, *argv: str | Path, env: dict[str, str]) -> Answer:
    """Run `dubline` where `place` is a disk of its own."""
    place.mkdir(exist_ok=True)
    script = f'mount -t tmpfs -o {options} none "$0" && exec "$@"'
    command = [*_in_a_namespace("--mount"), "sh", "-c", script, place, *COMMAND, *argv]
    ended = subprocess.run(
        list(map(str, command)),
        env=env, cwd=place.parent, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return Answer(ended.returncode, ended.stdout, ended.stderr)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Three seconds, 320x240: large enough to fill a small disk, small enough to be quick."""
    video = make_clip(tmp_path / "talk.mp4", frames=75, size=(320, 240), gop=75)
    return video, make_voice(tmp_path / "voice.wav", 3.0)


@pytest.mark.parametrize("options", ["ro", "size=64k,nr_inodes=1"])
def test_an_output_folder_that_cannot_be_written_is_named_before_anything_is_made(
    home: Home, pair: tuple[Path, Path], tmp_path: Path, options: str
) -> None:
    output = tmp_path / "disk" / "out.mp4"
    answer = _on_a_disk(options, output.parent, "run", *pair, "-o", output, env=environment(home))
    assert (answer.code, answer.out) == (3, "")
    assert answer.sentence.startswith(f"dubline: {output.parent}: cannot be written (")
    assert answer.sentence.endswith("make room there, or choose another output with -o")


def test_an_output_disk_that_is_full_in_the_end_leaves_nothing_half_written(
    server: str, flow_home: Home, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    output = tmp_path / "disk" / "out.mp4"
    env = environment(flow_home)
    answer = _on_a_disk("size=16k", output.parent, "run", *pair, "-o", output, "--json", env=env)
    assert answer.code == 3
    assert answer.sentence.startswith(f"dubline: {output}: cannot be written (No space left")
    assert answer.data["kind"] == "StorageError"
    again = dubline(
        "run", *pair, "-o", tmp_path / "out.mp4", "--json", home=flow_home, cwd=tmp_path
    )
    made = {name for name, state in again.states.items() if state == "Completed"}
    assert made == {"report"}


@pytest.mark.parametrize("size", ["100k", "600k"])
def test_a_home_on_a_full_disk_is_one_sentence(
    server: str, pair: tuple[Path, Path], tmp_path: Path, size: str
) -> None:
    home = Home(tmp_path / "disk")
    env = environment(home, PREFECT_API_URL=server)
    output = tmp_path / "out.mp4"
    answer = _on_a_disk(f"size={size}", home.root, "run", *pair, "-o", output, env=env)
    assert (answer.code, answer.out) == (3, ""), answer
    assert "No space left on device" in answer.sentence
    assert "make room" in answer.sentence
    assert not output.exists()


def test_a_home_that_cannot_be_written_is_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    home = Home(tmp_path / "disk" / "home")
    answer = _on_a_disk("ro", tmp_path / "disk", "run", *pair, env=environment(home))
    assert (answer.code, answer.out) == (3, "")
    assert str(home.root) in answer.sentence
    assert "DUBLINE_HOME" in answer.sentence


# --- ends and beginnings ------------------------------------------------------------------------


@pytest.fixture
def run_of(
    server: str, home: Home, pair: tuple[Path, Path], tmp_path: Path
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the one dub of a test, in a home and an output folder that hold nothing else."""
    output = tmp_path / "out" / "out.mp4"
    output.parent.mkdir()
    argv = ("run", *pair, "-o", output, "--json")

    def start(arranged: tuple[int, str] | None = None) -> subprocess.Popen[str]:
        env = environment(home, PREFECT_API_URL=server)
        return started(*argv, env=env, cwd=tmp_path, arranged=arranged)

    yield start
    beside = {record_path(output), page_path(output), provenance_path(output)}
    assert set(output.parent.iterdir()) == {output, *beside}
    assert _rooms(home) == {".door"}
    assert {path.name for path in (home.root / "locks").iterdir()} <= {".locks", "place"}


def test_ctrl_c_while_rendering_leaves_no_debris_and_the_next_run_goes_on(
    run_of: Callable[..., subprocess.Popen[str]], home: Home, tmp_path: Path
) -> None:
    stopped = finished(run_of((signal.SIGINT, "collect")))
    assert stopped.code == stopped.data["exit_code"] == 130
    assert stopped.sentence.startswith("dubline: interrupted; nothing half-written is left")
    assert list((tmp_path / "out").iterdir()) == []
    assert _rooms(home) == {".door"}
    again = finished(run_of())
    assert (again.code, again.states["fit"], again.states["collect"]) == (0, "Cached", "Completed")


@pytest.mark.parametrize("moment", ["fit", "collect", "place"])
def test_a_killed_process_leaves_nothing_that_is_taken_for_a_result(
    run_of: Callable[..., subprocess.Popen[str]], tmp_path: Path, moment: str
) -> None:
    killed = finished(run_of((signal.SIGKILL, moment)))
    assert (killed.code, killed.out) == (-signal.SIGKILL, "")
    assert not (tmp_path / "out" / "out.mp4").exists()
    again = finished(run_of())
    assert again.code == 0, again
    assert hash_file(tmp_path / "out" / "out.mp4") == again.data["output_sha256"]


def test_two_processes_on_one_dub_do_the_work_once(
    run_of: Callable[..., subprocess.Popen[str]],
) -> None:
    both = [finished(process) for process in [run_of(), run_of()]]
    assert [answer.code for answer in both] == [0, 0], both
    assert len({answer.data["ticket_id"] for answer in both}) == 1
    assert len({answer.data["output_sha256"] for answer in both}) == 1
    for stage in ("normalize", "submit", "collect", "finish"):
        assert sorted(answer.states[stage] for answer in both) == ["Cached", "Completed"], stage
    # It makes a picture and a voice: either process may have made either of them.
    assert "Completed" in {answer.states["fit"] for answer in both}


def test_without_any_network_a_dub_is_made(home: Home, tmp_path: Path) -> None:
    if not shutil.which("ip"):
        pytest.skip("no `ip` to bring up the loopback interface with")
    pair = (make_clip(tmp_path / "talk.mp4", frames=25), make_voice(tmp_path / "voice.wav", 1.0))
    script = 'ip link set lo up && "$@"; ended=$?; "$0" -c "$DOWN" down >&2; exit $ended'
    env = environment(home, DOWN=COMMAND[-1])
    command = [*_in_a_namespace("--net"), "sh", "-c", script, COMMAND[0], *COMMAND, "run", *pair]
    ended = subprocess.run(
        list(map(str, command)),
        env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "talk.voice.preview.mp4").is_file()
