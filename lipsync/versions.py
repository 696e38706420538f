"""Versions: what made a dub, for its record and its page."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from platform import python_version

# What a result depends on; each leaves its own traces in pictures, sounds or files.
_PACKAGES = {
    "dubline": "dubline",
    "prefect": "prefect",
    "av": "av",
    "imageio-ffmpeg": "imageio-ffmpeg",
    "opencv": "opencv-python-headless",
    "numpy": "numpy",
    "c2pa": "c2pa-python",
}


@cache
def versions() -> dict[str, str]:
    """Name every part that shapes a dub, with its version; what is not installed is left out."""
    found = {"python": python_version()}
    for name, package in _PACKAGES.items():
        try:
            found[name] = version(package)
        except PackageNotFoundError:
            continue
    return found
