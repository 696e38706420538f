"""Quotes: prices worked out by hand, and lengths as the vendors make them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsync.catalogue import Model
from lipsync.fit import SyncMode
from lipsync.quote import predicted_s, quote, vendor_length_s
from lipsync.sources import Cited
from tests.lipsync.pairs import CATALOGUE, a_plan

PRICED = [row for row in CATALOGUE.models.values() if row.price.basis != "unpublished"]


@pytest.mark.parametrize(
    ("name", "output_s", "usd"),
    [
        # $0.70 x 10 / 60 = 0.11666..., up to the next hundredth of a cent.
        pytest.param("sync-1.9", 10.0, "0.1167", id="sync-1.9 10 s"),
        pytest.param("sync-1.9", 60.0, "0.7000", id="sync-1.9 a minute"),
        pytest.param("sync-1.8", 60.0, "0.7000", id="sync-1.8 costs as 1.9"),
        # $3 x 12.34 / 60 = 0.617 exactly.
        pytest.param("sync-2", 12.34, "0.6170", id="sync-2 12.34 s"),
        # $5 x 3 / 60: fal's own answer was 0.05 units, $0.25.
        pytest.param("sync-2-pro", 3.0, "0.2500", id="sync-2-pro 3 s"),
        pytest.param("sync-2-pro-endpoint", 3.0, "0.2500", id="its own endpoint costs the same"),
        # $8 x 7.5 / 60.
        pytest.param("sync-3", 7.5, "1.0000", id="sync-3 7.5 s"),
        pytest.param("latentsync", 0.04, "0.2000", id="latentsync one frame"),
        pytest.param("latentsync", 40.0, "0.2000", id="latentsync 40 s is still flat"),
        pytest.param("latentsync", 40.04, "0.2002", id="latentsync a frame more"),
        # $0.20 + 20 x $0.005 = $0.30 = 60 x $0.005.
        pytest.param("latentsync", 60.0, "0.3000", id="latentsync a minute"),
        pytest.param("local-preview", 3600.0, "0", id="the preview is free"),
        pytest.param("sync-2", 0.0, "0", id="nothing costs nothing"),
        # A float's last bit is not a hundredth of a cent: 0.3 s is $0.015.
        pytest.param("sync-2", 0.1 + 0.2, "0.0150", id="float dust"),
    ],
)
def test_a_price_is_what_the_vendor_prints_times_the_length(
    name: str, output_s: float, usd: str
) -> None:
    assert quote(CATALOGUE.models[name], output_s) == Decimal(usd)


def test_a_price_nobody_published_is_not_known_rather_than_free() -> None:
    assert quote(CATALOGUE.models["unified-sync-3"], 10.0) is None


def dearer(row: Model, **change: str) -> Model:
    cited = {
        name: Cited[Decimal](value=Decimal(usd), source="house") for name, usd in change.items()
    }
    return row.model_copy(update={"price": row.price.model_copy(update=cited)})


@pytest.mark.parametrize(
    ("output_s", "usd"),
    [pytest.param(1.0, "0.5000", id="below"), pytest.param(30.0, "1.5000", id="above")],
)
def test_a_minimum_charge_is_the_least_that_is_paid(output_s: float, usd: str) -> None:
    assert quote(dearer(CATALOGUE.models["sync-2"], minimum_usd="0.50"), output_s) == Decimal(usd)


@pytest.mark.parametrize(
    ("output_s", "usd"),
    [
        pytest.param(5.0, "0.2500", id="a whole step"),
        pytest.param(5.000_000_000_1, "0.2500", id="float dust starts no step"),
        pytest.param(5.04, "0.5000", id="a frame starts the next"),
    ],
)
def test_a_vendor_that_charges_in_steps_is_quoted_in_steps(output_s: float, usd: str) -> None:
    assert quote(dearer(CATALOGUE.models["sync-2"], step_s="5"), output_s) == Decimal(usd)


LENGTHS = st.floats(min_value=0, max_value=100_000, allow_nan=False)


@given(row=st.sampled_from(PRICED), first=LENGTHS, second=LENGTHS)
def test_a_longer_output_never_costs_less(row: Model, first: float, second: float) -> None:
    less, more = quote(row, min(first, second)), quote(row, max(first, second))
    assert less is not None
    assert more is not None
    assert 0 <= less <= more


@given(output_s=LENGTHS)
def test_a_quote_is_never_under_the_exact_price_nor_a_hundredth_of_a_cent_over(
    output_s: float,
) -> None:
    exact = 3 * Decimal(str(round(output_s, 6))) / 60
    quoted = quote(CATALOGUE.models["sync-2"], output_s)
    assert quoted is not None
    assert Decimal("-0.00000005") <= quoted - exact <= Decimal("0.0001")


# The owner's matrix (sync.so sync-mode): 4 s of video with 8.64 s of voice, and 10 s with 1.74 s.
@pytest.mark.parametrize(
    ("name", "mode", "longer_voice_s", "longer_video_s"),
    [
        ("sync-2", SyncMode.CUT_OFF, 4.0, 1.74),
        ("sync-2", SyncMode.LOOP, 8.64, 1.74),
        ("sync-2", SyncMode.BOUNCE, 8.64, 1.74),
        ("sync-2", SyncMode.SILENCE, 8.64, 10.0),
        ("sync-2", SyncMode.REMAP, 8.64, 1.74),
        ("unified-lipsync-2", SyncMode.SILENCE, 4.0, 10.0),
        ("latentsync", SyncMode.CUT_OFF, 4.0, 1.74),
        ("latentsync", SyncMode.BOUNCE, 8.64, 1.74),
        ("latentsync", SyncMode.SILENCE, None, None),
        ("latentsync", SyncMode.REMAP, None, None),
    ],
)
def test_the_vendors_own_length_is_predicted(
    name: str, mode: SyncMode, longer_voice_s: float | None, longer_video_s: float | None
) -> None:
    row = CATALOGUE.models[name]
    assert vendor_length_s(row, mode, 4.0, 8.64) == longer_voice_s
    assert vendor_length_s(row, mode, 10.0, 1.74) == longer_video_s


@pytest.mark.parametrize("row", CATALOGUE.models.values(), ids=lambda row: row.id)
def test_a_fit_made_here_is_as_long_on_every_model(row: Model) -> None:
    assert predicted_s(row, a_plan(4.0, 8.64, mode=SyncMode.REMAP)) == 4.0
