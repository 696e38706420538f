"""The guard: a public link is not led into this machine or its network."""

import httpx
import pytest

from lipsync.errors import MediaError
from lipsync.remote.guard import Guard, is_public

# Addresses alone: nothing is looked up, and nothing is connected to.
PUBLIC, OTHER = "https://93.184.216.34/talk.mp4?sig=planted", "https://[2606:2800:220:1::1]/v.mp4"
INSIDE = [
    "http://127.0.0.1/", "http://[::1]/", "http://10.1.2.3/", "http://localhost/",
    "http://[::ffff:192.168.0.1]/", "http://metadata.internal/", "http://nas/", "http://0.0.0.0/",
    "http://169.254.169.254/latest", "http://[fe80::1]/", "http://100.64.0.1/",
]  # fmt: skip


def led(*steps: str) -> None:
    guard = Guard(steps[0])
    for step in steps:
        guard.before(httpx.Request("GET", step))


class Stream:
    def __init__(self, peer: str) -> None:
        self.peer = peer

    def get_extra_info(self, info: str) -> object:
        return (self.peer, 443) if info == "server_addr" else None


@pytest.mark.parametrize("inside", INSIDE)
def test_a_redirect_from_outside_leads_nowhere_inside(inside: str) -> None:
    led(PUBLIC, OTHER)
    with pytest.raises(MediaError, match="leads to") as error:
        led(PUBLIC, OTHER, inside)
    assert "planted" not in str(error.value)


def test_a_link_into_this_network_may_be_led_on_within_it() -> None:
    within = (
        "http://127.0.0.1:9000/talk.mp4",
        "http://127.0.0.1:9001/talk.mp4",
        "http://10.0.0.1/v",
    )
    led(*within)
    with pytest.raises(MediaError, match="leads to"):  # the same steps, had they begun outside
        led(PUBLIC, *within)


@pytest.mark.parametrize("peer", ["127.0.0.1", "169.254.169.254", "fe80::1%eth0"])
def test_a_name_that_leads_elsewhere_by_now_is_noticed(
    monkeypatch: pytest.MonkeyPatch, peer: str
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    guard, request = Guard(PUBLIC), httpx.Request("GET", PUBLIC)
    guard.before(request)
    guard.after(
        httpx.Response(200, request=request, extensions={"network_stream": Stream("93.184.216.34")})
    )
    with pytest.raises(MediaError):
        guard.after(
            httpx.Response(200, request=request, extensions={"network_stream": Stream(peer)})
        )


def test_who_is_asked_by_a_proxy_is_not_known_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    monkeypatch.setenv("NO_PROXY", "localhost")
    led("https://no-such-host.example/v.mp4")
    with pytest.raises(MediaError):
        led("https://no-such-host.example/v.mp4", "https://intern.local/v.mp4")


def test_only_what_everybody_reaches_is_public() -> None:
    assert is_public(PUBLIC)
    assert not any(is_public(link) for link in (*INSIDE, "https://no-such-host.invalid/"))
