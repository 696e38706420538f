"""Loading: heavy modules are imported by one thread at a time, before several work with them.

Modules that import each other in a circle, as PyAV's do, are handed out half-made when two threads
import them at once by different ways (Python gives up one lock to avoid a deadlock); whoever gets
them so fails with an AttributeError.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

# What the stages of a dub import when they have something to make.
MEDIA = (
    "av",
    "cv2",
    "lipsync.faces",
    "lipsync.probe",
    "lipsync.normalize",
    "lipsync.conform",
    "lipsync.finish",
    "lipsync.disclose",
    "lipsync.verify",
    "lipsync.still",
    "lipsync.envelope",
    "lipsync.posters",
    "lipsync.thumb",
)
# What is done by helpers, and what of it they import when they do it.
ASIDE = ("lipsync.stages", "lipsync.conform", "lipsync.finish", "lipsync.verify", "lipsync.still")
# What a transfer imports, and what each vendor does.
TRANSFERS = ("httpx", "lipsync.vendors.download", "lipsync.hosting")
VENDORS = {
    "fal": (*TRANSFERS, "fal_client", "lipsync.vendors.fal.vendor"),
    "unified": (*TRANSFERS, "lipsync.vendors.unified.vendor"),
    "local": ("lipsync.engine", "lipsync.vendors.local"),
}
TABLES = ("pandas", "pyarrow", "lipsync.tables")

_turn = threading.Lock()
_loaded: set[tuple[str, ...]] = set()


def load(modules: tuple[str, ...]) -> None:
    """Import some modules, unless that was done before."""
    if modules in _loaded:
        return
    with _turn:
        for name in modules:
            import_module(name)
        _loaded.add(modules)
        if gc.get_freeze_count():  # somebody spares what is loaded
            gc.freeze()


@contextmanager
def spared() -> Iterator[None]:
    """Spare what is loaded the collector, while the block runs.

    A quarter of a million objects stay for as long as the process does, and nothing in them is
    garbage; to look for it takes 0.2 s each time, in which no thread buys or fetches anything.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
