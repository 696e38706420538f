"""Claims about the command line itself: words, answers, exit codes, names, completion, pipes."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lipsync.home import Home
from lipsync.output import record_path
from tests.clips import make_clip, make_voice
from tests.flows.terminal import Answer, dubline, finished, started

RUN_KEYS = {
    "output", "vendor", "model", "video_s", "voice_s", "mismatch_s", "sync_mode", "sync_reason",
    "predicted_s", "output_s", "quoted_usd", "billed_usd", "loudness_lufs", "true_peak_dbtp",
    "voice_offset_ms", "verdicts", "stages",
}  # fmt: skip
CHOICE_KEYS = {"model", "vendor", "accepted", "reasons", "predicted_s", "price_usd"}
