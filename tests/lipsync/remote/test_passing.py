"""Links passed on to vendors: only what they will find there, and never so that money is lost."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lipsync import buying, stages
from lipsync.decision import Decision
from lipsync.emulator.clock import Clock
from lipsync.errors import MediaError
from lipsync.fit import FittedPair
from lipsync.links import Link
from lipsync.params import DubParams
from lipsync.remote.passing import passed
from lipsync.tickets import Ticket, TicketState
from lipsync.values import File
from lipsync.workshop import Workshop
from tests.clips import ffmpeg, make_voice
from tests.lipsync.remote.web import Web, web
from tests.money.house import House, open_house

pytest.importorskip("trustme")

SAMPLES = Path(__file__).parents[3] / "data" / "samples"
PLANTED = "planted-5ac3"
WEEK_S = 604_800


def signed(link: str, begin: datetime | None = None, lives_s: int = WEEK_S) -> str:
    """Sign a link as a bucket does."""
    date = f"{begin or datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    return f"{link}?X-Amz-Date={date}&X-Amz-Expires={lives_s}&X-Amz-Signature={PLANTED}"


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A second of the sample as a web server has it, with its sound, and one without a face."""
    folder = tmp_path_factory.mktemp("media")
    wide = ("-vf", "scale=320:240", "-pix_fmt", "yuv420p", "-t", "1")
    tags = ("-colorspace", "bt709", "-color_trc", "bt709", "-color_primaries", "bt709")
    encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", *tags, "-color_range", "tv")
    for name, flags in (("talk.mp4", ("-movflags", "+faststart")), ("behind.mp4", ())):
        ffmpeg("-i", SAMPLES / "talk.mp4", *wide, *encoder, "-c:a", "aac", *flags, folder / name)
    make_voice(folder / "voice.wav", 1.0)
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture
def site(media: dict[str, Path]) -> Iterator[Web]:
    with web() as shown:
        for name, path in media.items():
            shown.put(f"/in/{name}", path)
        yield shown


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with open_house(tmp_path, monkeypatch.setenv, clock=Clock(), latency_s=0.02) as opened:
        monkeypatch.setenv("FAL_LISTED_WITHIN_S", "1")
        yield opened


def wished(site: Web, model: str, video: str = "", **fields: Any) -> DubParams:
    given = {
        "video": video or signed(f"{site.url}/in/talk.mp4"),
        "voice": f"{site.url}/in/voice.wav",
        "trim_silence": False,
    }
    return DubParams.model_validate({"model": model, **given, **fields})


def fitted(shop: Workshop, params: DubParams) -> tuple[Decision, FittedPair]:
    """Bring a dub to the step before the purchase."""
    pair = stages.probe(shop, params).value
    voice = stages.normalize(shop, params, pair).value
    decision = stages.select(shop, params, pair, voice).value
    return decision, stages.fit(shop, decision).value


def bought(house: House, params: DubParams) -> Ticket:
    """Buy a dub, as a new process does."""
    shop = Workshop(house.store.home)
    return buying.submit(shop, *fitted(shop, params)).value


def sent(house: House) -> dict[str, Any]:
    """Say what the vendor was sent with the one job it took."""
    (job,) = house.emulator.account().accepted
    return job.arguments


def test_fal_is_given_the_link_of_the_video_and_a_voice_of_its_own(house: House, site: Web) -> None:
    params = wished(site, "sync-2")
    ticket = bought(house, params)
    assert isinstance(params.video, Link)
    assert sent(house)["video_url"] == params.video.whole
    assert "127.0.0.1" not in sent(house)["audio_url"]
    assert house.emulator.account().calls["fal upload"] == 1  # the voice
    assert ticket.media is not None
    assert ticket.media.video_url == params.video.address
    shop = Workshop(house.store.home)
    assert buying.collect(shop, ticket).value.file.path.is_file()


def test_unified_is_given_the_link_of_a_video_too(house: House, site: Web) -> None:
    params = wished(site, "unified-lipsync-2")
    ticket = bought(house, params)
    arguments = sent(house)
    assert isinstance(params.video, Link)
    assert params.video.whole in arguments.values()
    assert ticket.media is not None
    assert ticket.media.video_url == params.video.address


def test_a_voice_that_is_as_it_would_be_made_is_passed_on_to_unified(
    house: House, site: Web, media: dict[str, Path]
) -> None:
    shop = Workshop(house.store.home)
    made = fitted(shop, wished(site, "unified-lipsync-2"))[1]
    link = site.put("/in/made.wav", made.voice.path)
    bought(house, wished(site, "unified-lipsync-2", voice=link))
    assert link in sent(house).values()


@pytest.mark.parametrize("model", ["sync-2", "unified-lipsync-2"])
def test_a_signature_that_a_vendor_was_sent_is_in_no_file_of_ours(
    house: House, site: Web, model: str
) -> None:
    bought(house, wished(site, model))
    assert PLANTED in str(sent(house))
    home = house.store.home.root
    kept = [path for path in home.rglob("*") if path.is_file()]
    assert not [path for path in kept if PLANTED.encode() in path.read_bytes() + bytes(path)]


@pytest.mark.parametrize(
    ("video", "fields"),
    [
        pytest.param("talk.mp4", {"trim": "0:0.5", "sync_mode": "cut_off"}, id="trimmed"),
        pytest.param("behind.mp4", {}, id="its index is behind"),
    ],
)
def test_what_the_fit_has_changed_is_uploaded(
    house: House, site: Web, video: str, fields: dict[str, Any]
) -> None:
    bought(house, wished(site, "sync-2", f"{site.url}/in/{video}", **fields))
    assert site.url not in str(sent(house))
    assert house.emulator.account().calls["fal upload"] == 2


def test_small_voices_that_travel_inside_tell_no_request_apart_so_all_is_uploaded(
    house: House, site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_INLINE_BYTES", "1000000")
    bought(house, wished(site, "sync-2"))
    assert site.url not in str(sent(house))


def test_a_link_of_this_network_is_not_given_to_a_vendor_outside(
    house: House, site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_PRIVATE_LINKS", "0")
    bought(house, wished(site, "sync-2"))
    assert site.url not in str(sent(house))


def test_a_lost_answer_for_a_link_that_anybody_may_send_is_found_by_the_voice(
    house: House, site: Web
) -> None:
    """Two generations of one dub: same link, same arguments, same bytes, both answers lost."""
    tickets = []
    for generation in (1, 2):
        house.emulator.fault("nginx_502", vendor="fal", route="submit", when="after", times=1)
        tickets.append(bought(house, wished(site, "sync-2", generation=generation)))
    jobs = house.emulator.account().accepted
    assert [ticket.request_id for ticket in tickets] == [job.request_id for job in jobs]
    assert len({job.arguments["audio_url"] for job in jobs}) == 2
    assert {ticket.state for ticket in tickets} == {TicketState.SUBMITTED}


def test_somebody_elses_request_for_the_same_link_is_not_taken_for_ours(
    house: House, site: Web, tmp_path: Path
) -> None:
    """Another home, with a ledger of its own: same account, same link, same voice."""
    bought(house, wished(site, "sync-2"))
    other = Workshop(type(house.store.home)(tmp_path / "another"))
    house.emulator.fault("nginx_502", vendor="fal", route="submit", when="after", times=1)
    ticket = buying.submit(other, *fitted(other, wished(site, "sync-2"))).value
    jobs = house.emulator.account().accepted
    assert (len(jobs), ticket.request_id) == (2, jobs[1].request_id)


@pytest.mark.parametrize("model", ["sync-2", "unified-lipsync-2"])
@pytest.mark.parametrize("broken", ["404", "html", "gone"])
def test_a_broken_link_spends_nothing(house: House, site: Web, model: str, broken: str) -> None:
    if broken == "html":
        site.page("/in/talk.mp4", 200, b"<html>no</html>")
    elif broken == "404":
        site.files.pop("/in/talk.mp4")
    else:
        site.page("/in/talk.mp4", 410)
    with pytest.raises(MediaError):
        bought(house, wished(site, model))
    account = house.emulator.account()
    assert (account.accepted, account.calls) == ((), {})
    assert house.ledger().tickets() == ()


ORIGIN_LINK = "/in/talk.mp4"


@pytest.mark.parametrize(
    ("query", "passes"),
    [
        pytest.param("", True, id="public"),
        pytest.param("week", True, id="signed for a week"),
        pytest.param("hour", False, id="signed for an hour"),
        pytest.param("?token=1", False, id="nobody knows for how long"),
    ],
)
def test_a_link_is_passed_on_only_if_it_outlives_a_queue(
    house: House, site: Web, query: str, passes: bool
) -> None:
    bare = f"{site.url}{ORIGIN_LINK}"
    lives_s = {"week": WEEK_S, "hour": 3_600}
    link = Link(whole=signed(bare, lives_s=lives_s[query]) if query in lives_s else bare + query)
    assert bool(offered(house, link)) is passes


@pytest.mark.parametrize("change", ["exchanged", "same length", "moved", "removed", "no mark"])
def test_what_is_not_the_same_file_now_is_not_passed_on(
    house: House, site: Web, change: str
) -> None:
    link = Link(whole=f"{site.url}{ORIGIN_LINK}")
    shop = Workshop(house.store.home)
    if change == "no mark":
        site.marks = False
    file = shop.file(link)
    content = site.files[ORIGIN_LINK]
    if change == "exchanged":
        site.put(ORIGIN_LINK, content + b"\0\0\0\x08free")
    elif change == "same length":
        site.put(ORIGIN_LINK, content[:-1] + bytes([content[-1] ^ 1]))
    elif change == "moved":
        site.put("/elsewhere.mp4", content)
        site.page(ORIGIN_LINK, 302, Location="/elsewhere.mp4")
    elif change == "removed":
        site.files.clear()
    assert passed(file, shop.fetched.origin(file), private=True) is None


def test_only_the_very_bytes_of_a_link_are_offered_by_it(house: House, site: Web) -> None:
    link = Link(whole=f"{site.url}{ORIGIN_LINK}")
    shop = Workshop(house.store.home)
    other = File(path=Path("/x.mp4"), sha256="0" * 64, size_bytes=shop.file(link).size_bytes)
    assert shop.fetched.origin(other) is None


def test_a_dead_link_is_not_passed_on_though_its_file_is_known(house: House, site: Web) -> None:
    link = Link(whole=f"{site.url}{ORIGIN_LINK}")
    Workshop(house.store.home).file(link)
    site.page(ORIGIN_LINK, 403)
    assert offered(house, link) is None


def test_a_signature_that_ends_tomorrow_is_enough_today_and_not_tonight(
    house: House, site: Web
) -> None:
    now = datetime.now(UTC)
    link = Link(whole=signed(f"{site.url}{ORIGIN_LINK}", now, lives_s=90_000))
    shop = Workshop(house.store.home)
    file = shop.file(link)
    origin = shop.fetched.origin(file)
    assert passed(file, origin, private=True, now=now) == link.whole
    assert passed(file, origin, private=True, now=now + timedelta(hours=2)) is None


def offered(house: House, link: Link) -> str | None:
    shop = Workshop(house.store.home)
    file = shop.file(link)
    return passed(file, shop.fetched.origin(file), private=True)
