"""Claims about loading: threads get every module whole, and the collector leaves them alone."""

import gc
import subprocess
import sys
from pathlib import Path

from lipsync.batch.loading import load, spared

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


def test_what_is_loaded_is_spared_the_collector_while_a_block_runs_and_no_longer() -> None:
    assert gc.get_freeze_count() == 0
    sys.modules.pop("json.tool", None)
    with spared():
        assert gc.get_freeze_count() > 10_000
        load(("json.tool",))
        loaded = vars(sys.modules["json.tool"])
        assert not any(one is loaded for one in gc.get_objects())
    assert gc.get_freeze_count() == 0


def test_threads_that_load_at_once_get_every_module_whole() -> None:
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", AT_ONCE], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
