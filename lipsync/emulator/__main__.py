"""`python -m lipsync.emulator`: the emulated vendors until Ctrl-C."""

import argparse
import json
from pathlib import Path

from lipsync.emulator.standing import Wishes, stand


def main() -> None:
    """Start, print the environment as one line of JSON, and wait."""
    parser = argparse.ArgumentParser(prog="python -m lipsync.emulator", description=__doc__)
    parser.add_argument("--faults", type=Path, help="a TOML file of [[fault]] tables")
    parser.add_argument("--render", choices=("mux", "engine"), default="mux")
    parser.add_argument("--latency", type=float, default=2.0, help="seconds a job runs")
    parser.add_argument("--slots", type=int, default=2, help="jobs that run at once at fal")
    given = parser.parse_args()
    wishes = Wishes(
        faults=given.faults, render=given.render, latency_s=given.latency, fal_slots=given.slots
    )
    stand(
        wishes,
        lambda emulator: print(json.dumps({"environment": emulator.environment}), flush=True),  # noqa: T201  its answer
    )


if __name__ == "__main__":
    main()
