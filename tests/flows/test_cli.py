"""Claims about the command line itself: its words, answers, names, completion and pipes."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.cli import main
from lipsync.home import Home
from lipsync.output import page_path, record_path
from lipsync.provenance import provenance_path
from tests.clips import make_clip, make_voice
from tests.flows.terminal import Answer, dubline, environment

RUN_KEYS = {
    "output", "vendor", "model", "video_s", "voice_s", "mismatch_s", "sync_mode", "sync_reason",
    "predicted_s", "output_s", "quoted_usd", "billed_usd", "loudness_lufs", "true_peak_dbtp",
    "voice_offset_ms", "verdicts", "stages",
}  # fmt: skip
CHOICE_KEYS = {"model", "vendor", "accepted", "reasons", "predicted_s", "price_usd"}
DUBLINE = str(Path(sys.executable).with_name("dubline"))

Here = Callable[..., Answer]


@pytest.fixture
def here(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Run `dubline` in this process: same code, same words, a second sooner."""
    monkeypatch.setenv("DUBLINE_HOME", str(home.root))

    def run(*argv: str | Path) -> Answer:
        monkeypatch.setattr("sys.argv", ["dubline", *map(str, argv)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        return Answer(int(end.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return make_clip(tmp_path / "talk.mp4"), make_voice(tmp_path / "voice.wav")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(["--loudness", "nan"], "--loudness nan: it should be", id="nan loudness"),
        pytest.param(["--loudness", "0"], "--loudness 0.0: it should be less", id="loud"),
        pytest.param(["--budget", "-1"], "--budget.* greater than or equal to 0", id="debt"),
        pytest.param(["--budget", "nan"], "--budget", id="nan budget"),
        pytest.param(["--budget", "inf"], "--budget inf: it should be less", id="no budget"),
        pytest.param(["--trim", "5:1"], "--trim '5:1' ends before it starts; write", id="back"),
        pytest.param(["--trim", "soon"], "--trim 'soon' cannot be read", id="no time"),
        pytest.param(["--voice-track", "-1"], "--voice-track -1: it should be", id="track"),
        pytest.param(["--generation", "0"], "--generation 0: it should be", id="generation"),
        pytest.param(["--profile", "x"], "no delivery profile 'x'; choose one of", id="profile"),
        pytest.param(["--policy", "x"], "--policy.*'cheapest'", id="policy"),
        pytest.param(["--sync-mode", "x"], "--sync-mode.*'bounce'", id="sync mode"),
        pytest.param(["--bugdet", "1"], "No such option: --bugdet.*--budget", id="option"),
        pytest.param(["-o", "x.avi"], r"x\.avi: an output ends in \.mp4, \.mov, \.mkv", id="avi"),
        pytest.param(["-o", "no/x.mp4"], "the folder no does not exist; create it", id="nowhere"),
        pytest.param(["more"], "unexpected extra argument", id="argument"),
    ],
)
def test_a_misuse_is_one_sentence_that_names_the_option_and_exit_2(
    here: Here, pair: tuple[Path, Path], options: list[str], said: str
) -> None:
    answer = here("run", *pair, *options, "--json")
    assert answer.code == answer.data["exit_code"] == 2
    assert re.search(said, answer.sentence)
    assert answer.sentence == f"dubline: {answer.data['error']}"
    assert answer.data["kind"] == "UsageError"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--model", "sink-3"], "no model 'sink-3'; the catalogue has .*sync-3"),
        (["--model", "sync-3"], "FAL_KEY is not set; pin another model or none"),
        (["--fit", "vendor"], "say with --sync-mode"),
    ],
)
def test_a_plan_refuses_what_it_cannot_mean(
    here: Here,
    pair: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    said: str,
) -> None:
    monkeypatch.delenv("FAL_KEY", raising=False)
    answer = here("plan", *pair, *options)
    assert (answer.code, answer.out) == (2, "")
    assert re.search(said, answer.sentence)


def test_the_bare_command_shows_its_help(here: Here) -> None:
    answer = here()
    assert (answer.code, answer.out) == (2, "")
    assert "Usage: dubline" in answer.err


def test_every_command_says_in_the_list_what_it_does_without_being_cut(here: Here) -> None:
    listed = here("--help").out.partition("Commands:")[2]
    assert len(listed.strip().splitlines()) >= 6
    assert "..." not in listed


def test_a_plan_prints_one_object_and_writes_nothing_beside_the_video(
    here: Here, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    before = sorted(tmp_path.iterdir())
    answer = here("plan", *pair, "--json")
    assert (answer.code, answer.err) == (0, "")
    assert all(choice.keys() >= CHOICE_KEYS for choice in answer.data["choices"])
    assert {path for path in tmp_path.iterdir() if path.name != "home"} == set(before)


@pytest.mark.usefixtures("server")
def test_a_run_prints_one_object_and_writes_its_output_and_record_and_nothing_else(
    flow_home: Home, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    cwd, user = tmp_path / "cwd", tmp_path / "user"
    cwd.mkdir()
    user.mkdir()
    # A voice 3 % longer, so that its tempo changes as well.
    voice = make_voice(tmp_path / "long ü.wav", 2.06)
    answer = dubline(
        *("run", pair[0], voice, "--no-trim-silence", "-o", "-my dub é.mp4", "--json"),
        home=flow_home,
        cwd=cwd,
        HOME=str(user),
    )
    assert (answer.code, answer.err) == (0, "")
    assert answer.data.keys() >= RUN_KEYS
    assert set(answer.states.values()) == {"Completed"}
    assert all(
        row.keys() >= {"check", "value", "limit", "verdict"} for row in answer.data["verdicts"]
    )
    output = cwd / "-my dub é.mp4"
    assert answer.data["output"] == str(output)
    beside = (record_path(output), page_path(output), provenance_path(output))
    assert set(cwd.iterdir()) == {output, *beside}
    assert list(user.iterdir()) == []


def test_names_with_spaces_letters_of_all_scripts_and_leading_dashes_are_names(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["-x.mp4", "https:y %03d.mp4", "видео 動画\n.mp4"]
    for name in names:
        make_clip(tmp_path / "plain.mp4", frames=25).rename(tmp_path / name)
    make_voice(tmp_path / "-v.wav", 1.0)
    for name in names:
        answer = here("plan", "--json", "--", name, "-v.wav")
        assert (answer.code, answer.data["video_s"]) == (0, 1.0), answer
    assert here("plan", "./-x.mp4", "./-v.wav").code == 0


def test_a_reader_that_leaves_early_gets_no_traceback(home: Home) -> None:
    for options in ("models", "models --json", "--help"):
        line = f"{DUBLINE} {options} | (exec 0<&-; sleep 1.5)"
        ended = subprocess.run(
            ["sh", "-c", line], env=environment(home), capture_output=True, text=True, check=False
        )
        assert ended.stderr == ""


@pytest.mark.parametrize("folder", ["taken", "taken/demo"])
def test_a_demo_into_a_file_is_refused(here: Here, tmp_path: Path, folder: str) -> None:
    (tmp_path / "taken").write_text("")
    answer = here("demo", tmp_path / folder)
    assert answer.code == 2
    assert f"{tmp_path / folder}: is a file; name a folder" in answer.sentence


def test_the_shell_completes_commands_and_models(home: Home) -> None:
    def completed(*words: str) -> list[str]:
        asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
        env = environment(home, _DUBLINE_COMPLETE="complete_bash", **asked)
        return subprocess.check_output([DUBLINE], env=env, text=True).split()

    assert {"run", "plan", "models"} <= set(completed("dubline", ""))
    models = completed("dubline", "run", "a", "b", "--model", "sync-2")
    assert set(models) == {"sync-2", "sync-2-pro", "sync-2-pro-endpoint"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_is_told_how_to_complete(home: Home, shell: str) -> None:
    env = environment(home, _DUBLINE_COMPLETE=f"source_{shell}")  # whatever shell this runs in
    script = subprocess.check_output([DUBLINE], env=env, text=True)
    assert f"_DUBLINE_COMPLETE=complete_{shell}" in script


def test_a_prefect_server_that_is_not_there_is_named_with_its_address(
    pair: tuple[Path, Path], home: Home, tmp_path: Path
) -> None:
    answer = dubline(
        "run", *pair, "--json", home=home, cwd=tmp_path, PREFECT_API_URL="http://127.0.0.1:9/api"
    )
    assert answer.code == answer.data["exit_code"] == 1
    assert "PREFECT_API_URL=http://127.0.0.1:9/api: no Prefect server answers" in answer.sentence
    assert "start it, correct the address, or unset it" in answer.sentence


def test_mux_puts_voices_on_a_picture_and_keeps_what_is_there(
    here: Here, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "both.mkv"
    words = ("mux", pair[0], "--voice", f"de={pair[1]}", "-o", out)
    done = here(*words, "--voice", f"fr@Version={pair[1]}", "--json")
    assert done.code == 0
    assert json.loads(done.out)["languages"] == ["deu", "fra"]
    assert out.is_file()
    again = here(*words)
    assert again.code == 2
    assert "exists; choose another output" in again.err
    assert here(*words, "--overwrite", "--default", "it").code == 2
