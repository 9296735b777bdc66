"""Captions: each sung line as a picture with a soft shadow, and how strongly it shows at which time."""

from collections.abc import Iterator

from PIL import Image, ImageDraw, ImageFilter

from stagepass.providers.local.clip.frames import Overlay
from stagepass.providers.local.clip.text import HEAVY, fit, writable
from stagepass.providers.ports import CaptionStyle, LineTiming

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
        style: how it looks.
        width: of the longest line, as a part of the frame's; None for the usual.
    """

    def __init__(
        self,
        line: LineTiming,
        size: tuple[int, int],
        bottom: float = BOTTOM,
        scale: float = 1.0,
        style: CaptionStyle = "shadow",
        width: float | None = None,
    ) -> None:
        self.start, self.end = line.start, line.end
        sheet = _Sheet(writable(line.text), size, bottom, scale, width)
        self.overlay = sheet.boxed() if style == "box" else sheet.shadowed(pale=style == "words")
        self._words = sheet.words(line.end - line.start) if style == "words" else []

    def opacity(self, time: float) -> float:
        """0–1 at `time` seconds: nothing outside of the line's own time."""
        fade = min(_FADE, (self.end - self.start) / 3)
        return max(0.0, min(1.0, (time - self.start) / fade, (self.end - time) / fade))

    def overlays(self, time: float) -> Iterator[tuple[Overlay, float]]:
        """What is painted at `time` seconds, and how strongly: the line, and the words that were sung already."""
        opacity = self.opacity(time)
        yield self.overlay, opacity
        sung = [overlay for start, overlay in self._words if self.start + start <= time]
        if sung:
            yield sung[-1], opacity


class _Sheet:
    """A text set in lines, and the ways to draw it."""

    def __init__(self, text: str, size: tuple[int, int], bottom: float, scale: float, width: float | None) -> None:
        wanted = max(8, round(min(size) * 0.058 * scale))
        widest = width or (_WIDEST if size[0] < size[1] else 0.7)
        self._fitted = fit(text, HEAVY, wanted, round(size[0] * widest), smallest=round(wanted * 0.62), most=3)
        lines, em = self._fitted.lines, self._fitted.size
        step, self._stroke = round(em * 1.32), max(1, round(em * 0.045))
        # Lines stand on the lowest one, so that one line and two end at the same place. Only their band is drawn.
        self._band = (size[0], step * len(lines) + 2 * em)
        foot = self._band[1] - em - round(em * 0.25)
        self._places = [(size[0] / 2, foot - step * (len(lines) - 1 - number)) for number in range(len(lines))]
        self._at = (0, round(size[1] * bottom) + em - self._band[1])

    def shadowed(self, *, pale: bool = False) -> Overlay:
        """White with a soft shadow; pale where the words are still to be sung."""
        shadow = self._ink(self._stroke * 2).filter(ImageFilter.GaussianBlur(self._fitted.size * 0.22))
        picture = _layer((8, 10, 16), shadow.point([min(185, alpha) for alpha in range(256)]))
        picture.alpha_composite(
            _layer((14, 16, 22), self._ink(self._stroke).point([round(a * 0.75) for a in range(256)]))
        )
        ink = self._ink(0)
        picture.alpha_composite(
            _layer((255, 255, 255), ink.point([round(a * 0.55) for a in range(256)]) if pale else ink)
        )
        return Overlay(picture, self._at)

    def boxed(self) -> Overlay:
        """White on a dark box with round corners, as wide as the longest line."""
        em = self._fitted.size
        half = max(self._fitted.lettering.length(line, em) for line in self._fitted.lines) / 2 + 0.55 * em
        picture = Image.new("RGBA", self._band, (0, 0, 0, 0))
        top, foot = self._places[0][1] - 1.12 * em, self._places[-1][1] + 0.55 * em
        middle = self._band[0] / 2
        ImageDraw.Draw(picture).rounded_rectangle(
            (middle - half, top, middle + half, foot), em * 0.32, fill=(12, 14, 20, 205)
        )
        picture.alpha_composite(_layer((255, 255, 255), self._ink(0)))
        return Overlay(picture, self._at)

    def words(self, seconds: float) -> list[tuple[float, Overlay]]:
        """For each word the moment at which it is sung, by its length, and all words up to it in the sung colour."""
        em, letters = self._fitted.size, max(1, sum(len(line) for line in self._fitted.lines))
        found, before = [], 0
        done = Image.new("L", self._band)
        for line, (x, y) in zip(self._fitted.lines, self._places, strict=True):
            left = x - self._fitted.lettering.length(line, em) / 2
            parts = line.split(" ")
            for count in range(1, len(parts) + 1):
                text = " ".join(parts[:count])
                mask = done.copy()
                middle = left + self._fitted.lettering.length(text, em) / 2
                self._fitted.draw(ImageDraw.Draw(mask), (middle, y), text, 255)
                start = 0.92 * seconds * (before + len(" ".join(parts[: count - 1]))) / letters
                found.append((start, Overlay(_layer((255, 214, 92), mask), self._at)))
            done, before = mask, before + len(line)
        return found

    def _ink(self, border: int) -> Image.Image:
        mask = Image.new("L", self._band)
        draw = ImageDraw.Draw(mask)
        for line, place in zip(self._fitted.lines, self._places, strict=True):
            self._fitted.draw(draw, place, line, 255, border=border)
        return mask


def _layer(color: tuple[int, int, int], alpha: Image.Image) -> Image.Image:
    layer = Image.new("RGBA", alpha.size, (*color, 0))
    layer.putalpha(alpha)
    return layer
