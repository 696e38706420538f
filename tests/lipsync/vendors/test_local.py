"""The local vendor: the order in its ticket is all it needs, at any time, in any process."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from lipsync.collect import collect
from lipsync.engine import Rendering
from lipsync.errors import MediaError
from lipsync.fit import SyncMode
from lipsync.home import Home
from lipsync.ledger import Ledger
from lipsync.store import Store, hash_file
from lipsync.submit import submit
from lipsync.tickets import Order
from lipsync.vendors.local import LocalVendor
from tests.clips import make_clip, make_voice, read_indices
from tests.lipsync.deaths import CALLS, die_at
from tests.lipsync.orders import kept, make_order

RATE = Fraction(25)
MakeOrder = Callable[..., Order]


def copied(
    video: Path, voice: Path, out: Path, *, progress: Callable[[int, int], None] | None
) -> Rendering:
    """Stand in for the engine where what is asked is about the vendor: the picture as it is."""
    out.write_bytes(video.read_bytes())
    if progress:
        progress(1, 1)
    return Rendering(frames=1, animated_frames=0, altered=False, notes=(voice.suffix,))


@pytest.fixture
def order(store: Store, tmp_path: Path) -> MakeOrder:
    def make(key: str = "k1", *, frames: int, voice_frames: int, mode: str, to: int) -> Order:
        video = make_clip(tmp_path / f"{frames}.mp4", frames=frames)
        voice = make_voice(tmp_path / f"{voice_frames}.wav", float(voice_frames / RATE))
        return make_order(
            key,
            vendor="local",
            video=kept(store, video),
            voice=kept(store, voice),
            arguments={"sync_mode": mode},
            frames=to,
        )

    return make


@pytest.fixture
def fitted(order: MakeOrder) -> Order:
    return order(frames=20, voice_frames=20, mode="cut_off", to=20)


def test_a_dub_is_rendered_by_the_embedded_engine(fitted: Order, store: Store, home: Home) -> None:
    ledger, vendor = Ledger(home.ledger), LocalVendor(store)
    delivery = collect(submit(fitted, ledger, vendor).ticket, ledger, vendor, store)
    assert read_indices(delivery.file.path) == list(range(20))
    assert delivery.billed_usd == 0


def test_a_fitted_pair_is_rendered_as_it_is(fitted: Order, store: Store, home: Home) -> None:
    ledger, vendor = Ledger(home.ledger), LocalVendor(store, copied)
    delivery = collect(submit(fitted, ledger, vendor).ticket, ledger, vendor, store)
    assert delivery.file.sha256 == fitted.video.sha256


@pytest.mark.parametrize(
    ("mode", "voice_frames", "shown"),
    [
        pytest.param(SyncMode.CUT_OFF, 7, [0, 1, 2, 3, 4, 5, 6], id="cut_off"),
        pytest.param(SyncMode.LOOP, 13, [*range(10), 0, 1, 2], id="loop"),
        pytest.param(SyncMode.BOUNCE, 13, [*range(10), 8, 7, 6], id="bounce"),
        pytest.param(SyncMode.SILENCE, 13, [*range(10), 9, 9, 9], id="silence"),
        pytest.param(SyncMode.REMAP, 5, [0, 2, 5, 7, 9], id="remap"),
    ],
)
def test_a_pair_left_to_the_vendor_is_fitted_by_the_mode_it_was_sent(  # noqa: PLR0913, PLR0917  one table
    order: MakeOrder,
    store: Store,
    home: Home,
    mode: SyncMode,
    voice_frames: int,
    shown: list[int],
) -> None:
    unequal = order(frames=10, voice_frames=voice_frames, mode=mode.value, to=len(shown))
    ledger, vendor = Ledger(home.ledger), LocalVendor(store, copied)
    delivery = collect(submit(unequal, ledger, vendor).ticket, ledger, vendor, store)
    assert read_indices(delivery.file.path) == shown


def test_killed_anywhere_a_local_dub_is_rendered_in_the_end(
    fitted: Order, store: Store, home: Home
) -> None:
    point, worker, heir = 1, Ledger(home.ledger), Ledger(home.ledger)
    vendor = LocalVendor(store, copied)

    def dub(ledger: Ledger, order: Order) -> Path:
        return collect(submit(order, ledger, vendor).ticket, ledger, vendor, store).file.path

    def work() -> None:
        dub(worker, fitted.model_copy(update={"key": f"k{point}"}))

    while die_at(point, work, points=CALLS, before=worker.tickets):
        path = dub(heir, fitted.model_copy(update={"key": f"k{point}"}))
        assert hash_file(path) == fitted.video.sha256
        point += 73
    assert point > 100


@pytest.mark.parametrize("side", ["video", "voice"])
def test_an_order_whose_files_are_gone_says_which(
    fitted: Order, store: Store, home: Home, side: str
) -> None:
    ledger, vendor = Ledger(home.ledger), LocalVendor(store, copied)
    ticket = submit(fitted, ledger, vendor).ticket
    path: Path = getattr(fitted, side).path
    path.unlink()
    with pytest.raises(MediaError, match=f"{path.name}: was ordered with ticket 1"):
        collect(ticket, ledger, vendor, store)


def test_an_order_whose_files_have_moved_is_rendered_from_where_they_are(
    fitted: Order, store: Store, home: Home, tmp_path: Path
) -> None:
    ledger, vendor = Ledger(home.ledger), LocalVendor(store, copied)
    mine = make_clip(tmp_path / "mine.mp4", frames=20)
    submit(fitted.model_copy(update={"video": store.fingerprint(mine)}), ledger, vendor)
    moved = store.fingerprint(mine.rename(tmp_path / "moved.mp4"))
    ticket = submit(fitted.model_copy(update={"video": moved}), ledger, vendor).ticket
    assert collect(ticket, ledger, vendor, store).file.sha256 == moved.sha256
