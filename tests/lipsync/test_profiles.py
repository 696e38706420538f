"""Delivery profiles: the targets that come with Dubline, and what happens to a broken file."""

from pathlib import Path

import pytest

from lipsync.errors import UsageError
from lipsync.profiles import load_profiles, profile_named


@pytest.mark.parametrize(
    ("name", "lufs", "dbtp"),
    [
        ("web", -16.0, -1.0),
        ("youtube", -14.0, -1.0),
        ("broadcast-r128", -23.0, -1.0),
        ("netflix-like", -27.0, -2.0),
    ],
)
def test_each_house_gets_the_loudness_it_asks_for(name: str, lufs: float, dbtp: float) -> None:
    target = profile_named(name).target
    assert (target.integrated_lufs, target.true_peak_dbtp) == (lufs, dbtp)


def test_every_profile_names_its_source() -> None:
    assert all(profile.source and profile.read_on for profile in load_profiles().values())


def test_an_unknown_profile_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="broadcast-r128, netflix-like, source, web, youtube"):
        profile_named("cinema")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("profiles = 3", id="not a table"),
        pytest.param("[other]", id="no profiles"),
        pytest.param("[[", id="no TOML"),
        pytest.param("[profiles.a]\ntitle = 'a'", id="fields missing"),
        pytest.param(
            "[profiles.a]\ntitle='a'\nintegrated_lufs=-99\ntrue_peak_dbtp=-1\n"
            "source='s'\nread_on=2026-01-01",
            id="an absurd target",
        ),
    ],
)
def test_a_broken_profile_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"profiles\.toml: the delivery profiles cannot be read"):
        load_profiles(path)
