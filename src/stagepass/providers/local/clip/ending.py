"""The end card of a clip that is posted for something: what to do, where, when, and a QR code.

    logo · name · place · offer · what to do · contact and hours · QR code     from above to below

All of it stands within the safe area; where there is much to say, all of it gets smaller.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import segno
from PIL import Image, ImageDraw

from stagepass.errors import Permanent
from stagepass.providers.local.clip.cards import with_shadow
from stagepass.providers.local.clip.frames import Overlay
from stagepass.providers.local.clip.order import Card, SafeArea
from stagepass.providers.local.clip.photos import open_logo
from stagepass.providers.local.clip.text import BOLD, HEAVY, Fitted, fit, writable

_WHITE, _SOFT, _INK = (255, 255, 255, 255), (255, 255, 255, 225), (18, 20, 26, 255)
QUIET = 4
"""Modules of white around a QR code: readers need them."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Something to be drawn below the block before it."""

    height: float
    gap: float
    draw: Callable[[Image.Image, float, float], None]  # the card, its middle, its top


def ending(title: str, subtitle: str, card: Card, size: tuple[int, int], safe: SafeArea, folder: Path) -> Overlay:
    """Draw the end card.

    Args:
        title: the business's name.
        subtitle: its place.
        card: what it says.
        size: of the frame, pixels.
        safe: where words may stand.
        folder: holds the logo.
    """
    left, right = safe.left * size[0], (1 - safe.right) * size[0]
    top, bottom = safe.top * size[1], (1 - safe.bottom) * size[1]
    beside = bool(card.link) and size[0] > size[1] * 1.2  # a wide frame has the code on the right
    code_room = (right - left) * 0.34 if beside else 0.0
    width, middle = right - left - code_room, (left + right - code_room) / 2
    picture = Image.new("RGBA", size, (255, 255, 255, 0))
    unit = min(size) / 1080
    blocks: list[_Block] = []
    for _ in range(6):
        blocks = _blocks(title, subtitle, card, round(width), unit, folder, with_code=not beside)
        height = sum(block.height + block.gap for block in blocks)
        if height <= bottom - top:
            break
        unit *= max(0.6, (bottom - top) / height * 0.98)
    y = top + (bottom - top - height) * 0.5
    for block in blocks:
        y += block.gap
        block.draw(picture, middle, y)
        y += block.height
    if beside:
        side = min(code_room * 0.8, (bottom - top) * 0.7)
        _paste_code(picture, card.link, right - side / 2, (top + bottom - side) / 2, side)
    return with_shadow(picture, 8 * min(size) / 1080)


def _blocks(
    title: str, subtitle: str, card: Card, width: int, unit: float, folder: Path, *, with_code: bool
) -> list[_Block]:
    blocks: list[_Block] = []
    if card.logo:
        blocks.append(_logo(folder, width, unit))
    blocks.append(_words(title, HEAVY, 76 * unit, width, _WHITE, gap=18 * unit, most=3))
    for text, face, size, color, gap in (
        (subtitle, BOLD, 36, _SOFT, 10),
        (card.offer, HEAVY, 50, _WHITE, 34),
    ):
        if writable(text):
            blocks.append(_words(text, face, size * unit, width, color, gap=gap * unit))
    if writable(card.call_to_action):
        blocks.append(_button(card.call_to_action, width, unit))
    for number, text in enumerate([*card.contact, card.hours]):
        if writable(text):
            blocks.append(_words(text, BOLD, 38 * unit, width, _SOFT, gap=(32 if number == 0 else 8) * unit))
    if card.link and with_code:
        side = 250 * unit
        blocks.append(_Block(side, 36 * unit, lambda to, x, y: _paste_code(to, card.link, x, y, side)))
    return blocks


def _words(
    text: str, face: str, size: float, width: int, color: tuple[int, int, int, int], *, gap: float, most: int = 2
) -> _Block:
    wanted = max(8, round(size))
    fitted = fit(writable(text), face, wanted, width, max(6, round(wanted * 0.5)), most=most)
    step = fitted.size * 1.3
    return _Block(step * len(fitted.lines), gap, lambda to, x, y: _draw(to, fitted, x, y, step, color))


def _button(text: str, width: int, unit: float) -> _Block:
    """What to do, dark on a light pill."""
    wanted, pad = max(8, round(44 * unit)), 34 * unit
    fitted = fit(writable(text), HEAVY, wanted, round(width - 4 * pad), max(6, round(wanted * 0.6)))
    step = fitted.size * 1.3
    height = step * len(fitted.lines) + 1.1 * pad

    def draw(to: Image.Image, x: float, y: float) -> None:
        half = max(fitted.lettering.length(line, fitted.size) for line in fitted.lines) / 2 + 1.4 * pad
        box = (x - half, y, x + half, y + height)
        ImageDraw.Draw(to).rounded_rectangle(box, height / 2 if len(fitted.lines) == 1 else pad, fill=_WHITE)
        _draw(to, fitted, x, y + 0.55 * pad, step, _INK)

    return _Block(height, 34 * unit, draw)


def _draw(to: Image.Image, fitted: Fitted, x: float, y: float, step: float, color: tuple[int, int, int, int]) -> None:
    draw = ImageDraw.Draw(to)
    for number, line in enumerate(fitted.lines):
        fitted.draw(draw, (x, y + step * (number + 0.5)), line, color, on_middle=True)


def _logo(folder: Path, width: int, unit: float) -> _Block:
    logo = open_logo(folder)
    scale = min(0.6 * width / logo.width, 190 * unit / logo.height)
    small = logo.resize(
        (max(1, round(logo.width * scale)), max(1, round(logo.height * scale))), Image.Resampling.LANCZOS
    )

    def draw(to: Image.Image, x: float, y: float) -> None:
        to.alpha_composite(small, (round(x - small.width / 2), round(y)))

    return _Block(small.height, 0.0, draw)


def _paste_code(to: Image.Image, link: str, x: float, y: float, side: float) -> None:
    """A QR code in the middle of `x`, from `y` down, on white; each module has whole pixels."""
    try:
        modules = [list(row) for row in segno.make_qr(link, error="m", boost_error=False).matrix]
    except ValueError:
        raise Permanent("the link is too long for a QR code", provider="local") from None
    pixels = max(1, round(side / (len(modules) + 2 * QUIET)))
    count = len(modules) + 2 * QUIET
    code = Image.new("L", (count, count), 255)
    for row, line in enumerate(modules):
        for column, dark in enumerate(line):
            if dark:
                code.putpixel((column + QUIET, row + QUIET), 0)
    large = code.resize((count * pixels, count * pixels), Image.Resampling.NEAREST)
    place = (round(x - large.width / 2) // 2 * 2, round(y) // 2 * 2)
    to.paste(large.convert("RGBA"), place)
