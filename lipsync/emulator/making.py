"""Making: an accepted request becomes an outcome: media fetched, result rendered, bill written."""

import hashlib
import json
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from lipsync.emulator.arguments import Wanted, fault
from lipsync.emulator.cdn import Cdn
from lipsync.emulator.faults import Act, Fault
from lipsync.emulator.fetching import Fetcher, NotFetched
from lipsync.emulator.jobs import Outcome
from lipsync.emulator.rendering import NotRendered, Rendered, Renderer
from lipsync.values import File

log = logging.getLogger(__name__)

# Rendering is work for processors; the machine has others to do.
WORKERS = 2


@dataclass(frozen=True)
class Made:
    """A result under a link."""

    rendered: Rendered
    url: str
    dub: str


class NotMade(Exception):
    """A job that ends without a result: what is wrong, in the form of a 422."""

    def __init__(self, problem: dict[str, Any], dub: str) -> None:
        super().__init__(problem["msg"])
        self.problem = problem
        self.dub = dub


class Workshop:
    """The vendors' machines."""

    def __init__(self, fetcher: Fetcher, renderer: Renderer) -> None:
        self._fetcher = fetcher
        self._renderer = renderer
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="emulator-render")

    def begin(self, work: Callable[[], Outcome]) -> "Future[Outcome]":
        """Start to make something."""
        return self._pool.submit(work)

    def make(
        self, wanted: Wanted, faults: dict[Act, Fault], cdn: Cdn, life_s: float | None
    ) -> Made:
        """Fetch, render and host.

        Raises:
            NotMade: The pair cannot be had or used.
        """
        dub = dub_of(wanted, wanted.video_url, wanted.voice_url)
        video = self._fetched(wanted, "video", wanted.video_url, dub)
        voice = self._fetched(wanted, "voice", wanted.voice_url, dub)
        dub = dub_of(wanted, video.sha256, voice.sha256)
        try:
            rendered = self._renderer.render(wanted, video, voice, frozenset(faults))
        except NotRendered as error:
            field = getattr(wanted.model.media, error.field)
            raise NotMade(fault(field, error.kind, str(error), None), dub) from error
        url = cdn.host(rendered.path, "output.mp4", "video/mp4", life_s)
        return Made(rendered=rendered, url=url, dub=dub)

    def close(self) -> None:
        """Leave what has not begun."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _fetched(self, wanted: Wanted, side: str, url: str, dub: str) -> File:
        try:
            return self._fetcher.fetch(url)
        except NotFetched as error:
            said = f"Failed to download the file: {error}. Use a publicly accessible URL."
            field = getattr(wanted.model.media, side)
            raise NotMade(fault(field, "file_download_error", said, url[:200]), dub) from error


def dub_of(wanted: Wanted, video: str, voice: str) -> str:
    """Name what was ordered: the same pair on the same model with the same arguments is one dub."""
    text = json.dumps([wanted.model.id, wanted.rest, video, voice], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
