"""Fetching inputs by links: once, known again, and refused in one sentence."""

import logging
import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from lipsync import stages
from lipsync.admission import inspect
from lipsync.errors import LipsyncError, MediaError, VendorBusy
from lipsync.home import Home
from lipsync.links import Link
from lipsync.means import Means
from lipsync.params import DubParams
from lipsync.workshop import Workshop
from tests.clips import make_clip, make_voice
from tests.lipsync.hosting.servers import serving
from tests.lipsync.remote.web import Web, web

PLANTED = "planted-7d20"
HTML = b"<!doctype html><html><title>Shared file</title><body>talk.mp4</body></html>"
LOGIN = b'<html><form action="/in"><input name="u"><input type="password"></form></html>'
EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "talk.mp4")


@pytest.fixture(scope="module")
def served() -> Iterator[Web]:
    with web() as shown:
        yield shown


@pytest.fixture
def site(served: Web) -> Web:
    served.reset()
    return served


@pytest.fixture
def opened(home: Home) -> Callable[[], Workshop]:
    """Open the workshop of another process in the same home."""
    return lambda: Workshop(home, Means({}))


Opened = Callable[[], Workshop]


def test_a_file_is_fetched_once_and_known_again_by_the_next_process(
    site: Web, clip: Path, opened: Opened
) -> None:
    link = Link(whole=site.put("/talk.mp4", clip))
    first, again = opened().file(link), opened().file(link)
    assert first == again
    assert first.path.read_bytes() == clip.read_bytes()
    assert site.fetches("/talk.mp4") == 1


def test_within_one_dub_a_link_is_asked_once(site: Web, clip: Path, opened: Opened) -> None:
    link, shop = Link(whole=site.put("/talk.mp4", clip)), opened()
    for _ in range(5):
        shop.renew(link)
        shop.file(link)
    assert len(site.asked) == 2  # the front, and all of it


def test_a_file_that_has_changed_is_seen(site: Web, clip: Path, opened: Opened) -> None:
    link = Link(whole=site.put("/talk.mp4", clip))
    before = opened().file(link)
    site.put("/talk.mp4", clip.read_bytes() + b"\0\0\0\x08free")
    assert opened().file(link).sha256 != before.sha256


def test_what_a_server_gives_no_mark_for_is_fetched_each_time(
    site: Web, clip: Path, opened: Opened
) -> None:
    site.marks = False
    link = Link(whole=site.put("/talk.mp4", clip))
    opened().file(link)
    site.files["/talk.mp4"] = bytes(reversed(clip.read_bytes()))  # as long as it was
    assert opened().file(link).path.read_bytes() == site.files["/talk.mp4"]


def test_a_link_that_is_signed_anew_is_not_fetched_anew(
    site: Web, clip: Path, opened: Opened
) -> None:
    link = site.put("/talk.mp4", clip)
    for signature in ("one", "two"):
        opened().file(Link(whole=f"{link}?X-Amz-Signature={signature}"))
    assert site.fetches("/talk.mp4") == 1


def test_two_files_that_a_query_tells_apart_are_two(site: Web, clip: Path, opened: Opened) -> None:
    bodies = {"id=1": clip.read_bytes(), "id=2": bytes(reversed(clip.read_bytes()))}

    def serve(handler: BaseHTTPRequestHandler) -> None:
        body = bodies[handler.path.partition("?")[2]]
        handler.send_response(200)
        handler.send_header("ETag", '"always"')
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    site.pages["/get"] = serve
    found = {opened().file(Link(whole=f"{site.url}/get?{one}")).sha256 for one in bodies}
    assert len(found) == 2


@pytest.mark.parametrize("gone", ["no network", "expired", "removed", "a login instead"])
def test_a_dead_link_stands_for_the_file_it_led_to(
    site: Web, clip: Path, opened: Opened, gone: str
) -> None:
    link = Link(whole=f"{site.put('/talk.mp4', clip)}?X-Amz-Signature={PLANTED}")
    before = opened().file(link)
    if gone == "no network":
        site.pages["/talk.mp4"] = lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)
    elif gone == "expired":
        site.page("/talk.mp4", 403, EXPIRED)
    elif gone == "removed":
        site.files.clear()
    else:
        site.page("/talk.mp4", 200, LOGIN)
    assert opened().file(link) == before


def test_a_file_lost_from_the_store_is_fetched_again(site: Web, clip: Path, opened: Opened) -> None:
    link = Link(whole=site.put("/talk.mp4", clip))
    opened().file(link).path.unlink()
    assert opened().file(link).path.is_file()
    assert site.fetches("/talk.mp4") == 2


def test_a_fetch_that_breaks_goes_on_where_it_broke(site: Web, clip: Path, opened: Opened) -> None:
    link, whole, cuts = site.put("/talk.mp4", clip), clip.read_bytes(), []

    def serve(handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers["Range"]
        if asked is None and not cuts:
            cuts.append(len(whole) // 2)
            handler.send_response(200)
            handler.send_header("ETag", '"one"')
            handler.send_header("Content-Length", str(len(whole)))
            handler.end_headers()
            handler.wfile.write(whole[: cuts[0]])
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        part = whole[int(first) : int(last) + 1 if last else None]
        handler.send_response(206)
        handler.send_header("ETag", '"one"')
        span = f"{first}-{int(first) + len(part) - 1}"
        handler.send_header("Content-Range", f"bytes {span}/{len(whole)}")
        handler.send_header("Content-Length", str(len(part)))
        handler.end_headers()
        handler.wfile.write(part)

    site.pages["/talk.mp4"] = serve
    assert opened().file(Link(whole=link)).path.read_bytes() == whole
    assert [asked for _, asked in site.asked] == ["bytes=0-4095", None, f"bytes={cuts[0]}-"]


def refused(shop: Workshop, link: str) -> LipsyncError:
    with pytest.raises(LipsyncError) as error:
        shop.file(Link(whole=link))
    sentence = str(error.value)
    assert sentence.startswith(link.partition("?")[0])
    assert "\n" not in sentence
    assert PLANTED not in sentence
    return error.value


@pytest.mark.parametrize(
    ("status", "body", "headers", "says"),
    [
        pytest.param(200, HTML, {}, "is a web page (HTML)", id="web page"),
        pytest.param(200, LOGIN, {}, "leads to a login page", id="login page"),
        pytest.param(200, b"#EXTM3U\n#EXT-X-ENDLIST\n", {}, "is a playlist", id="playlist"),
        pytest.param(
            200, b"\xef\xbb\xbf#EXTM3U", {"Content_Type": "application/vnd.apple.mpegurl"},
            "is a playlist", id="playlist by type",
        ),
        pytest.param(200, b"%PDF-1.7", {}, "is a PDF document", id="document"),
        pytest.param(200, b"", {}, "is empty (0 bytes)", id="empty"),
        pytest.param(404, HTML, {}, "answers 404: there is no such file", id="404"),
        pytest.param(410, b"", {}, "answers 410: there is no such file", id="410"),
        pytest.param(403, EXPIRED, {}, "answers 403: the link has expired", id="expired"),
        pytest.param(400, b"<Code>ExpiredToken</Code>", {}, "has expired", id="expired at google"),
        pytest.param(403, b"", {}, "answers 403: the link is not public", id="locked"),
        pytest.param(401, LOGIN, {}, "answers 401: the link is not public", id="login wanted"),
        pytest.param(418, b"", {}, "answers 418 instead of a file", id="something else"),
    ],
)  # fmt: skip
def test_what_is_no_file_is_said_in_one_sentence(  # noqa: PLR0913, PLR0917  a table
    site: Web, opened: Opened, status: int, body: bytes, headers: dict[str, str], says: str
) -> None:
    link = f"{site.page('/in/talk.mp4', status, body, **headers)}?sig={PLANTED}"
    error = refused(opened(), link)
    assert (error.exit_code, says in str(error)) == (3, True), str(error)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_is_a_matter_of_later(site: Web, opened: Opened, status: int) -> None:
    error = refused(opened(), site.page("/talk.mp4", status))
    assert (error.exit_code, error.retryable) == (6, True)


def test_a_server_that_is_not_there_is_a_matter_of_later(opened: Opened) -> None:
    assert refused(opened(), "http://127.0.0.1:9/talk.mp4").exit_code == 6
    assert refused(opened(), "http://no-such-host.invalid/talk.mp4").exit_code == 6


def test_a_redirect_is_followed_and_a_circle_is_not(site: Web, clip: Path, opened: Opened) -> None:
    site.put("/talk.mp4", clip)
    site.page("/get", 302, Location=f"/talk.mp4?sig={PLANTED}")
    assert opened().file(Link(whole=f"{site.url}/get")).size_bytes == clip.stat().st_size
    error = refused(opened(), site.page("/round", 302, Location="/round"))
    assert error.exit_code == 3
    assert "redirected more than 10 times" in str(error)


def test_a_redirect_to_a_login_is_one(site: Web, opened: Opened) -> None:
    site.page("/accounts/login", 200, HTML)
    error = refused(opened(), site.page("/talk.mp4", 302, Location="/accounts/login"))
    assert "leads to a login page" in str(error)


@pytest.mark.parametrize("where", ["file:///etc/passwd", "ftp://127.0.0.1/v.mp4"])
def test_a_redirect_leads_to_nothing_but_the_web(site: Web, opened: Opened, where: str) -> None:
    error = refused(opened(), site.page("/talk.mp4", 302, Location=where))
    assert error.exit_code == 3
    assert not any("passwd" in line for line, _ in site.asked)


def test_nothing_is_fetched_from_where_a_cloud_keeps_its_secrets(opened: Opened) -> None:
    for host in ("169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "0.0.0.0"):  # noqa: S104  refused
        error = refused(opened(), f"http://{host}/latest/meta-data")
        assert (error.exit_code, "nothing is ever fetched from" in str(error)) == (3, True)


def test_a_name_and_a_password_in_a_link_are_refused_and_not_repeated(opened: Opened) -> None:
    with pytest.raises(MediaError, match="a name and a password") as error:
        opened().file(Link(whole=f"https://me:{PLANTED}@example.com/v.mp4"))
    assert PLANTED not in str(error.value)


@pytest.mark.parametrize("announced", [True, False])
def test_a_file_over_the_limit_is_not_fetched(site: Web, home: Home, announced: bool) -> None:
    site.lengths = site.ranges = announced
    link = site.put("/talk.mp4", b"\0\0\0\x18ftypisom" + bytes(2_500_000))
    shop = Workshop(home, Means({"DUBLINE_FETCH_LIMIT_MB": "2"}))
    error = refused(shop, link)
    assert "over the limit of 2 MB; raise DUBLINE_FETCH_LIMIT_MB" in str(error)
    assert not list(home.folder("partial").glob("*.part"))
    assert site.fetches("/talk.mp4") == (0 if announced else 1)


def test_a_bad_file_is_called_by_its_link(
    site: Web, clip: Path, opened: Opened, tmp_path: Path
) -> None:
    cut = clip.read_bytes()[:-700]
    link = f"{site.put('/in/talk.mp4', cut)}?sig={PLANTED}"
    params = DubParams.model_validate(
        {"video": link, "voice": make_voice(tmp_path / "v.wav"), "output": tmp_path / "o.mp4"}
    )
    for look in (inspect, stages.probe):
        with pytest.raises(MediaError) as error:
            look(opened(), params)  # type: ignore[operator]  both take the same
        assert str(error.value).startswith(link.partition("?")[0])


def test_a_signature_is_in_no_log_and_no_file_below_home(
    site: Web, clip: Path, opened: Opened, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    site.put("/talk.mp4", clip)
    site.page("/get", 302, Location=f"/talk.mp4?sig={PLANTED}")
    opened().file(Link(whole=f"{site.url}/get?token={PLANTED}"))
    with pytest.raises(VendorBusy):
        opened().file(Link(whole=f"{site.page('/bad', 500)}?token={PLANTED}"))
    assert any("fetched" in one.getMessage() for one in caplog.records)
    assert not [one for one in caplog.records if PLANTED in f"{one.getMessage()} {one.args!r}"]
    kept = [path for path in home.root.rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if PLANTED.encode() in path.read_bytes() + bytes(path)]


def test_a_path_never_loads_what_only_links_need(clip: Path, opened: Opened) -> None:
    shop = opened()
    shop.renew(clip)
    assert shop.file(clip).path == clip
    assert shop._fetched is None


def test_a_server_that_hangs_up_is_a_matter_of_later(opened: Opened) -> None:
    class Silent(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.connection.shutdown(socket.SHUT_RDWR)

    with serving(Silent) as url:
        assert refused(opened(), f"{url}/talk.mp4").exit_code == 6
