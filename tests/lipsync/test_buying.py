"""Buying: what a single dub sends obeys what its account may have in flight, as a batch does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lipsync import stages
from lipsync.buying import submit
from lipsync.decision import Decision
from lipsync.emulator import emulating
from lipsync.fit import FittedPair
from lipsync.home import Home
from lipsync.means import Means
from lipsync.params import DubParams
from lipsync.tickets import LineFull, Receipt, Ticket, TicketState
from lipsync.workshop import Workshop
from tests.lipsync.orders import make_order
from tests.voices import ffmpeg, make_voice

pytest.importorskip("trustme")

SAMPLE = Path(__file__).parents[2] / "data" / "samples" / "talk.mp4"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """A home whose account at fal may have one job in flight."""
    with emulating(tmp_path / "emulated") as emulator:
        for name, value in emulator.environment.items():
            monkeypatch.setenv(name, value)
        yield Workshop(
            Home(tmp_path / "home"), Means(emulator.environment | {"FAL_IN_FLIGHT": "1"})
        )


@pytest.fixture
def there(shop: Workshop) -> Ticket:
    """A job that holds the only place."""
    ticket = shop.ledger.submitting(shop.ledger.intend(make_order("there", vendor="fal")).ticket)
    return shop.ledger.submitted(ticket, Receipt(request_id="job-there"))


@pytest.fixture
def wanted(shop: Workshop, tmp_path: Path) -> tuple[Decision, FittedPair]:
    """A dub that is ready to be sent."""
    video, voice = tmp_path / "talk.mp4", make_voice(tmp_path / "voice.wav", 1.0)
    encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    ffmpeg("-i", SAMPLE, "-vf", "scale=320:240", "-frames:v", "25", "-an", *encoder, video)
    params = DubParams(video=video, voice=voice, model="sync-2", trim_silence=False)
    pair = stages.probe(shop, params).value
    decision = stages.select(shop, params, pair, stages.normalize(shop, params, pair).value).value
    return decision, stages.fit(shop, decision).value


def test_a_single_dub_is_not_sent_beyond_what_its_account_may_have_in_flight(
    shop: Workshop, there: Ticket, wanted: tuple[Decision, FittedPair]
) -> None:
    with pytest.raises(LineFull, match=r"its account may have 1 \(FAL_IN_FLIGHT\)"):
        submit(shop, *wanted, wait=False)
    assert shop.ledger.in_flight("fal") == 1
    shop.ledger.completed(there)
    assert submit(shop, *wanted, wait=False).value.state is TicketState.SUBMITTED


@pytest.mark.usefixtures("there")
def test_a_caller_may_know_a_limit_of_its_own(
    shop: Workshop, wanted: tuple[Decision, FittedPair]
) -> None:
    assert submit(shop, *wanted, in_flight=2, wait=False).value.state is TicketState.SUBMITTED
