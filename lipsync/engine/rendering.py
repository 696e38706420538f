"""What the engine says about what it made."""

from pydantic import Field

from lipsync.values import Value


class Rendering(Value):
    """The outcome of one local preview."""

    frames: int = Field(ge=0, description="Frames of the output; those of the input.")
    animated_frames: int = Field(ge=0, description="Frames whose mouth was redrawn.")
    altered: bool = Field(description="False: the picture is the input's, packets copied if H.264.")
    notes: tuple[str, ...] = Field(default=(), description="What the guard said, with figures.")
