"""The order as it lies in the task folder: what the maker writes and its child process reads."""

from typing import Literal

from pydantic import BaseModel, Field

from stagepass.providers.ports import LineTiming

SONG, UNFINISHED, CLIP = "song", "clip.unfinished", "clip.mp4"
"""Names in the task folder."""


class Line(BaseModel):
    """One sung line, in seconds."""

    text: str
    start: float
    end: float

    def timing(self) -> LineTiming:
        """The same as the ports have it."""
        return LineTiming(self.text, self.start, self.end)


class Order(BaseModel):
    """A clip to be rendered. The photos lie beside it as `photo_name`, the song as `SONG`."""

    title: str
    subtitle: str
    photos: int
    duration: float = Field(gt=0.2, le=600, allow_inf_nan=False)
    lines: list[Line]
    orientation: Literal["vertical", "horizontal"]
    short_side: int = Field(ge=32, le=2160, multiple_of=2)
    fps: int = Field(ge=5, le=60)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        long_side = round(self.short_side * 16 / 9 / 2) * 2
        return (self.short_side, long_side) if self.orientation == "vertical" else (long_side, self.short_side)


def photo_name(index: int) -> str:
    """The name of photo number `index` (from 0) in the task folder."""
    return f"photo-{index:03d}"
