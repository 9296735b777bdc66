"""Captions: each sung line as a picture with a soft shadow, and how strongly it shows at which time."""

from PIL import Image, ImageDraw, ImageFilter

from stagepass.providers.local.clip.frames import Overlay
from stagepass.providers.local.clip.text import HEAVY, fit, writable
from stagepass.providers.ports import LineTiming

BOTTOM = 0.77
"""Bottom of the lowest caption line as a fraction of the height: apps cover the lowest 18 % with buttons."""

_WIDEST = 0.82  # of the frame's width: apps put buttons on the right edge
_FADE = 0.16  # seconds in and out


class Caption:
    """One sung line, ready to be painted.

    Args:
        line: its text and seconds.
        size: of the frame, pixels.
        bottom: where its lowest line ends, as a part of the height.
        scale: of the letters, 1 for the usual size.
    """

    def __init__(self, line: LineTiming, size: tuple[int, int], bottom: float = BOTTOM, scale: float = 1.0) -> None:
        self.start, self.end = line.start, line.end
        self.overlay = _draw(writable(line.text), size, bottom, scale)

    def opacity(self, time: float) -> float:
        """0–1 at `time` seconds: nothing outside of the line's own time."""
        fade = min(_FADE, (self.end - self.start) / 3)
        return max(0.0, min(1.0, (time - self.start) / fade, (self.end - time) / fade))


def _draw(text: str, size: tuple[int, int], bottom: float, scale: float) -> Overlay:
    wanted = max(8, round(min(size) * 0.058 * scale))
    width = round(size[0] * (_WIDEST if size[0] < size[1] else 0.7))
    fitted = fit(text, HEAVY, wanted, width, smallest=round(wanted * 0.62))
    step, stroke = round(fitted.size * 1.32), max(1, round(fitted.size * 0.045))

    # Lines stand on the lowest one, so that one line and two end at the same place. Only their band is drawn.
    reach, count = fitted.size, len(fitted.lines)
    band = (size[0], step * count + 2 * reach)
    foot = band[1] - reach - round(fitted.size * 0.25)
    places = [(size[0] / 2, foot - step * (count - 1 - number)) for number in range(count)]

    def ink(border: int) -> Image.Image:
        mask = Image.new("L", band)
        draw = ImageDraw.Draw(mask)
        for line, place in zip(fitted.lines, places, strict=True):
            fitted.draw(draw, place, line, 255, border=border)
        return mask

    shadow = ink(stroke * 2).filter(ImageFilter.GaussianBlur(fitted.size * 0.22))
    picture = _layer((8, 10, 16), shadow.point([min(185, alpha) for alpha in range(256)]))
    picture.alpha_composite(_layer((14, 16, 22), ink(stroke).point([round(a * 0.75) for a in range(256)])))
    picture.alpha_composite(_layer((255, 255, 255), ink(0)))
    return Overlay(picture, (0, round(size[1] * bottom) + reach - band[1]))


def _layer(color: tuple[int, int, int], alpha: Image.Image) -> Image.Image:
    layer = Image.new("RGBA", alpha.size, (*color, 0))
    layer.putalpha(alpha)
    return layer
