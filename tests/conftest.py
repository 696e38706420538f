"""What every test may ask for: a home of its own, its store, and the real footage."""

from pathlib import Path

import pytest
from hypothesis import settings

from lipsync.home import Home
from lipsync.store import Store

# No test depends on how busy the machine is.
settings.register_profile("dubline", deadline=None)
settings.load_profile("dubline")

SAMPLES = Path(__file__).resolve().parents[2] / "shared" / "samples"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that nothing else uses."""
    return Home(tmp_path / "home")


@pytest.fixture
def store(home: Home) -> Store:
    """The store of that home."""
    return Store(home)


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder with real talking-head footage; the test is skipped where it is absent."""
    if not SAMPLES.is_dir():
        pytest.skip(f"the sample footage is not at {SAMPLES}")
    return SAMPLES
