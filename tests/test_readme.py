"""The README promises what is there: its commands, options and codes are looked up."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli.app import app
from lipsync import errors
from lipsync.profiles import load_profiles

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make ([a-z]+)", README))))
def test_every_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_gate_runs_the_tests_the_readme_names() -> None:
    assert "make test" in README
    assert "make test" in (ROOT / ".ci" / "run").read_text().splitlines()


@pytest.mark.parametrize("option", sorted(set(re.findall(r"`(--[a-z-]+)", README))))
def test_every_option_is_one_of_run_or_of_batch(option: str) -> None:
    wide = {"COLUMNS": "200"}
    helps = [CliRunner().invoke(app, [name, "--help"], env=wide) for name in ("run", "batch")]
    assert option in "".join(one.stdout for one in helps)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"dubline ([a-z]+)", README))))
def test_every_command_exists(name: str) -> None:
    assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0


def test_every_profile_named_is_shipped() -> None:
    for name in ("web", "youtube", "broadcast-r128", "netflix-like"):
        assert f"`{name}`" in README
        assert name in load_profiles()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError, 2),
        (errors.MediaError, 3),
        (errors.StorageError, 3),
        (errors.BudgetError, 4),
        (errors.VendorRefused, 5),
        (errors.VendorBusy, 6),
        (errors.OutcomeUnknown, 7),
    ],
)
def test_every_exit_code_is_the_one_written_down(
    error: type[errors.LipsyncError], code: int
) -> None:
    assert error.exit_code == code
    assert re.search(rf"\b{code} [a-z]", README)
