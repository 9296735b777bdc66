"""Captions: each sung line as a picture with a soft shadow, and how strongly it shows at which time."""

from PIL import Image, ImageDraw, ImageFilter

from stagepass.providers.local.clip.frames import Overlay
from stagepass.providers.local.clip.text import HEAVY, fit, font, writable
from stagepass.providers.ports import LineTiming

BOTTOM = 0.79
"""Where the lowest caption line ends, as a part of the height: apps cover the lowest 18 % with their buttons."""

_WIDEST = 0.82  # of the frame's width: apps put buttons on the right edge
_FADE = 0.16  # seconds in and out


class Caption:
    """One sung line, ready to be painted.

    Args:
        line: its text and seconds.
        size: of the frame, pixels.
    """

    def __init__(self, line: LineTiming, size: tuple[int, int]) -> None:
        self.start, self.end = line.start, line.end
        self._overlay = _draw(writable(line.text), size)

    def opacity(self, time: float) -> float:
        """0–1 at `time` seconds: nothing outside of the line's own time."""
        fade = min(_FADE, (self.end - self.start) / 3)
        return max(0.0, min(1.0, (time - self.start) / fade, (self.end - time) / fade))

    @property
    def overlay(self) -> Overlay:
        return self._overlay


def caption_size(size: tuple[int, int]) -> int:
    """The captions' font size in pixels for a frame of `size`."""
    return max(8, round(min(size) * 0.058))


def _draw(text: str, size: tuple[int, int]) -> Overlay:
    wanted = caption_size(size)
    width = round(size[0] * _WIDEST) if size[0] < size[1] else round(size[0] * 0.7)
    fitted = fit(text, HEAVY, wanted, width, smallest=round(wanted * 0.62))
    face, step = font(HEAVY, fitted.size), round(fitted.size * 1.32)
    stroke = max(1, round(fitted.size * 0.045))

    # Lines stand on the lowest one, so that one line and two end at the same place.
    bottom = round(size[1] * BOTTOM) - round(fitted.size * 0.25)
    places = [(size[0] / 2, bottom - step * n) for n in range(len(fitted.lines))][::-1]

    def ink(border: int) -> Image.Image:
        mask = Image.new("L", size)
        draw = ImageDraw.Draw(mask)
        for line, place in zip(fitted.lines, places, strict=True):
            draw.text(place, line, fill=255, font=face, anchor="ms", stroke_width=border)
        return mask

    shadow = ink(stroke * 2).filter(ImageFilter.GaussianBlur(fitted.size * 0.22))
    picture = _layer(size, (8, 10, 16), shadow.point([min(185, a) for a in range(256)]))
    picture.alpha_composite(_layer(size, (14, 16, 22), ink(stroke).point([round(a * 0.75) for a in range(256)])))
    picture.alpha_composite(_layer(size, (255, 255, 255), ink(0)))
    return Overlay(picture)


def _layer(size: tuple[int, int], color: tuple[int, int, int], alpha: Image.Image) -> Image.Image:
    layer = Image.new("RGBA", size, (*color, 0))
    layer.putalpha(alpha)
    return layer
