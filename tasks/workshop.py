"""The one workshop of this process, in the home its environment names."""

from functools import lru_cache

from lipsync.home import Home
from lipsync.workshop import Workshop


def workshop() -> Workshop:
    """Return the workshop of `DUBLINE_HOME`; the same home is opened once."""
    return _opened(Home.found())


@lru_cache
def _opened(home: Home) -> Workshop:
    return Workshop(home)
