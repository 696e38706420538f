"""The one workshop of this process: as its blocks say, and beneath them its environment."""

from functools import lru_cache

from blocks.means import BlockMeans
from lipsync.home import Home
from lipsync.workshop import Workshop


def workshop() -> Workshop:
    """Return the workshop of `DUBLINE_HOME`, or of a `MediaStore`; it is opened once."""
    return _opened(Home.found())


@lru_cache
def _opened(_home: Home) -> Workshop:
    means = BlockMeans()
    return Workshop(means.home(), means)
