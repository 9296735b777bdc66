"""The designed background of a clip without photos: a soft gradient, glows and discs of light that drift.

Everything is drawn from the title: the same business always gets the same colours and shapes.
"""

import hashlib
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from stagepass.providers.local.clip.frames import OVERSIZE, Frame, Overlay
from stagepass.providers.local.clip.photos import even

VARIANTS = 3
"""Pictures of one palette that a clip without photos changes between."""

_Color = tuple[int, int, int]

# Ground from above to below, then two glows. Dark enough below for white captions.
_PALETTES: tuple[tuple[_Color, _Color, _Color, _Color], ...] = (
    ((255, 176, 133), (94, 58, 110), (255, 214, 165), (232, 93, 117)),  # dusk
    ((126, 200, 214), (20, 62, 99), (197, 240, 233), (58, 134, 190)),  # sea
    ((176, 206, 150), (31, 77, 66), (240, 232, 170), (82, 151, 110)),  # forest
    ((246, 190, 200), (106, 62, 120), (255, 228, 214), (190, 110, 190)),  # rose
    ((250, 205, 137), (122, 62, 44), (255, 236, 190), (226, 120, 70)),  # amber
    ((166, 178, 232), (38, 40, 92), (222, 214, 255), (110, 96, 200)),  # night
)


def _random(title: str, what: object) -> np.random.Generator:
    seed = hashlib.sha256(f"{title}\0{what}".encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng(int.from_bytes(seed[:8], "big"))


def _palette(title: str) -> tuple[_Color, _Color, _Color, _Color]:
    return _PALETTES[int(_random(title, "palette").integers(len(_PALETTES)))]


def paint(title: str, variant: int, size: tuple[int, int]) -> Image.Image:
    """Picture number `variant` of the title's palette, for frames of `size` pixels."""
    random = _random(title, variant)
    top, bottom, *glows = _palette(title)
    width, height = even(size[0] * OVERSIZE), even(size[1] * OVERSIZE)
    # Soft shapes need no pixels: painted small, and grain afterwards keeps the gradient from banding.
    small = (max(8, width // 6), max(8, height // 6))
    x, y = np.meshgrid(np.linspace(0, 1, small[0]), np.linspace(0, 1, small[1]))
    slant = (random.random() - 0.5) * 0.7
    along = np.clip(y + slant * (x - 0.5), 0, 1)[..., None]
    along = along * along * (3 - 2 * along)
    picture = np.array(top) * (1 - along) + np.array(bottom) * along
    aspect = small[1] / small[0]
    for number in range(5):
        cx, cy, radius = random.random(), random.random() * 0.85, 0.22 + 0.3 * random.random()
        distance = ((x - cx) ** 2 + ((y - cy) * aspect) ** 2) / radius**2
        glow = (np.exp(-distance * 1.6) * (0.25 + 0.4 * random.random()))[..., None]
        picture = picture * (1 - glow) + np.array(glows[number % 2]) * glow
    image = Image.fromarray(picture.clip(0, 255).astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    image = _with_discs(image, random, glows[0])
    grain = random.normal(0.0, 0.7, (height, width, 1))
    return Image.fromarray((np.asarray(image, np.float32) + grain).clip(0, 255).astype(np.uint8))


def _with_discs(image: Image.Image, random: np.random.Generator, color: _Color) -> Image.Image:
    """Faint discs out of focus, as of lamps far away."""
    unit = min(image.size)
    layer = Image.new("L", image.size)
    for _ in range(16):
        disc, reach = Image.new("L", image.size), unit * (0.03 + 0.09 * random.random() ** 2)
        cx, cy = random.random() * image.width, (random.random() ** 1.2) * image.height
        strength = int(24 + 44 * random.random())
        ImageDraw.Draw(disc).ellipse((cx - reach, cy - reach, cx + reach, cy + reach), fill=strength)
        layer = Image.fromarray(np.maximum(np.asarray(layer), np.asarray(disc)))
    layer = layer.filter(ImageFilter.GaussianBlur(unit * 0.004))
    picture = image.copy()
    picture.paste(color, (0, 0), layer)
    return picture


class Drift:
    """Discs of light that rise slowly through the frame.

    Args:
        title: what they are drawn from.
        size: of the frame, pixels.
    """

    def __init__(self, title: str, size: tuple[int, int]) -> None:
        self._size = size
        random, unit, color = _random(title, "drift"), min(size), _palette(title)[2]
        self._discs: list[tuple[Overlay, float, float, float, float]] = []
        for _ in range(11):
            radius = max(3, round(unit * (0.012 + 0.07 * random.random() ** 2)))
            side = even(radius * 3)
            alpha = Image.new("L", (side, side))
            middle, strength = side / 2, int(40 + 60 * random.random())
            edges = (middle - radius, middle - radius, middle + radius, middle + radius)
            ImageDraw.Draw(alpha).ellipse(edges, fill=strength)
            alpha = alpha.filter(ImageFilter.GaussianBlur(max(0.8, radius * 0.12)))
            disc = Image.new("RGBA", (side, side), (*color, 0))
            disc.putalpha(alpha)
            speed = 0.012 + 0.02 * random.random()
            self._discs.append((Overlay(disc), random.random(), random.random(), speed, 6.3 * random.random()))

    def paint(self, frame: Frame, time: float) -> None:
        """Paint the discs where they are at `time` seconds."""
        width, height = self._size
        for disc, x, y, speed, phase in self._discs:
            up = (y - speed * time) % 1.2 - 0.1
            across = x + 0.02 * math.sin(time * 0.5 + phase)
            place = (round(across * width / 2) * 2, round(up * height / 2) * 2)
            # They breathe, and are gone where they would jump from the upper edge to the lower.
            light = (0.7 + 0.3 * math.sin(time * 0.8 + phase)) * max(0.0, min(1.0, (up + 0.1) * 8, (1.1 - up) * 8))
            disc.paint(frame, light, place)
