"""All measurements, one after another: `make bench`. Run it on a machine that does nothing else."""

import subprocess
import sys

PARTS = (
    "bench.startup",
    "bench.normalize",
    "bench.trim",
    "bench.fit",
    "bench.engine",
    "bench.verify",
    # Smaller here than by themselves: each is done in a minute or two.
    "bench.soak --jobs 200",
    "bench.bought --jobs 50",
    "bench.inflight --jobs 100 --latency 10",
    "bench.batch race --jobs 40 --latency 5 --flight 10",
    "bench.batch overhead --rows 10 100",
    "bench.batch plan --rows 1000 2000",
)

for part in PARTS:
    print(f"\n== {part}", flush=True)
    subprocess.run([sys.executable, "-m", *part.split()], check=True)
