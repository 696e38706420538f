"""The claim that threads which load the same modules by different ways all get them whole."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

# A process that has loaded none of them; each thread takes another way in, all at the same time.
AT_ONCE = """
import threading
from lipsync.batch.loading import MEDIA, TABLES, VENDORS, load
ways = [MEDIA, TABLES, *VENDORS.values(), tuple(reversed(MEDIA))]
ready, wrong = threading.Barrier(2 * len(ways)), []

def enter(way):
    ready.wait()
    try:
        load(way)
    except Exception as error:
        wrong.append(error)

threads = [threading.Thread(target=enter, args=(way,)) for way in ways * 2]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not wrong, wrong
"""


def test_threads_that_load_at_once_get_every_module_whole() -> None:
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", AT_ONCE], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
