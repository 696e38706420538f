"""Accounts: read from the environment or from .env, and never shown."""

from pathlib import Path

import pytest

from lipsync.accounts import FalSettings, UnifiedSettings, environment, parse_dotenv
from lipsync.errors import UsageError
from lipsync.means import Means
from lipsync.vendors import availability
from tests.lipsync.pairs import CATALOGUE

SECRET = "planted-id:planted-secret"  # noqa: S105  planted, and looked for


@pytest.mark.parametrize(
    ("environ", "key"),
    [
        ({"FAL_KEY": SECRET}, SECRET),
        ({"FAL_KEY_ID": "planted-id", "FAL_KEY_SECRET": "planted-secret"}, SECRET),
        ({"FAL_KEY": SECRET, "FAL_KEY_ID": "x", "FAL_KEY_SECRET": "y"}, SECRET),
        ({"FAL_KEY": f"  {SECRET}\n"}, SECRET),
        ({"FAL_KEY_ID": "half"}, None),
        ({"FAL_KEY": ""}, None),
        ({}, None),
    ],
)
def test_a_key_is_found_as_fals_own_client_finds_it(
    environ: dict[str, str], key: str | None
) -> None:
    found = FalSettings.found(environ).key
    assert (found.get_secret_value() if found else None) == key


def test_no_form_of_the_settings_shows_the_key() -> None:
    for settings in (
        FalSettings.found({"FAL_KEY": SECRET}),
        UnifiedSettings.found({"UNIFIED_API_KEY": SECRET, "UNIFIED_BASE_URL": "https://x"}),
    ):
        shown = f"{settings!r} {settings} {settings.model_dump_json()} {settings.model_dump()}"
        assert "planted" not in shown


@pytest.mark.parametrize("key", ["two words", "a\x00b", "schlüssel", "x\ny"])
def test_a_key_no_header_can_carry_is_refused_without_showing_it(key: str) -> None:
    """h11 repeats a header it cannot write in its error, key and all."""
    for variable, kind in (("FAL_KEY", FalSettings), ("UNIFIED_API_KEY", UnifiedSettings)):
        with pytest.raises(UsageError, match=f"{variable} cannot be used") as caught:
            kind.found({variable: key, "UNIFIED_BASE_URL": "https://x"})
        assert key not in f"{caught.value} {caught.value.__cause__}"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FAL_START_TIMEOUT_S", "0.5"),
        ("FAL_START_TIMEOUT_S", "soon"),
        ("FAL_PRIORITY", "high"),
        ("FAL_IN_FLIGHT", "0"),
        ("FAL_IN_FLIGHT", "many"),
        ("FAL_UPLOAD_LIFETIME_S", "60"),
        ("FAL_INLINE_BYTES", "-1"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(variable: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"{variable} cannot be used"):
        FalSettings.found({"FAL_KEY": SECRET, variable: value})


def test_every_setting_has_a_variable() -> None:
    found = FalSettings.found(
        {
            "FAL_UPLOAD_LIFETIME_S": "3600",
            "FAL_RESULT_LIFETIME_S": "7200",
            "FAL_START_TIMEOUT_S": "30.5",
            "FAL_PRIORITY": "low",
            "FAL_INLINE_BYTES": "1000",
            "FAL_IN_FLIGHT": "40",
            "FAL_REPLY_TIMEOUT_S": "10",
        }
    )
    assert (found.upload_lifetime_s, found.result_lifetime_s) == (3_600, 7_200)
    assert (found.start_timeout_s, found.priority) == (30.5, "low")
    assert (found.inline_bytes, found.reply_timeout_s) == (1_000, 10.0)
    assert found.in_flight == 40


def test_each_account_says_how_many_jobs_it_may_have_in_flight() -> None:
    keys = {
        "FAL_KEY": SECRET,
        "UNIFIED_API_KEY": "k",
        "UNIFIED_BASE_URL": "https://api.example.com",
    }
    new, grown = Means(keys), Means(keys | {"FAL_IN_FLIGHT": "40", "UNIFIED_IN_FLIGHT": "3"})
    vendors = ("fal", "unified", "local")
    assert [new.in_flight(vendor) for vendor in vendors] == [2, 10, None]
    assert [grown.in_flight(vendor) for vendor in vendors] == [40, 3, None]


def test_the_unified_api_is_called_where_the_environment_says() -> None:
    environ = {
        "UNIFIED_API_KEY": "k",
        "UNIFIED_BASE_URL": "http://127.0.0.1:8080",
        "UNIFIED_VIDEO_FIELD": "video",
        "UNIFIED_POLL_PATH": "/v2/jobs/{id}",
    }
    found = UnifiedSettings.found(environ)
    assert (found.base_url, found.video_field) == ("http://127.0.0.1:8080", "video")
    assert (found.voice_field, found.poll_path) == (None, "/v2/jobs/{id}")


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, "UNIFIED_API_KEY is not set"),
        ({"BASE_URL": "https://x"}, "UNIFIED_API_KEY is not set"),
        ({"API_KEY": "k"}, "UNIFIED_BASE_URL is not set; set it to the address"),
        ({"API_KEY": "k", "BASE_URL": "ftp://x"}, "UNIFIED_BASE_URL cannot be used"),
        (
            {"API_KEY": "k", "BASE_URL": "https://x", "POLL_PATH": "/v1/tasks"},
            "UNIFIED_POLL_PATH cannot be used",
        ),
    ],
)
def test_a_unified_account_that_cannot_be_used_says_what_is_missing(
    environ: dict[str, str], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        UnifiedSettings.found({f"UNIFIED_{name}": value for name, value in environ.items()})


def test_a_key_without_an_address_goes_nowhere_and_is_called_unavailable() -> None:
    found = availability(CATALOGUE, Means({"UNIFIED_API_KEY": "k"}))
    assert found["unified"] == "UNIFIED_BASE_URL is not set"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FAL_KEY=a:b", {"FAL_KEY": "a:b"}),
        ("export FAL_KEY = 'a b'  # mine", {"FAL_KEY": "a b"}),
        ('FAL_KEY="a#b"', {"FAL_KEY": "a#b"}),
        ("FAL_KEY=a#b", {"FAL_KEY": "a#b"}),
        ("FAL_KEY=a # b", {"FAL_KEY": "a"}),
        ("FAL_KEY=", {"FAL_KEY": ""}),
        ("# FAL_KEY=a\n\nnonsense\n= 3", {}),
    ],
)
def test_a_dotenv_line_is_a_name_and_a_value(text: str, found: dict[str, str]) -> None:
    assert parse_dotenv(text) == found


def test_a_variable_that_is_set_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("FAL_KEY=from-file\nFAL_PRIORITY=low\n")
    monkeypatch.setenv("FAL_KEY", "from-variable")
    monkeypatch.delenv("FAL_PRIORITY", raising=False)
    found = environment(folder=tmp_path)
    assert (found["FAL_KEY"], found["FAL_PRIORITY"]) == ("from-variable", "low")
    assert environment({"A": "b"}) == {"A": "b"}


def test_a_dotenv_is_read_again_when_it_has_changed_and_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FAL_KEY", raising=False)
    place = tmp_path / ".env"
    place.write_text("FAL_KEY=first")
    assert environment(folder=tmp_path)["FAL_KEY"] == "first"
    place.write_text("FAL_KEY=other")
    assert environment(folder=tmp_path)["FAL_KEY"] == "other"
    monkeypatch.setattr("lipsync.accounts.parse_dotenv", None)
    assert environment(folder=tmp_path)["FAL_KEY"] == "other"
    place.unlink()
    assert "FAL_KEY" not in environment(folder=tmp_path)


def test_a_folder_that_is_gone_has_no_dotenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setenv("FAL_KEY", "from-variable")
    gone.rmdir()
    assert environment()["FAL_KEY"] == "from-variable"


def test_a_dotenv_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"\.env: cannot be read as text"):
        environment(folder=tmp_path)
