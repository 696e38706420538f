"""Links through the real flow and the command line: named, fetched, and their signatures kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.cli import main
from lipsync.home import Home
from lipsync.output import recorded
from lipsync.params import DubParams
from tests.flows.paid import make_pair
from tests.lipsync.remote.web import Web, web

PLANTED = "planted-9e41"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Web]:
    folder = tmp_path / "pair"
    folder.mkdir()
    with web() as shown:
        for path in make_pair(folder):
            shown.put(f"/in/{path.name}", path)
        yield shown


def links(site: Web) -> tuple[str, str]:
    return tuple(f"{site.url}/in/{name}?sig={PLANTED}" for name in ("talk.mp4", "voice.wav"))  # type: ignore[return-value]


@pytest.mark.usefixtures("server")
def test_a_dub_of_links_lands_in_the_working_folder_and_shows_no_signature_to_the_server(
    site: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.dub import dub

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUBLINE_HOME", str(tmp_path / "home"))
    video, voice = links(site)
    params = DubParams.model_validate(
        {"video": video, "voice": voice, "model": "local-preview", "trim_silence": False}
    )
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        report = dub(params)
    assert report.output == tmp_path / "talk.voice.preview.mp4"
    assert str(report.video) == f"{site.url}/in/talk.mp4"
    assert recorded(report.output) == report.model_copy(
        update={"stages": recorded(report.output).stages}
    )  # type: ignore[union-attr]
    assert PLANTED not in report.output.with_name(f"{report.output.name}.json").read_text()
    said = told_by_the_server("dub talk.mp4 with voice.wav")
    assert f"{site.url}/in/talk.mp4" in said
    assert PLANTED not in said


def told_by_the_server(name: str) -> str:
    """Read everything the server knows of the newest run of a name."""
    with get_client(sync_client=True) as client:
        named = FlowRunFilter(name=FlowRunFilterName(any_=[name]))
        runs = client.read_flow_runs(flow_run_filter=named)
        tasks = client.read_task_runs(flow_run_filter=named)
        logs = client.read_logs()
        artifacts = client.read_artifacts(flow_run_filter=named)
    values = [*runs, *tasks, *logs, *artifacts]
    assert runs
    assert tasks
    return "\n".join(value.model_dump_json() for value in values)


@pytest.mark.parametrize(
    ("video", "code", "says"),
    [
        pytest.param("{url}/none.mp4?sig={it}", 3, "/none.mp4: answers 404", id="404"),
        pytest.param(
            "s3://bucket/v.mp4?sig={it}", 2, "VIDEO s3://bucket/v.mp4: only http", id="s3"
        ),
        pytest.param("https://u:{it}@x.org/v.mp4", 3, "a name and a password", id="password"),
    ],
)
@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_link_that_cannot_be_used_ends_in_one_sentence(  # noqa: PLR0913, PLR0917  a table
    site: Web,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    video: str,
    code: int,
    says: str,
) -> None:
    monkeypatch.setenv("DUBLINE_HOME", str(home.root))
    link = video.format(url=site.url, it=PLANTED)
    monkeypatch.setattr("sys.argv", ["dubline", command, link, links(site)[1]])
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr()
    assert end.value.code == code
    assert says in said.err
    assert PLANTED not in said.err + said.out
    assert len(said.err.strip().splitlines()) == 1


def test_a_plan_reads_links_too(
    site: Web, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUBLINE_HOME", str(home.root))
    monkeypatch.setattr("sys.argv", ["dubline", "plan", *links(site), "--json"])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert '"predicted_s": 1.0' in capsys.readouterr().out
    assert not list(Path().glob("talk.*"))
