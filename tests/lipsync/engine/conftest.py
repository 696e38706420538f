"""What every test of the engine may ask for."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.lipsync.engine.portraits import (
    SAMPLES,
    Picture,
    hush,
    read,
    vowel,
    write_clip,
    write_voice,
)


@pytest.fixture(scope="session")
def portrait() -> list[Picture]:
    """Two seconds of the bundled portrait, 320x240."""
    return read(SAMPLES / "talk.mp4", 50, (320, 240))


@pytest.fixture
def clip(tmp_path: Path) -> Callable[..., Path]:
    def make(pictures: Sequence[Picture], **how: Any) -> Path:
        return write_clip(tmp_path / "picture.mp4", pictures, **how)

    return make


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """Two seconds: silence, a vowel, silence, a vowel, silence."""
    return write_voice(
        tmp_path / "voice.wav", hush(0.4), vowel(0.4), hush(0.4), vowel(0.4), hush(0.4)
    )
