"""The local engine: an honest preview of a dub, made on this machine for free."""

from lipsync.engine.render import render
from lipsync.engine.rendering import Rendering

__all__ = ["Rendering", "render"]
