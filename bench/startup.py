"""Start-up: what a command costs before it does anything, and what a finished dub costs again.

Run: `python -m bench.startup`. Goals: `--help` ≤ 0.4 s, `models` ≤ 0.6 s,
a finished dub run again ≤ 4 s with the server up, of which our own work ≤ 50 ms.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench.race import Run, median, run

DUBLINE = Path(sys.executable).with_name("dubline")
SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"
ROUNDS = 5


def command(*arguments: str | Path) -> Run:
    """Run `dubline` a few times and take the median."""
    return median([run([DUBLINE, *arguments]) for _ in range(ROUNDS)])


def our_own_work_s(home: Path, output: Path) -> float:
    """Time every stage of a finished dub in one process: no Prefect, all cached."""
    script = f"""
import json, time
from pathlib import Path
from lipsync import stages
from lipsync.home import Home
from lipsync.params import DubParams
from lipsync.workshop import Workshop
import lipsync.ledger, lipsync.submit, lipsync.collect, lipsync.conform, lipsync.vendors.local
shop = Workshop(Home(Path({str(home)!r})))
params = DubParams(video={str(SAMPLES / "talk.mp4")!r}, voice={str(SAMPLES / "equal_fr.wav")!r},
                   output={str(output)!r}, model="local-preview")
def dub():
    cached = []
    def keep(made):
        cached.append(made.cached)
        return made.value
    pair = keep(stages.probe(shop, params))
    voice = keep(stages.normalize(shop, params, pair))
    decision = keep(stages.select(shop, params, pair, voice))
    fitted = keep(stages.fit(shop, decision))
    ticket = keep(stages.submit(shop, decision, fitted))
    delivery = keep(stages.collect(shop, ticket))
    finished = keep(stages.finish(shop, params, decision, fitted, delivery))
    verdicts = keep(stages.verify(shop, decision, fitted, finished))
    keep(stages.report(shop, params, decision, delivery, finished, verdicts, ()))
    assert all(cached), cached
begun = time.perf_counter()
dub()
print(json.dumps(time.perf_counter() - begun))
"""
    import subprocess  # noqa: PLC0415  its output is needed, which `run` throws away

    times = [
        json.loads(
            subprocess.run([sys.executable, "-c", script], check=True, capture_output=True).stdout
        )
        for _ in range(ROUNDS)
    ]
    return statistics.median(times)


def main() -> None:
    """Print what starting, and finding everything made already, costs."""
    with tempfile.TemporaryDirectory() as folder:
        home, output = Path(folder) / "home", Path(folder) / "dub.mp4"
        os.environ["DUBLINE_HOME"] = str(home)
        bare = median([run([sys.executable, "-c", "pass"]) for _ in range(ROUNDS)])
        prefect = median([run([sys.executable, "-c", "import prefect"]) for _ in range(ROUNDS)])
        dub = ["run", SAMPLES / "talk.mp4", SAMPLES / "equal_fr.wav", "-o", output, "--json"]
        dub += ["--model", "local-preview"]
        begun = time.perf_counter()
        run([DUBLINE, *dub])
        first_s = time.perf_counter() - begun
        time.sleep(2.5)  # a file younger than two seconds is hashed again, to be sure
        run([DUBLINE, *dub])
        again = command(*dub)
        rows = {
            "python -c pass": bare.wall_s,
            "dubline --help": command("--help").wall_s,
            "dubline models": command("models").wall_s,
            "python -c 'import prefect'": prefect.wall_s,
            "first dub, server started": first_s,
            "finished dub again": again.wall_s,
            "  of which our own work": our_own_work_s(home, output),
        }
        for name, seconds in rows.items():
            print(f"{name:<30} {seconds:7.3f} s   {seconds / bare.wall_s:6.1f} x python -c pass")
        run([DUBLINE, "down"])


if __name__ == "__main__":
    main()
