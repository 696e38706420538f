"""The embedded server: one per home, found by the next command, gone when nobody needs it.

Most tests share one home's server: a first start costs about 11 s, a later one 4.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from flows import embedded_env
from flows.embedded import Standing, down, serving, standing
from flows.embedded_launch import claimed, listening_for, log_of
from flows.embedded_watch import publish
from lipsync.errors import LipsyncError, StorageError, UsageError
from lipsync.home import Home

ROOT = Path(__file__).parents[2]

# A command: says what it found and whether Prefect was imported on the way, then lives a little.
COMMAND = """
import sys, time
from flows.embedded import serving, standing
from lipsync.home import Home
home = Home.found()
with serving(home, lambda line: print(line, file=sys.stderr)) as url:
    print(url, standing(home).server_pid, "prefect" in sys.modules, flush=True)
    time.sleep(float(sys.argv[1]))
"""

# A command that talks to the server through Prefect's own client, as every flow does.
CLIENT = """
from flows.embedded import serving
from lipsync.home import Home
with serving(Home.found(), print):
    from prefect import flow
    @flow
    def nothing() -> int:
        return 7
    assert nothing() == 7
"""


def command(home: Home, script: str, *args: str, **more: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return subprocess.Popen(
        [sys.executable, "-c", script, *args],
        cwd=ROOT,
        env=clean | {"DUBLINE_HOME": str(home.root)} | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_running(pid: int) -> bool:
    """Tell a living process from none, and from a dead one that init has yet to bury."""
    if not Path("/proc/self").exists():
        return subprocess.run(["kill", "-0", str(pid)], check=False).returncode == 0
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(holds: Callable[[], bool], within_s: float = 30.0) -> bool:
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        if holds():
            return True
        time.sleep(0.05)
    return False


def nobody_is_left(home: Home) -> bool:
    with claimed(home) as alive:
        return alive is not None


def there(home: Home) -> Standing:
    found = standing(home)
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def no_other_server(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = ("PREFECT_", "DUBLINE_SERVER_")
    for name in [name for name in os.environ if name.startswith(ours)]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("a home with späces") / "dubline")
    yield home
    down(home)
    assert nobody_is_left(home)


@pytest.fixture
def found(home: Home) -> Standing:
    """The shared home's server, started if an earlier test has stopped it."""
    with serving(home, print):
        return there(home)


def test_eight_commands_at_once_start_one_server(home: Home) -> None:
    commands = [command(home, COMMAND, "0.1") for _ in range(8)]
    answers = [process.communicate(timeout=120) for process in commands]
    assert {out for out, _ in answers} == {f"{there(home).url} {there(home).server_pid} False\n"}, (
        answers
    )
    assert sum("starting the Prefect server" in said for _, said in answers) == 1


def test_the_next_command_finds_it_and_says_nothing(home: Home, found: Standing) -> None:
    said: list[str] = []
    with serving(home, said.append) as url:
        assert url == found.url == os.environ["PREFECT_API_URL"]
    assert there(home) == found
    assert said == []
    assert "PREFECT_API_URL" not in os.environ


def test_the_server_is_out_of_reach_of_the_terminal_of_its_command(found: Standing) -> None:
    sessions = {os.getsid(found.watcher_pid), os.getsid(found.server_pid)}
    assert len(sessions) == 1
    assert os.getsid(0) not in sessions


def test_flows_run_past_a_proxy_and_write_only_into_the_home(home: Home, tmp_path: Path) -> None:
    dead = "http://127.0.0.1:9"
    proxies = dict.fromkeys(["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"], dead)
    process = command(home, CLIENT, HOME=str(tmp_path), **proxies)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert list(tmp_path.iterdir()) == []


def test_the_user_interface_is_served_from_the_home(home: Home, found: Standing) -> None:
    page = build_opener(ProxyHandler({})).open(found.url.removesuffix("/api") + "/v2/")
    assert b"<html" in page.read().lower()
    assert (home.root / "server" / "ui").is_dir()


def test_a_killed_watcher_leaves_no_server_behind(home: Home, found: Standing) -> None:
    os.kill(found.watcher_pid, signal.SIGKILL)
    assert eventually(lambda: nobody_is_left(home))
    assert not is_running(found.server_pid)
    assert standing(home) is None


def test_a_killed_server_is_replaced_by_the_next_command(home: Home, found: Standing) -> None:
    os.kill(found.server_pid, signal.SIGKILL)
    said: list[str] = []
    with serving(home, said.append):
        assert there(home).server_pid != found.server_pid
        assert there(home).port == found.port  # bookmarks of the user interface stay good
    assert len(said) == 1


def test_two_homes_have_two_servers_and_an_unused_one_stops(
    home: Home, found: Standing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBLINE_SERVER_IDLE_S", "2")
    other = Home(tmp_path / "other")
    with serving(other, print):
        server = there(other)
        assert server.port != found.port
        time.sleep(3)  # longer than idle: the command is still here
        assert standing(other) == server
    assert eventually(lambda: nobody_is_left(other))
    assert not is_running(server.server_pid)
    assert not is_running(server.watcher_pid)
    assert "nobody used the server for 2 s" in log_of(other).read_text()
    assert standing(home) == found


def test_down_stops_it_once_and_says_so(home: Home, found: Standing) -> None:
    assert f"pid {found.server_pid}" in down(home)
    assert not is_running(found.server_pid)
    assert "no Prefect server is running" in down(home)


def test_a_card_left_by_a_crash_never_gets_a_stranger_killed(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        card = Standing(stranger.pid, stranger.pid, 1, "3.8.8", 0.0, "here")
        place = Home(tmp_path).folder("server") / "server.json"
        place.write_text(json.dumps(vars(card)))
        assert standing(Home(tmp_path)) is None
        assert "no Prefect server" in down(Home(tmp_path))
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_server_on_another_machine_is_named_and_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    card = Standing(stranger.pid, stranger.pid, 1, "3.8.8", 0.0, "elsewhere")
    try:
        with publish(Home(tmp_path).folder("server"), vars(card)):
            for use in (down, lambda home: serving(home, print).__enter__()):
                with pytest.raises(LipsyncError, match="runs on elsewhere"):
                    use(Home(tmp_path))
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_occupied_port_is_left_to_its_owner(tmp_path: Path) -> None:
    with listening_for(Home(tmp_path)) as first, listening_for(Home(tmp_path)) as second:
        assert first.getsockname() != second.getsockname()


def test_a_server_that_cannot_start_is_one_sentence_naming_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS", "soon")
    with pytest.raises(LipsyncError, match=r"ended while it was starting .*server\.log") as failure:
        serving(Home(tmp_path), print).__enter__()
    assert "\n" not in str(failure.value)
    assert nobody_is_left(Home(tmp_path))


def test_a_given_server_is_used_and_none_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.example/api")
    with serving(Home(tmp_path / "home"), print) as url:
        assert url == "http://prefect.example/api"
        assert os.environ["PREFECT_LOCAL_STORAGE_PATH"].startswith(str(tmp_path))
    assert not (tmp_path / "home").exists()


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        serving(Home(tmp_path / "file" / "home"), print).__enter__()


@pytest.mark.parametrize("idle", ["soon", "-1", "nan", "inf"])
def test_a_senseless_idle_time_is_refused_before_anything_starts(
    idle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBLINE_SERVER_IDLE_S", idle)
    with pytest.raises(UsageError, match=idle):
        serving(Home(tmp_path), print).__enter__()
    assert nobody_is_left(Home(tmp_path))


def test_the_users_own_exemptions_from_the_proxy_are_kept() -> None:
    direct = embedded_env.client_environment({"NO_PROXY": "intra.example"}, Path("/home"), 1)
    assert direct["no_proxy"] == direct["NO_PROXY"] == "intra.example,127.0.0.1,localhost"
