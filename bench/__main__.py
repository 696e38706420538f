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
)

for part in PARTS:
    print(f"\n== {part}", flush=True)
    subprocess.run([sys.executable, "-m", part], check=True)
