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
    # Smaller here than by themselves: both are done in a minute and a half.
    "bench.soak --jobs 200",
    "bench.bought --jobs 50",
)

for part in PARTS:
    print(f"\n== {part}", flush=True)
    subprocess.run([sys.executable, "-m", *part.split()], check=True)
