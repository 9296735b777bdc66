"""The order as it lies in the task folder: what the maker writes and its child process reads."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field

from stagepass.providers.ports import CaptionStyle, LineTiming, Platform, clip_size

SONG, UNFINISHED, CLIP, LOGO, NOTES = "song", "clip.unfinished", "clip.mp4", "logo", "notes.json"
"""Names in the task folder."""


@dataclass(frozen=True, slots=True)
class SafeArea:
    """The part of the frame that no button of the platform covers: distances from the edges, 0–1 of its sides."""

    top: float
    right: float
    bottom: float
    left: float


_SAFE = {
    "reels": SafeArea(0.115, 0.11, 0.22, 0.06),
    "shorts": SafeArea(0.11, 0.15, 0.24, 0.06),
    "feed": SafeArea(0.05, 0.06, 0.06, 0.06),
    "square": SafeArea(0.05, 0.06, 0.06, 0.06),
}
_ANYWHERE = {"vertical": SafeArea(0.11, 0.09, 0.23, 0.09), "horizontal": SafeArea(0.06, 0.15, 0.23, 0.15)}


class Line(BaseModel):
    """One sung line, in seconds."""

    text: str
    start: float
    end: float

    def timing(self) -> LineTiming:
        """The same as the ports have it."""
        return LineTiming(self.text, self.start, self.end)


class Card(BaseModel):
    """What the end card says; the logo lies beside the order as `LOGO`."""

    contact: list[str] = []
    hours: str = ""
    offer: str = ""
    call_to_action: str = ""
    link: str = ""
    logo: bool = False


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
    platform: Platform | None = None
    style: CaptionStyle = "shadow"
    card: Card | None = None
    facts: list[str] = []

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = clip_size(self.orientation, self.platform)
        scale = self.short_side / min(width, height)
        return (_even(width * scale), _even(height * scale))

    @property
    def safe(self) -> SafeArea:
        """Where words may stand."""
        return _SAFE[self.platform] if self.platform else _ANYWHERE[self.orientation]


def _even(pixels: float) -> int:
    return round(pixels / 2) * 2


def photo_name(index: int) -> str:
    """The name of photo number `index` (from 0) in the task folder."""
    return f"photo-{index:03d}"
