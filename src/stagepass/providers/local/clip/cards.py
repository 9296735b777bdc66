"""The title card and the end card: the name and the place, set on the clip's own picture out of focus."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from stagepass.providers.local.clip.frames import Frame, Overlay
from stagepass.providers.local.clip.text import BOLD, HEAVY, Fitted, fit, writable

_WHITE = (255, 255, 255, 255)
_SOFT = (255, 255, 255, 215)


def backdrop(picture: Frame, darkness: float = 0.5) -> Frame:
    """A picture out of focus and darker, of the same size, so that the same camera can look at both."""
    planes = []
    for plane, part, rest in zip(picture.planes, (16, 8, 8), (16, 128, 128), strict=True):
        small = np.asarray(plane.reduce(part), np.float32)
        # Colours fade with the light, or the dark would glow. In floats: 8-bit steps would show as blocks.
        kept = 1 - darkness if rest == 16 else 1 - darkness * 0.6
        image = Image.fromarray((small - rest) * kept + rest)
        for _ in range(3):  # three boxes are nearly a Gauss, which Pillow does not have for floats
            image = _box_blur(image, max(1, round(max(image.size) * 0.016)))
        planes.append(image.resize(plane.size, Image.Resampling.BICUBIC))
    grain = np.random.default_rng(7)
    return Frame(*(_dithered(plane, grain) for plane in planes))


def _box_blur(image: Image.Image, radius: int) -> Image.Image:
    padded = np.pad(np.asarray(image), radius, mode="edge")
    wide, count = 2 * radius + 1, (2 * radius + 1) ** 2
    total = np.pad(padded.cumsum(0, dtype=np.float64).cumsum(1), ((1, 0), (1, 0)))
    boxes = total[wide:, wide:] - total[:-wide, wide:] - total[wide:, :-wide] + total[:-wide, :-wide]
    return Image.fromarray((boxes / count).astype(np.float32))


def _dithered(plane: Image.Image, random: np.random.Generator) -> Image.Image:
    pixels = np.asarray(plane)
    return Image.fromarray((pixels + random.random(pixels.shape, np.float32)).clip(0, 255).astype(np.uint8))


def title_card(title: str, subtitle: str, size: tuple[int, int]) -> Overlay:
    """The opening: the name large in the middle, the place below it, within a thin frame."""
    unit = min(size) / 1080
    card = Image.new("RGBA", size, (255, 255, 255, 0))
    draw = ImageDraw.Draw(card)
    inset, line = round(52 * unit), max(1, round(2 * unit))
    draw.rectangle((inset, inset, size[0] - inset, size[1] - inset), outline=(255, 255, 255, 120), width=line)
    _stack(card, title, subtitle, size, middle=0.45, name_size=132 * unit, place_size=46 * unit, rule=96 * unit)
    return with_shadow(card, 10 * unit)


def end_card(title: str, subtitle: str, size: tuple[int, int]) -> Overlay:
    """The close: the same, smaller and without the frame."""
    unit = min(size) / 1080
    card = Image.new("RGBA", size, (255, 255, 255, 0))
    _stack(card, title, subtitle, size, middle=0.44, name_size=78 * unit, place_size=38 * unit, rule=64 * unit)
    return with_shadow(card, 10 * unit)


def fact_card(text: str, number: int, size: tuple[int, int]) -> Overlay:
    """One fact of the business, large in the upper half, for clips without photos."""
    unit = min(size) / 1080
    card = Image.new("RGBA", size, (255, 255, 255, 0))
    draw = ImageDraw.Draw(card)
    width = round(size[0] * 0.76)
    wanted = round(92 * unit)
    fitted = fit(writable(text), HEAVY, max(8, wanted), width, max(6, round(wanted * 0.5)), most=3)
    step, middle = fitted.size * 1.3, size[1] * (0.33 if size[1] >= size[0] else 0.3)
    top = middle - step * len(fitted.lines) / 2
    left, bar = (size[0] - width) / 2, max(2, round(7 * unit))
    # The bar changes its side from card to card, and a ring stands where the last one was not.
    place = (left, size[0] / 2 - 48 * unit, left + width - 96 * unit)[number % 3]
    draw.rounded_rectangle((place, top - 64 * unit, place + 96 * unit, top - 64 * unit + bar), bar / 2, fill=_WHITE)
    reach = min(width, size[1] * 0.5) * 0.62
    ring = (size[0] / 2 - reach, middle - reach, size[0] / 2 + reach, middle + reach)
    draw.ellipse(ring, outline=(255, 255, 255, 70), width=max(1, round(3 * unit)))
    _lines(draw, fitted, size[0] / 2, top, step, _WHITE, spacing=0.0)
    return with_shadow(card, 10 * unit)


def _stack(
    card: Image.Image,
    title: str,
    subtitle: str,
    size: tuple[int, int],
    middle: float,
    name_size: float,
    place_size: float,
    rule: float,
) -> None:
    """Name, short rule and place, one below the other around the height `middle` (0–1)."""
    name, place = writable(title), writable(subtitle)
    draw, width = ImageDraw.Draw(card), round(size[0] * (0.8 if size[0] < size[1] else 0.7))
    fitted_name = fit(name, HEAVY, max(8, round(name_size)), width, smallest=max(6, round(name_size * 0.42)), most=3)
    fitted_place = fit(place, BOLD, max(6, round(place_size)), width, max(5, round(place_size * 0.5)), spacing=0.06)
    name_step, place_step = fitted_name.size * 1.28, fitted_place.size * 1.5
    gap = name_size * 0.62
    height = name_step * len(fitted_name.lines) + gap * 2 + place_step * len(fitted_place.lines)
    top = size[1] * middle - height / 2

    _lines(draw, fitted_name, size[0] / 2, top, name_step, _WHITE, spacing=0.0)
    y = top + name_step * len(fitted_name.lines) + gap
    if place:
        thick = max(1, round(rule / 32))
        draw.rectangle(((size[0] - rule) / 2, y - thick, (size[0] + rule) / 2, y), fill=_SOFT)
        _lines(draw, fitted_place, size[0] / 2, y + gap, place_step, _SOFT, spacing=0.06)


def _lines(
    draw: ImageDraw.ImageDraw,
    fitted: Fitted,
    x: float,
    top: float,
    step: float,
    color: tuple[int, int, int, int],
    spacing: float,
) -> None:
    for number, line in enumerate(fitted.lines):
        fitted.draw(draw, (x, top + step * (number + 0.5)), line, color, spacing=spacing, on_middle=True)


def with_shadow(card: Image.Image, reach: float) -> Overlay:
    """A drawn card as an overlay, on its own soft shadow."""
    alpha = card.getchannel("A").filter(ImageFilter.GaussianBlur(reach))
    shadow = Image.new("RGBA", card.size, (0, 0, 0, 0))
    shadow.putalpha(alpha.point([round(value * 0.5) for value in range(256)]))
    shadow.alpha_composite(card)
    return Overlay(shadow)
