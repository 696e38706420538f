"""The catalogue: every row loads, every figure has a source, and a new row is only text."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from lipsync.catalogue import Limit, Model
from lipsync.errors import UsageError
from lipsync.fit import SyncMode
from lipsync.options import request_arguments
from lipsync.shelf import data_folder, load_catalogue, parse_catalogue
from lipsync.sources import Cited, cited
from tests.lipsync.pairs import CATALOGUE

TEXT = (data_folder() / "models.toml").read_text(encoding="utf-8")

# The rows the catalogue promises.
ROWS = {
    "sync-1.9": ("fal", "fal-ai/sync-lipsync", {"model": "lipsync-1.9.0-beta"}),
    "sync-1.8": ("fal", "fal-ai/sync-lipsync", {"model": "lipsync-1.8.0"}),
    "sync-1.7.1": ("fal", "fal-ai/sync-lipsync", {"model": "lipsync-1.7.1"}),
    "sync-2": ("fal", "fal-ai/sync-lipsync/v2", {"model": "lipsync-2"}),
    "sync-2-pro": ("fal", "fal-ai/sync-lipsync/v2", {"model": "lipsync-2-pro"}),
    "sync-2-pro-endpoint": ("fal", "fal-ai/sync-lipsync/v2/pro", {}),
    "sync-3": ("fal", "fal-ai/sync-lipsync/v3", {}),
    "latentsync": ("fal", "fal-ai/latentsync", {}),
    "unified-lipsync-2": ("unified", "/v1/videos/generations", {"model": "lipsync-2"}),
    "unified-lipsync-2-pro": ("unified", "/v1/videos/generations", {"model": "lipsync-2-pro"}),
    "unified-sync-3": ("unified", "/v1/videos/generations", {"model": "sync-3"}),
    "local-preview": ("local", "lipsync.engine", {}),
}


def test_the_catalogue_holds_the_rows_of_the_design_and_no_other() -> None:
    assert set(CATALOGUE.models) == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_names_whom_to_call_where_and_for_which_model(name: str) -> None:
    row = CATALOGUE.models[name]
    assert (row.id, row.vendor, row.endpoint, row.arguments) == (name, *ROWS[name])


def figures(value: Any) -> Iterator[BaseModel]:
    """Walk a value for every priced, limited or ranked figure in it."""
    if isinstance(value, Cited | Limit):
        yield value
    if isinstance(value, BaseModel):
        value = dict(value)
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple):
        for item in value:
            yield from figures(item)


def test_every_figure_has_a_source_with_a_place_and_a_date() -> None:
    found = list(figures(CATALOGUE))
    assert len(found) > 50
    for figure in found:
        source = CATALOGUE.sources[figure.source]  # type: ignore[attr-defined]  # Cited and Limit have it
        assert source.where
        assert date(2024, 1, 1) < source.date <= date(2027, 1, 1)


@pytest.mark.parametrize("part", ["price", "limits", "quality", "speed"])
@pytest.mark.parametrize("name", ROWS)
def test_no_bare_number_stands_in_a_price_a_limit_or_a_rank(name: str, part: str) -> None:
    """A number that is not inside something with a `source` is a figure nobody can check."""

    def bare(value: Any) -> bool:
        if isinstance(value, BaseModel):
            return not hasattr(value, "source") and any(bare(item) for _, item in value)
        if isinstance(value, tuple):
            return any(bare(item) for item in value)
        return isinstance(value, int | float) and not isinstance(value, bool)

    assert not bare(getattr(CATALOGUE.models[name], part))


def test_every_source_is_used() -> None:
    assert set(CATALOGUE.sources) == set(cited(CATALOGUE))


def test_the_unified_prices_are_unpublished_and_say_so() -> None:
    for name in ("unified-lipsync-2", "unified-lipsync-2-pro", "unified-sync-3"):
        assert CATALOGUE.models[name].price.usd is None
        assert "credits" in CATALOGUE.models[name].price.note


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sync-1.9", "$0.70 per minute of output"),
        ("latentsync", "$0.20 up to 40 s, then $0.005 per second of output"),
        ("unified-sync-3", "not published"),
        ("local-preview", "free"),
    ],
)
def test_a_price_reads_as_a_person_would_say_it(name: str, said: str) -> None:
    assert str(CATALOGUE.models[name].price) == said


# What a vendor does when nothing is sent.
@pytest.mark.parametrize(
    ("name", "default"), [("sync-2", "cut_off"), ("sync-3", "cut_off"), ("unified-sync-3", "loop")]
)
def test_a_vendors_own_default_mode_is_recorded(name: str, default: str) -> None:
    assert CATALOGUE.models[name].sync.default == default


@pytest.mark.parametrize(
    ("name", "mode", "asked", "arguments"),
    [
        pytest.param(
            "sync-2", "cut_off", {}, {"model": "lipsync-2", "sync_mode": "cut_off"}, id="v2"
        ),
        pytest.param("sync-2-pro-endpoint", "remap", {}, {"sync_mode": "remap"}, id="v2-pro"),
        pytest.param("latentsync", "cut_off", {"seed": 7}, {"seed": 7}, id="latentsync-unset"),
        pytest.param("latentsync", "bounce", {}, {"loop_mode": "pingpong"}, id="latentsync-bounce"),
        pytest.param(
            "unified-lipsync-2",
            "cut_off",
            {"temperature": 0.7},
            {"model": "lipsync-2", "sync_mode": "cut_off", "temperature": 0.7},
            id="unified",
        ),
        pytest.param(
            "sync-3",
            "cut_off",
            {"active_speaker": {"auto_detect": True}, "occlusion": True},
            {
                "sync_mode": "cut_off",
                "options": {
                    "active_speaker_detection": {"auto_detect": True},
                    "occlusion_detection_enabled": True,
                },
            },
            id="v3-nested",
        ),
    ],
)
def test_a_request_says_the_model_the_mode_and_what_was_asked_and_nothing_else(
    name: str, mode: str, asked: dict[str, Any], arguments: dict[str, Any]
) -> None:
    assert request_arguments(CATALOGUE.models[name], asked, SyncMode(mode)) == arguments


def test_the_vendors_default_temperature_is_never_sent() -> None:
    """The unified API says twice not to pass it unless it is needed; some channels refuse it."""
    assert "temperature" not in request_arguments(CATALOGUE.models["unified-lipsync-2"], {})


def test_writing_a_request_leaves_the_row_as_it_was() -> None:
    row = CATALOGUE.models["sync-3"]
    request_arguments(row, {"prompt": "calm"})
    assert row.arguments == {}


def test_a_new_endpoint_is_an_edit_of_the_file() -> None:
    added = parse_catalogue(
        TEXT + '\n[models.veed]\nlike = "sync-2"\nendpoint = "veed/lipsync/v2"\n'
    )
    assert added.models["veed"].endpoint == "veed/lipsync/v2"
    assert added.models["veed"].limits == CATALOGUE.models["sync-2"].limits


@pytest.mark.parametrize(
    ("environ", "fal"),
    [
        pytest.param({}, "FAL_KEY is not set", id="nothing"),
        pytest.param({"FAL_KEY": ""}, "FAL_KEY is not set", id="empty"),
        pytest.param({"FAL_KEY": "k"}, None, id="key"),
        pytest.param({"FAL_KEY_ID": "i"}, "FAL_KEY is not set", id="half-a-pair"),
        pytest.param({"FAL_KEY_ID": "i", "FAL_KEY_SECRET": "s"}, None, id="pair"),
    ],
)
def test_an_absent_key_makes_a_vendor_unavailable_and_is_no_error(
    environ: dict[str, str], fal: str | None
) -> None:
    found = CATALOGUE.availability(environ)
    assert found["fal"] == fal
    assert found["local"] is None


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        pytest.param('source = "fal-v2" } }', 'source = "gone" } }', "gone", id="source"),
        pytest.param('vendor = "local"', 'vendor = "me"', "me", id="vendor"),
        pytest.param('basis = "free"', 'basis = "fre"', "models.local-preview.price", id="basis"),
        pytest.param('basis = "free"', 'basis = "per_output_second"', "needs usd", id="no-usd"),
        pytest.param("preview = true", "previw = true", "previw", id="typo"),
        pytest.param('like = "sync-2-pro"', 'like = "sync-9"', "sync-9", id="like-nothing"),
        pytest.param(
            'like = "sync-2-pro"', 'like = "sync-2-pro-endpoint"', "leads", id="like-itself"
        ),
        pytest.param("[sources]", "[sources", "line", id="not-toml"),
    ],
)
def test_a_wrong_row_is_one_sentence_that_names_the_file_and_the_fault(
    tmp_path: Path, before: str, after: str, named: str
) -> None:
    assert before in TEXT
    path = tmp_path / "models.toml"
    path.write_text(TEXT.replace(before, after), encoding="utf-8")
    with pytest.raises(UsageError, match=r"models\.toml: the catalogue is wrong") as caught:
        load_catalogue(path)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_installed_wheel_reads_its_own_copy(tmp_path: Path) -> None:
    carried = tmp_path / "lipsync" / "_data" / "models.toml"
    assert data_folder(carried.parent.parent) == tmp_path / "data"
    carried.parent.mkdir(parents=True)
    carried.write_text(TEXT, encoding="utf-8")
    assert data_folder(carried.parent.parent) == carried.parent


def test_a_missing_catalogue_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml: the catalogue cannot be read"):
        load_catalogue(tmp_path / "none.toml")


def test_a_row_cannot_be_changed_and_refuses_what_it_does_not_know() -> None:
    row = CATALOGUE.models["sync-2"]
    with pytest.raises(ValueError, match="frozen"):
        row.endpoint = "elsewhere"  # type: ignore[misc]  # the point of the test
    with pytest.raises(ValueError, match="extra"):
        Model.model_validate({**row.model_dump(), "colour": "red"})
