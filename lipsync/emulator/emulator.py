"""The emulator: every part of it put together, on free ports of this machine."""

import secrets
import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lipsync.emulator.account import Account, by_name, entry
from lipsync.emulator.cdn import Cdn
from lipsync.emulator.clock import Clock
from lipsync.emulator.control import Control
from lipsync.emulator.faljobs import FalJobs
from lipsync.emulator.falqueue import FalQueue
from lipsync.emulator.faults import Act, Fault, Faults
from lipsync.emulator.fetching import Fetcher
from lipsync.emulator.making import Workshop
from lipsync.emulator.platform import Platform
from lipsync.emulator.presets import preset
from lipsync.emulator.proxy import plain_door, proxy_door, tls_door
from lipsync.emulator.rendering import Renderer
from lipsync.emulator.serving import Door
from lipsync.emulator.settings import Settings
from lipsync.emulator.storage import Storage
from lipsync.emulator.switchboard import Switchboard
from lipsync.emulator.tls import (
    CDN_HOSTS,
    PLATFORM_HOSTS,
    QUEUE_HOSTS,
    REST_HOSTS,
    RUN_HOSTS,
    authority,
)
from lipsync.emulator.unified import Unified
from lipsync.emulator.webhooks import Webhooks
from lipsync.emulator.wire import Answer, Request, Site
from lipsync.shelf import load_catalogue

# How long a door that refuses connections stays shut, in real time, unless it is told.
REFUSING_S = 1.0
ANSWER_FIRST_S = 0.1


class Emulator:
    """fal and the unified API on this machine. Use `emulating` to start and end one."""

    def __init__(
        self, folder: Path, settings: Settings, faults: Iterable[Fault], clock: Clock
    ) -> None:
        self.clock = clock
        self.settings = settings
        self.faults = Faults(faults)
        self.turned_away: list[str] = []
        self._room = folder / f"emulator-{secrets.token_hex(4)}"
        self._room.mkdir(parents=True)
        self.authority = authority(self._room)
        self._plain = plain_door(self._respond)
        self._build(f"http://127.0.0.1:{self._plain.port}")
        self._proxy = proxy_door(
            self.authority.context,
            self._respond,
            self._switchboard.refuses,
            self.turned_away.append,
        )
        self._tls = tls_door(self.authority.context, self._respond)
        for door in (self._plain, self._proxy, self._tls):
            door.start()

    def _build(self, plain_url: str) -> None:
        """Put the sites together."""
        catalogue, clock, settings = load_catalogue(), self.clock, self.settings
        self._fal_cdn = Cdn("fal", "https://v3b.fal.media", self._room / "fal", clock)
        self._unified_cdn = Cdn("unified", plain_url, self._room / "unified", clock)
        fetcher = Fetcher(self._own_file, self._room / "inputs")
        self._workshop = Workshop(fetcher, Renderer(self._room / "engine", settings.render))
        webhooks = Webhooks(clock)
        self._fal = FalJobs(
            self._workshop, self._fal_cdn, clock, self.faults, catalogue, settings, webhooks
        )
        self._unified = Unified(
            self._workshop, self._unified_cdn, clock, self.faults, catalogue, settings
        )
        queue = FalQueue(self._fal, catalogue)
        storage = Storage(self._fal_cdn, clock, settings, webhooks)
        platform = Platform(self._fal.line, clock, catalogue, settings)
        sites: dict[str, Site] = {
            **dict.fromkeys(QUEUE_HOSTS | RUN_HOSTS, queue),
            **dict.fromkeys(REST_HOSTS | CDN_HOSTS, storage),
            **dict.fromkeys(PLATFORM_HOSTS, platform),
            "": Control(self, self._unified),
        }
        self._switchboard = Switchboard(sites, self.faults, settings.slow_s)

    # ── what a user of it asks ──

    @property
    def url(self) -> str:
        """The plain port: the unified API, and the emulator's own controls."""
        return f"http://127.0.0.1:{self._plain.port}"

    @property
    def tls_port(self) -> int:
        """The port that speaks TLS, for those who resolve fal's names to this machine."""
        return self._tls.port

    @property
    def environment(self) -> dict[str, str]:
        """What to export so that every client meets the emulator, and nothing else.

        Proxies are named in both cases, because clients prefer the lower one.
        """
        proxy = f"http://127.0.0.1:{self._proxy.port}"
        names = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
        proxies = dict.fromkeys((*names, *map(str.lower, names)), proxy)
        trusted = str(self.authority.certificate)
        trust = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        return {
            **proxies,
            **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost,::1"),
            **dict.fromkeys(trust, trusted),
            "FAL_KEY": self.settings.fal_key,
            "FAL_PRIVATE_LINKS": "1",  # it fetches from this machine, and from nowhere else
            "UNIFIED_BASE_URL": self.url,
            "UNIFIED_API_KEY": self.settings.unified_key,
        }

    def account(self) -> Account:
        """Say what was sold so far."""
        jobs = [
            entry(job, line.settle())
            for line in (self._fal.line, self._unified.line)
            for job in line.all()
        ]
        jobs.sort(key=lambda job: job.accepted_at_s)
        return Account(
            accepted=tuple(jobs),
            calls=by_name(self._switchboard.calls),
            turned_away=tuple(self.turned_away),
        )

    def fault(self, name: str, **changes: Any) -> Fault:
        """Let something go wrong from now on.

        Args:
            name: A preset (`lipsync.emulator.presets`), or any name beside `act=`. Those that
                both vendors know happen at either; `vendor="fal"` or "unified" says at which.
            changes: Fields of `Fault`: times, skip, share, endpoint, vendor, status, …

        Raises:
            UsageError: There is no such fault.
        """
        return self.arm(preset(name, **changes))

    def arm(self, fault: Fault, *, answer_first: bool = False) -> Fault:
        """Let a fault happen.

        One that refuses connections at the unified API shuts the plain port for `delay_s` of real
        time, because the kernel does the refusing and does not count.

        Args:
            fault: What happens.
            answer_first: It was asked for over the very port that is to be shut.
        """
        if fault.act is not Act.REFUSE or fault.vendor != "unified":
            return self.faults.add(fault)
        for_s = REFUSING_S if fault.delay_s is None else fault.delay_s
        if answer_first:
            _later(ANSWER_FIRST_S, lambda: self.refuse(for_s))
        else:
            self.refuse(for_s)
        return fault

    def refuse(self, for_s: float) -> None:
        """Shut the plain port for a while: connections are refused by the kernel."""
        self._plain.stop()
        _later(for_s, self._open_again)

    def _open_again(self) -> None:
        if not self._fal.closing.is_set():
            self._plain = Door(self._plain.RequestHandlerClass, self._plain.port)
            self._plain.start()

    def close(self) -> None:
        """End everything and delete what was kept."""
        self._switchboard.close()
        self._fal.closing.set()
        for door in (self._proxy, self._tls, self._plain):
            door.stop()
        self._workshop.close()
        shutil.rmtree(self._room, ignore_errors=True)

    # ── what its parts ask ──

    def _respond(self, request: Request) -> Answer:
        return self._switchboard.respond(request)

    def _own_file(self, url: str) -> Path | None:
        """Find a file of either CDN by its link."""
        for base in ("https://v3b.fal.media", "https://v3.fal.media"):
            if url.startswith(base + "/"):
                return self._fal_cdn.at("https://v3b.fal.media" + url.removeprefix(base))
        if url.startswith(self.url + "/files/"):
            return self._unified_cdn.at(url)
        return None


def _later(after_s: float, act: Callable[[], None]) -> None:
    timer = threading.Timer(after_s, act)
    timer.daemon = True
    timer.start()
