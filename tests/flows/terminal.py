"""The command line as a person meets it: a real process, its exit code, and what it printed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from lipsync.home import Home

ROOT = Path(__file__).parents[2]
# Longer than any command here may take on a machine that is busy with something else.
PATIENCE_S = 120.0

PYTHON = (sys.executable, "-c")
COMMAND = (*PYTHON, "from flows.cli import main; main()")

# The command with a death built in: the process gets the signal argv[1] at the moment argv[2], a
# stage that has done its first unit of work, or "place": just before the output gets its name.
ARRANGED = """
import os, sys
from pathlib import Path
signal, moment = int(sys.argv.pop(1)), sys.argv.pop(1)

def strike(stage, done, total):
    if stage == moment and done:
        os.kill(os.getpid(), signal)

def rename(event, args):
    if event == "os.rename" and ".dubline-" in Path(os.fsdecode(args[0])).name:
        strike("place", 1, 1)

sys.addaudithook(rename)
from flows.cli import main
from lipsync.progress import told
with told(strike):
    main()
"""


class Answer(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """The one object on stdout; anything beside it is an error."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    @property
    def sentence(self) -> str:
        """The one line on stderr."""
        (line,) = self.err.splitlines()
        return line

    @property
    def states(self) -> dict[str, str]:
        """The state of every stage of a run."""
        return {stage["name"]: stage["state"] for stage in self.data["stages"]}


def environment(home: Home, **more: str) -> dict[str, str]:
    """Return a user's environment: nothing of this session's Prefect is in it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return clean | {"DUBLINE_HOME": str(home.root), "PYTHONPATH": str(ROOT)} | more


def started(
    *argv: str | Path, env: dict[str, str], cwd: Path, arranged: tuple[int, str] | None = None
) -> subprocess.Popen[str]:
    """Start `dubline` in a process of its own."""
    how = COMMAND if arranged is None else (*PYTHON, ARRANGED, *map(str, arranged))
    return subprocess.Popen(
        [*how, *map(str, argv)],
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> Answer:
    """Wait for a command."""
    out, err = process.communicate(timeout=PATIENCE_S)
    return Answer(process.returncode, out, err)


def dubline(*argv: str | Path, home: Home, cwd: Path, **more: str) -> Answer:
    """Run `dubline` to its end in a process of its own."""
    return finished(started(*argv, env=environment(home, **more), cwd=cwd))
