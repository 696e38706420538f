"""What the tests of paid dubs share: a pair with a face, emulated vendors, and the real flow."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import prefect  # noqa: F401  read its settings now, not from an emulator's environment

from lipsync.emulator.account import Accepted
from lipsync.emulator.emulator import Emulator
from lipsync.home import Home
from lipsync.params import DubParams
from lipsync.report import DubReport, StageRun
from lipsync.workshop import Workshop
from tests.voices import ffmpeg, make_voice

SAMPLES = Path(__file__).parents[2] / "data" / "samples"

Answered = tuple[DubReport, dict[str, str]]


def make_pair(folder: Path) -> tuple[Path, Path]:
    """Cut a second of the sample, small; a voice of the same length goes with it."""
    video = folder / "talk.mp4"
    encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    scaled = ("-vf", "scale=320:240", "-frames:v", "25", "-an")
    ffmpeg("-i", SAMPLES / "talk.mp4", *scaled, *encoder, video)
    return video, make_voice(folder / "voice.wav", 1.0)


class Desk:
    """A home, a pair and emulated vendors: dubs are ordered here."""

    def __init__(self, emulator: Emulator, home: Home, pair: tuple[Path, Path]) -> None:
        self.emulator = emulator
        self.home = home
        self.pair = pair
        self.shop = Workshop(home)

    @property
    def sold(self) -> list[Accepted]:
        """What the vendors took, oldest first."""
        return list(self.emulator.account().accepted)

    def dub(self, **wanted: Any) -> Answered:
        """Run the flow; returns its report and the state of each stage."""
        from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

        from flows.dub import dub as flow
        from tasks.stage import journal

        fields = {"trim_silence": False, "overwrite": True, "output": self.home.root / "out.mp4"}
        self.home.folder()
        runs: list[StageRun]
        quiet = temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
        with quiet, journal() as runs:
            report = flow(DubParams(video=self.pair[0], voice=self.pair[1], **(fields | wanted)))
        return report, {run.name: run.state for run in runs}


def export(emulator: Emulator, setenv: Callable[[str, str], None]) -> None:
    """Export what the emulator prints, over whatever this machine has set."""
    for name in list(os.environ):
        if name.startswith(("FAL_", "UNIFIED_", "HOSTING_", "DUBLINE_BUDGET")):
            with suppress(KeyError):
                setenv(name, "")
    for name, value in emulator.environment.items():
        setenv(name, value)
