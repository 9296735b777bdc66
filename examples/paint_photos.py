"""Paint the four example photos of the promo pipeline: no camera, no download, the same bytes each time.

    python examples/paint_photos.py [folder]

Each scene is a stack of soft shapes with light added in linear-looking steps, then treated like a photo:
bloom, a little grain, a vignette. Pictures are painted at twice the size and scaled down.
"""

import itertools
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

SIZE = (1200, 1600)
FOLDER = Path(__file__).resolve().parent.parent / "src/stagepass/pipelines/promo/examples"

Color = tuple[int, int, int]
Point = tuple[float, float]
Box = tuple[float, float, float, float]
Mask = tuple[Image.Image, tuple[int, int]]
"""An alpha channel and where its corner lies, at twice the final pixels."""


class Canvas:
    """A picture in units of the final pixels, painted at twice their number."""

    def __init__(self, stops: list[tuple[float, Color]]) -> None:
        self.random = np.random.default_rng(20)
        y = np.linspace(0, 1, SIZE[1] * 2)
        at = [stop for stop, _ in stops]
        bands = [np.interp(y, at, [color[band] for _, color in stops]) for band in range(3)]
        column = np.stack(bands, axis=-1)[:, None, :]
        self.image = Image.fromarray(np.repeat(column, SIZE[0] * 2, axis=1).astype(np.uint8))

    def mask(
        self, box: Box, draw: Callable[[ImageDraw.ImageDraw, Callable[..., list[Point]]], None], blur: float = 0.0
    ) -> Mask:
        """What `draw` paints within `box`, softened by `blur` pixels.

        `draw` is given the drawing and a function from points of the picture to points of the drawing.
        """
        margin = blur * 3 + 2
        left, top = max(0, int((box[0] - margin) * 2)), max(0, int((box[1] - margin) * 2))
        right = min(self.image.width, int((box[2] + margin) * 2) + 2)
        bottom = min(self.image.height, int((box[3] + margin) * 2) + 2)
        if right <= left or bottom <= top:
            return Image.new("L", (1, 1)), (0, 0)
        # A soft shape needs fewer pixels.
        part = 8 if blur > 8 else 1
        size = (max(1, (right - left) // part), max(1, (bottom - top) // part))
        layer = Image.new("L", size)
        draw(ImageDraw.Draw(layer), lambda *points: [((x * 2 - left) / part, (y * 2 - top) / part) for x, y in points])
        if blur:
            layer = layer.filter(ImageFilter.GaussianBlur(blur * 2 / part))
        if part > 1:
            layer = layer.resize((right - left, bottom - top), Image.Resampling.BICUBIC)
        return layer, (left, top)

    def fill(self, color: Color, mask: Mask, strength: float = 1.0) -> None:
        """Cover with a colour."""
        alpha, at = mask
        if strength < 1.0:
            alpha = alpha.point([round(value * strength) for value in range(256)])
        self.image.paste(color, (*at, at[0] + alpha.width, at[1] + alpha.height), alpha)

    def light(self, color: Color, mask: Mask, strength: float = 1.0) -> None:
        """Add light of a colour, as a lamp does: bright stays bright."""
        alpha, at = mask
        place = (*at, at[0] + alpha.width, at[1] + alpha.height)
        glow = Image.new("RGB", alpha.size)
        glow.paste(tuple(round(part * strength) for part in color), (0, 0), alpha)
        self.image.paste(ImageChops.screen(self.image.crop(place), glow), place)

    def poly(self, points: list[Point], blur: float = 0.0) -> Mask:
        """A filled polygon, as a mask."""
        xs, ys = [x for x, _ in points], [y for _, y in points]
        return self.mask((min(xs), min(ys), max(xs), max(ys)), lambda d, to: d.polygon(to(*points), fill=255), blur)

    def oval(self, box: Box, blur: float = 0.0) -> Mask:
        """A filled ellipse, as a mask."""
        return self.mask(box, lambda d, to: d.ellipse(to(box[:2], box[2:]), fill=255), blur)

    def lens(self, x: float, y: float, reach: float, thick: float, blur: float = 0.0) -> Mask:
        """A flat ellipse around a point, as a mask: a wave, a reflection, a seam."""
        return self.oval((x - reach, y - thick, x + reach, y + thick), blur)

    def line(self, points: list[Point], wide: float, blur: float = 0.0) -> Mask:
        """A line through points, as a mask."""
        xs, ys = [x for x, _ in points], [y for _, y in points]
        box = (min(xs) - wide, min(ys) - wide, max(xs) + wide, max(ys) + wide)
        return self.mask(
            box, lambda d, to: d.line(to(*points), fill=255, width=max(1, round(wide * 2)), joint="curve"), blur
        )

    def polygon(self, color: Color, points: list[Point], blur: float = 0.0, strength: float = 1.0) -> None:
        """A filled polygon."""
        self.fill(color, self.poly(points, blur), strength)

    def ellipse(self, color: Color, box: Box, blur: float = 0.0, strength: float = 1.0) -> None:
        """A filled ellipse."""
        self.fill(color, self.oval(box, blur), strength)

    def box(self, color: Color, box: Box, round_: float = 0, blur: float = 0.0, strength: float = 1.0) -> None:
        """A filled rectangle with round corners."""
        part = 8 if blur > 8 else 1
        self.fill(
            color,
            self.mask(box, lambda d, to: d.rounded_rectangle(to(box[:2], box[2:]), round_ * 2 / part, fill=255), blur),
            strength,
        )

    def glow(self, color: Color, x: float, y: float, radius: float, strength: float = 1.0) -> None:
        """A round light that falls off softly."""
        grid = np.linspace(-1, 1, 256)
        fall = np.clip(1 - np.hypot(*np.meshgrid(grid, grid)), 0, 1) ** 2.2
        side = max(2, round(radius * 4))
        spot = Image.fromarray((fall * 255).astype(np.uint8)).resize((side, side))
        self.light(color, (spot, (round((x - radius) * 2), round((y - radius) * 2))), strength)

    def texture(self, color: Color, within: Mask, cell: tuple[float, float], seed: int, strength: float = 0.5) -> None:
        """Soft random structure (stone, wood, crust) of cells of that size, inside a mask."""
        alpha, at = within
        random = np.random.default_rng(seed)
        shape = (max(2, int(alpha.height / cell[1] / 2)), max(2, int(alpha.width / cell[0] / 2)))
        small = Image.fromarray((random.random(shape) * 255).astype(np.uint8))
        self.fill(color, (ImageChops.multiply(small.resize(alpha.size, Image.Resampling.BICUBIC), alpha), at), strength)

    def photo(self, bloom: float = 0.35, grain: float = 3.0, vignette: float = 0.45) -> Image.Image:
        """The finished picture."""
        image = self.image.resize(SIZE, Image.Resampling.LANCZOS)
        bright = image.point([max(0, value - 150) * 2 for value in range(256)] * 3).reduce(4)
        bright = bright.filter(ImageFilter.GaussianBlur(9)).resize(SIZE, Image.Resampling.BICUBIC)
        image = ImageChops.screen(image, bright.point([round(value * bloom) for value in range(256)] * 3))
        pixels = np.asarray(image, np.float32)
        x, y = np.meshgrid(np.linspace(-1, 1, SIZE[0]), np.linspace(-1, 1, SIZE[1]))
        dark = 1 - vignette * np.clip((x**2 + y**2) / 2, 0, 1) ** 1.5
        soft = self.random.normal(0, grain, (SIZE[1] // 2, SIZE[0] // 2)).repeat(2, 0).repeat(2, 1)
        pixels = pixels * dark[..., None] + soft[..., None] * 0.5
        return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def seaside() -> Image.Image:
    """A white guest house above the sea, the sun going down, its windows lit."""
    c = Canvas([(0, (44, 58, 112)), (0.2, (122, 92, 142)), (0.36, (236, 132, 112)), (0.45, (255, 196, 130)),
                (0.5, (255, 214, 150)), (1, (255, 214, 150))])  # fmt: skip
    random = c.random
    c.glow((255, 226, 170), 330, 742, 620, 0.75)
    c.glow((255, 246, 216), 330, 742, 120, 1.0)
    c.ellipse((255, 250, 230), (282, 694, 378, 790), blur=1.5)
    for _ in range(34):  # clouds lit from below
        x, y = random.uniform(-100, 1300), random.uniform(120, 600)
        wide, high = random.uniform(130, 420), random.uniform(8, 26)
        c.ellipse((92, 70, 120), (x - wide, y - high * 1.4, x + wide, y + high * 0.4), blur=14, strength=0.3)
        c.ellipse((255, 186, 150), (x - wide, y, x + wide, y + high), blur=11, strength=0.34)
    c.polygon((128, 98, 140), [(0, 775), (0, 735), (120, 712), (240, 748), (420, 770), (520, 778)], blur=2)
    c.polygon((104, 82, 128), [(700, 780), (860, 742), (1000, 700), (1200, 676), (1200, 780)], blur=2)
    # The sea: a gradient, the sun's road, waves.
    for step in range(34):
        t = step / 33
        color = (int(226 - 180 * t), int(150 - 78 * t), int(132 - 16 * t))
        y = 776 + 560 * t**1.4
        c.box(color, (0, y, 1200, 1600), blur=3)
    for row in range(170):
        t = row / 170
        y, reach = 780 + 560 * t**1.5, 34 + 240 * t
        for _ in range(3):
            x = 330 + random.normal(0, reach * 0.55)
            wide = random.uniform(7, 30) * (0.5 + t * 1.9)
            c.light((255, 206, 140), c.lens(x, y, wide, 1 + 3.4 * t), 0.6 - 0.3 * t)
    for _ in range(110):
        t = random.random()
        y = 790 + 560 * t**1.3
        x, wide = random.uniform(-50, 1250), random.uniform(30, 130) * (0.4 + t)
        c.fill((44, 58, 98), c.lens(x, y, wide, 1 + 3 * t), 0.34)
    # The cliff and the house.
    cliff = [(520, 1600), (560, 1330), (640, 1180), (700, 1130), (1200, 1105), (1200, 1600)]
    c.polygon((58, 56, 70), cliff, blur=1)
    c.texture((96, 82, 86), c.poly(cliff), (60, 16), 3, 0.5)
    c.polygon(
        (255, 170, 120),
        [(520, 1600), (560, 1330), (640, 1180), (700, 1130), (760, 1140), (640, 1400), (600, 1600)],
        blur=30,
        strength=0.3,
    )
    c.polygon((86, 96, 72), [(690, 1132), (730, 1096), (900, 1080), (1200, 1066), (1200, 1120), (700, 1150)], blur=2)
    c.polygon((238, 222, 214), [(770, 1100), (770, 800), (1090, 800), (1090, 1100)])
    c.polygon((178, 158, 172), [(1090, 1100), (1090, 800), (1200, 812), (1200, 1100)])
    c.polygon((255, 214, 176), [(770, 1100), (770, 800), (860, 800), (850, 1100)], blur=26, strength=0.7)
    c.polygon((150, 74, 66), [(742, 806), (840, 660), (1030, 660), (1118, 806)])
    c.polygon((116, 56, 58), [(1118, 806), (1030, 660), (1200, 668), (1200, 816)])
    for row in range(9):  # roof tiles
        y = 674 + row * 15.5
        c.fill((112, 50, 50), c.lens(932, y, 92 + row * 11, 1.6), 0.7)
    c.box((126, 66, 60), (968, 612, 1006, 690))
    for x in (812, 936):
        window(c, x, 850, 86, 104)
    window(c, 936, 988, 86, 84)
    c.box((74, 52, 48), (806, 968, 900, 1102), 6)
    c.box((255, 214, 140), (826, 986, 880, 1050), 4)
    c.glow((255, 196, 110), 853, 1018, 150, 0.55)
    c.glow((255, 206, 120), 790, 950, 60, 0.9)
    # A terrace with a table, lanterns on a string, and flowers in front.
    c.box((92, 66, 56), (560, 1128, 1200, 1152))
    for x in range(580, 1200, 58):
        c.box((104, 76, 64), (x, 1080, x + 7, 1136))
    c.box((112, 82, 68), (570, 1074, 1200, 1084))
    string(c, (560, 940), (790, 868), 9, 70)
    c.box((70, 52, 50), (557, 935, 564, 1132))
    flowers(c, 1600, 120, ((226, 108, 134), (252, 178, 150), (255, 226, 200), (190, 96, 160)), 4)
    return c.photo(bloom=0.32)


def window(c: Canvas, x: float, y: float, wide: float, high: float) -> None:
    """A lit window with bars and a sill."""
    c.box((96, 70, 64), (x - 8, y - 8, x + wide + 8, y + high + 8), 4)
    c.box((255, 206, 124), (x, y, x + wide, y + high), 3)
    c.box((255, 232, 176), (x + 8, y + high * 0.4, x + wide - 8, y + high - 4), 6, blur=7)
    c.box((120, 86, 72), (x + wide / 2 - 3, y, x + wide / 2 + 3, y + high))
    c.box((120, 86, 72), (x, y + high * 0.42, x + wide, y + high * 0.42 + 5))
    c.box((250, 236, 226), (x - 12, y + high + 6, x + wide + 12, y + high + 16), 3)
    c.glow((255, 196, 110), x + wide / 2, y + high / 2, wide * 1.5, 0.4)


def string(c: Canvas, start: Point, end: Point, count: int, sag: float) -> None:
    """Lamps on a wire between two points."""

    def at(t: float) -> Point:
        return start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t + sag * 4 * t * (1 - t)

    c.fill((40, 32, 38), c.line([at(t / 40) for t in range(41)], 2.5))
    for number in range(count):
        x, y = at((number + 0.5) / count)
        c.glow((255, 190, 96), x, y + 9, 58, 0.75)
        c.ellipse((255, 236, 180), (x - 7, y + 1, x + 7, y + 17), blur=0.8)


def flowers(c: Canvas, ground: float, high: float, colors: tuple[Color, ...], seed: int) -> None:
    """Out-of-focus grass and blossoms along the lower edge."""
    random = np.random.default_rng(seed)
    for _ in range(170):
        x, top = random.uniform(-20, 1220), ground - random.uniform(0.2, 1.0) * high * 1.5
        lean = random.normal(0, 34)
        green = (int(random.uniform(34, 70)), int(random.uniform(58, 96)), int(random.uniform(44, 66)))
        c.polygon(green, [(x - 6, ground), (x + 6, ground), (x + lean, top)], blur=1.6)
    for _ in range(52):
        x, y = random.uniform(-10, 1210), ground - random.uniform(0.1, 1.0) * high * 1.5
        reach = random.uniform(9, 24)
        color = colors[int(random.integers(len(colors)))]
        for turn in range(5):
            px, py = x + reach * 0.7 * np.cos(turn * 1.257), y + reach * 0.62 * np.sin(turn * 1.257)
            c.ellipse(color, (px - reach * 0.55, py - reach * 0.5, px + reach * 0.55, py + reach * 0.5), blur=1.4)
        c.ellipse((255, 222, 130), (x - reach * 0.3, y - reach * 0.3, x + reach * 0.3, y + reach * 0.3), blur=1.2)


def cafe() -> Image.Image:
    """A warm café: lamps over a wooden table, two cups that steam, the evening outside the window."""
    c = Canvas([(0, (60, 38, 34)), (0.35, (132, 84, 62)), (0.62, (116, 70, 50)), (1, (70, 40, 30))])
    random = c.random
    c.texture((168, 112, 82), c.poly([(0, 0), (1200, 0), (1200, 1080), (0, 1080)]), (90, 60), 5, 0.35)
    # The window, with the lights of the street far out of focus.
    c.box((52, 32, 28), (90, 170, 640, 860), 16)
    c.box((58, 74, 118), (112, 192, 618, 838), 6)
    c.polygon((236, 150, 116), [(112, 640), (618, 600), (618, 838), (112, 838)], blur=70, strength=0.8)
    for _ in range(46):
        x, y, reach = random.uniform(140, 590), random.uniform(330, 800), random.uniform(10, 34)
        color = ((255, 206, 130), (255, 150, 110), (180, 206, 255), (255, 236, 200))[int(random.integers(4))]
        c.light(color, c.lens(x, y, reach, reach, 1.4), random.uniform(0.16, 0.5))
    c.box((52, 32, 28), (359, 180, 373, 850))
    c.box((52, 32, 28), (100, 420, 630, 434))
    c.box((150, 98, 70), (66, 852, 664, 886), 6)
    # A shelf with bottles, jars and cups.
    for level, y in enumerate((430, 640, 850)):
        c.box((66, 40, 30), (742, y + 22, 1130, y + 30), 2, blur=8, strength=0.7)
        c.box((164, 108, 72), (736, y, 1136, y + 20), 4)
        x = 760.0
        while x < 1090:
            wide, high = random.uniform(30, 54), random.uniform(56, 128)
            kind = int(random.integers(4))
            color = ((214, 176, 132), (120, 146, 112), (236, 222, 200), (186, 96, 70))[kind]
            c.box(color, (x, y - high, x + wide, y), 9)
            c.box((255, 240, 214), (x + 5, y - high + 10, x + 10, y - 12), 3, blur=2, strength=0.45)
            c.box((40, 24, 22), (x + wide * 0.7, y - high + 4, x + wide, y), 6, blur=5, strength=0.35)
            if kind == 1:
                c.box(color, (x + wide * 0.32, y - high - 26, x + wide * 0.68, y - high + 8), 4)
            x += wide + random.uniform(8, 24)
        c.glow((255, 196, 120), 936, y - 60, 260, 0.16 + 0.04 * level)
    # A plant in the window.
    c.polygon((186, 104, 76), [(150, 768), (262, 768), (248, 856), (164, 856)])
    for turn in np.linspace(-1.35, 1.35, 17):
        reach = random.uniform(110, 210)
        tip = (206 + reach * np.sin(turn), 770 - reach * np.cos(turn))
        side = (14 * np.cos(turn), 14 * np.sin(turn))
        green = (int(random.uniform(52, 84)), int(random.uniform(96, 132)), int(random.uniform(64, 84)))
        middle = (206 + reach * 0.5 * np.sin(turn * 0.8), 770 - reach * 0.55 * np.cos(turn * 0.8))
        leaf = [(206, 774), (middle[0] - side[0], middle[1] - side[1]), tip, (middle[0] + side[0], middle[1] + side[1])]
        c.polygon(green, leaf, blur=1.2)
        c.fill((150, 184, 130), c.line([(206, 774), middle, tip], 1.6, 0.6), 0.5)
    # Lamps.
    for x, y in ((300, 214), (664, 300), (1010, 168)):
        c.fill((30, 20, 20), c.line([(x, -10), (x, y - 84)], 2.5))
        c.polygon((44, 36, 38), [(x - 24, y - 88), (x + 24, y - 88), (x + 92, y), (x - 92, y)], blur=1)
        c.polygon(
            (120, 96, 80), [(x - 18, y - 86), (x - 8, y - 86), (x - 50, y - 2), (x - 82, y - 2)], blur=5, strength=0.6
        )
        c.fill((255, 234, 180), c.lens(x, y, 90, 13, 1))
        c.glow((255, 196, 112), x, y + 30, 420, 0.62)
        c.glow((255, 238, 200), x, y + 6, 120, 0.9)
    # The table: boards in perspective, light on them.
    table = [(0, 1130), (1200, 1060), (1200, 1600), (0, 1600)]
    c.polygon((40, 24, 20), [(0, 1116), (1200, 1046), (1200, 1070), (0, 1140)], blur=9, strength=0.8)
    c.polygon((150, 92, 58), table)
    c.texture((198, 132, 86), c.poly(table), (190, 5), 9, 0.55)
    for x in (-260, 40, 330, 640, 960, 1290):
        c.fill((72, 40, 28), c.line([(600 + (x - 600) * 0.86, 1080), (600 + (x - 600) * 1.5, 1620)], 3, 0.8), 0.75)
    c.fill((255, 206, 140), c.lens(610, 1290, 470, 130, 60), 0.42)
    cup(c, 410, 1240, 150, (238, 226, 208))
    cup(c, 800, 1330, 172, (92, 128, 132))
    # A plate with two biscuits, a spoon, coffee beans.
    c.fill((30, 16, 14), c.lens(250, 1490, 180, 44, 16), 0.6)
    c.fill((244, 236, 224), c.lens(240, 1470, 172, 46, 1))
    c.fill((222, 208, 192), c.lens(240, 1466, 124, 30, 4))
    for x, y in ((200, 1450), (282, 1456)):
        c.fill((150, 92, 48), c.lens(x, y + 10, 62, 22, 1))
        c.fill((206, 144, 84), c.lens(x, y, 62, 22, 1))
        for _ in range(7):
            c.fill((76, 42, 30), c.lens(x + random.uniform(-42, 42), y + random.uniform(-11, 9), 7, 4, 0.6))
    for _ in range(26):
        x, y = random.uniform(540, 1160), random.uniform(1470, 1585)
        c.fill((26, 14, 12), c.lens(x + 3, y + 6, 17, 9, 4), 0.6)
        c.fill((88, 50, 34), c.lens(x, y, 15, 9.5, 0.8))
        c.fill((46, 24, 18), c.line([(x - 12, y + 1), (x, y - 2), (x + 12, y + 1)], 2, 0.5))
    return c.photo(bloom=0.3, vignette=0.55)


def cup(c: Canvas, x: float, y: float, wide: float, color: Color) -> None:
    """A cup of coffee on a saucer, with a leaf of milk and steam; `x`, `y` is the middle of its rim."""
    dark = (int(color[0] * 0.62), int(color[1] * 0.58), int(color[2] * 0.58))
    light = (min(255, color[0] + 34), min(255, color[1] + 30), min(255, color[2] + 22))
    foot, half = y + wide * 0.92, wide / 2
    c.fill((24, 12, 10), c.lens(x + 20, foot + wide * 0.1, wide * 1.08, wide * 0.26, 18), 0.7)
    c.fill(dark, c.lens(x, foot + wide * 0.07, wide * 0.95, wide * 0.22, 1))
    c.fill(color, c.lens(x, foot + wide * 0.03, wide * 0.95, wide * 0.22, 1))
    c.fill(dark, c.lens(x, foot, wide * 0.6, wide * 0.13, 6), 0.7)
    ear = [
        (x + half * 1.0, y + wide * 0.14),
        (x + half * 1.62, y + wide * 0.16),
        (x + half * 1.6, y + wide * 0.5),
        (x + half * 0.8, y + wide * 0.62),
    ]
    c.fill(dark, c.line(ear, wide * 0.12, 1.4))
    side = [(x - half, y)]
    side += [(x - half * np.cos(t) ** 0.6, y + wide * 0.86 * np.sin(t)) for t in np.linspace(0.05, 1.2, 16)]
    side += [(2 * x - px, py) for px, py in reversed(side)]
    c.polygon(color, side, blur=0.8)
    c.polygon(
        dark,
        [
            (x + half * 0.3, y + 6),
            (x + half, y + 4),
            (x + half * 0.86, y + wide * 0.5),
            (x + half * 0.4, y + wide * 0.85),
        ],
        blur=14,
        strength=0.65,
    )
    c.polygon(
        light,
        [
            (x - half * 0.8, y + 16),
            (x - half * 0.5, y + 22),
            (x - half * 0.44, y + wide * 0.6),
            (x - half * 0.62, y + wide * 0.5),
        ],
        blur=7,
        strength=0.8,
    )
    c.fill(light, c.lens(x, y, half, wide * 0.155, 0.8))
    c.fill((86, 46, 26), c.lens(x, y + 3, half * 0.9, wide * 0.128, 0.8))
    c.fill((176, 112, 62), c.lens(x, y + 4, half * 0.84, wide * 0.112, 3))
    for step in range(4):
        c.fill(
            (248, 226, 194),
            c.lens(x, y - wide * 0.05 + step * wide * 0.033, half * (0.16 + step * 0.09), wide * 0.014, 0.9),
            0.9,
        )
    for turn in (-0.35, 0.3):  # steam
        points = [
            (x + turn * half + 26 * np.sin(t * 5 + turn * 9) * t, y - 14 - 250 * t) for t in np.linspace(0, 1, 24)
        ]
        for near, far in itertools.pairwise(points):
            share = (y - near[1]) / 264
            c.light((255, 244, 230), c.line([near, far], 15 + 26 * share, 8), 0.26 * (1 - share))


def street() -> Image.Image:
    """An old lane at night after rain, paper lanterns along both sides, the stones shining."""
    c = Canvas(
        [(0, (18, 20, 54)), (0.3, (44, 38, 92)), (0.5, (126, 74, 112)), (0.58, (206, 116, 110)), (1, (30, 26, 48))]
    )
    random = c.random
    for _ in range(130):
        x, y, reach = random.uniform(0, 1200), random.uniform(0, 560), random.uniform(0.6, 2.1)
        c.light((255, 250, 235), c.lens(x, y, reach, reach, 0.5), random.uniform(0.3, 0.95))
    c.glow((255, 244, 214), 690, 210, 210, 0.5)
    c.ellipse((255, 246, 222), (648, 168, 732, 252), blur=1)
    c.ellipse((240, 222, 190), (672, 186, 694, 206), blur=4, strength=0.5)
    middle, horizon = 600.0, 930.0
    c.polygon(
        (52, 42, 82),
        [(300, 960), (300, 800), (420, 740), (560, 800), (700, 748), (830, 790), (900, 760), (900, 960)],
        blur=2,
    )
    c.glow((255, 176, 110), middle, horizon - 20, 330, 0.75)
    # The lane.
    c.polygon((44, 38, 60), [(middle - 62, horizon), (middle + 62, horizon), (1290, 1600), (-90, 1600)])
    for row in range(26):
        t = ((row + 1) / 26) ** 2.1
        y = horizon + (1600 - horizon) * t
        half = 62 + 630 * t
        c.fill((22, 18, 34), c.line([(middle - half, y), (middle + half, y)], 1 + 4 * t, 0.8), 0.7)
        shift = random.uniform(0, 1)
        for stone in range(9):
            x = middle - half + 2 * half * ((stone + shift) / 9)
            c.fill(
                (22, 18, 34),
                c.line([(x, y), (middle + (x - middle) * 0.94, y - (1600 - horizon) * 0.08 * t)], 1 + 3 * t, 0.8),
                0.6,
            )
            c.light(
                (120, 104, 130), c.lens(x + 30 * t, y - 14 * t, 40 * t + 3, 6 * t + 1, 3), random.uniform(0.05, 0.4)
            )
    # Houses, from far to near, on both sides: wall, lit paper windows, roof with a long eave.
    for depth in (0.16, 0.26, 0.42, 0.68, 1.1):
        for side in (-1, 1):
            house(c, middle, horizon, depth, side, random)
    # Lanterns on strings across the lane, nearer ones larger.
    for depth, tilt in ((0.2, 6), (0.3, -8), (0.46, 12), (0.74, -16)):
        high, half = horizon - 660 * depth - 40, 62 + 640 * depth
        ends = ((middle - half, high + tilt), (middle + half, high - tilt))
        hang = [
            (
                ends[0][0] + (ends[1][0] - ends[0][0]) * t,
                ends[0][1] + (ends[1][1] - ends[0][1]) * t + 190 * depth * 4 * t * (1 - t) * 0.5,
            )
            for t in np.linspace(0, 1, 33)
        ]
        c.fill((16, 12, 22), c.line(hang, max(1.2, 4 * depth)))
        for number in range(5):
            x, y = hang[3 + number * 6 + (number > 2)]
            lantern(c, x, y, 66 * depth + 8, horizon, ((255, 120, 70), (255, 190, 96), (255, 150, 90))[number % 3])
    return c.photo(bloom=0.5, vignette=0.5)


def house(c: Canvas, middle: float, horizon: float, depth: float, side: int, random: np.random.Generator) -> None:
    """One house of a lane in perspective: `depth` 0 far – 1 near, `side` −1 left or 1 right."""

    def at(sideways: float, up: float, near: float) -> Point:
        return middle + side * (62 + 640 * near + sideways * near), horizon + 670 * near - up * near

    near, far = depth * 1.64, depth * 0.98
    tone = 0.4 + 0.6 * min(1, depth)
    wall = (int(92 * tone), int(70 * tone), int(74 * tone))
    shape = [at(0, 0, far), at(0, 1180, far), at(0, 1180, near), at(0, 0, near)]
    c.polygon(wall, shape)
    c.polygon((255, 170, 96), shape, strength=0.16)
    c.polygon((34, 26, 36), [at(0, 0, far), at(0, 210, far), at(0, 210, near), at(0, 0, near)])
    for number in range(3):  # paper windows along the wall
        a, b = far + (near - far) * (0.1 + number * 0.3), far + (near - far) * (0.32 + number * 0.3)
        pane = [at(0, 300, a), at(0, 840, a), at(0, 840, b), at(0, 300, b)]
        lit = random.random() < 0.8
        c.polygon((255, 204, 124) if lit else (66, 54, 66), pane)
        if lit:
            c.fill(
                (255, 236, 184),
                c.poly([at(0, 360, a), at(0, 640, a), at(0, 640, b), at(0, 360, b)], 6 * depth + 1),
                0.7,
            )
            x, y = at(0, 570, (a + b) / 2)
            c.glow((255, 180, 96), x, y, 330 * depth, 0.34)
        for up in (300, 435, 570, 705, 840):
            c.fill((54, 34, 30), c.line([at(0, up, a), at(0, up, b)], max(1, 6 * depth)))
        for share in (0, 0.33, 0.66, 1):
            d = a + (b - a) * share
            c.fill((54, 34, 30), c.line([at(0, 300, d), at(0, 840, d)], max(1, 6 * depth)))
    roof = [
        at(-130, 1120, far),
        at(70, 1330, far),
        at(700, 1700, far),
        at(700, 1700, near),
        at(70, 1330, near),
        at(-150, 1150, near),
    ]
    c.polygon((26, 24, 38), roof)
    c.fill((96, 70, 84), c.line([at(-130, 1120, far), at(-150, 1150, near)], max(1.5, 16 * depth)))
    c.fill((255, 190, 120), c.line([at(-128, 1106, far), at(-148, 1136, near)], max(1, 4 * depth), 1), 0.6)


def lantern(c: Canvas, x: float, y: float, size: float, horizon: float, color: Color) -> None:
    """A paper lantern hanging at a point, its light in the air and on the wet stones."""
    c.glow(color, x, y + size * 0.7, size * 4.2, 0.55)
    c.ellipse(color, (x - size * 0.62, y + size * 0.1, x + size * 0.62, y + size * 1.3), blur=0.8)
    c.ellipse((255, 232, 170), (x - size * 0.36, y + size * 0.36, x + size * 0.36, y + size * 1.18), blur=size * 0.12)
    for share in (0.35, 0.6, 0.85, 1.08):
        c.fill((190, 70, 50), c.lens(x, y + size * share, size * 0.55, max(0.7, size * 0.012), 0.5), 0.45)
    c.box((40, 22, 26), (x - size * 0.24, y, x + size * 0.24, y + size * 0.16), 2)
    c.box((40, 22, 26), (x - size * 0.24, y + size * 1.24, x + size * 0.24, y + size * 1.36), 2)
    c.fill((214, 80, 60), c.line([(x, y + size * 1.36), (x, y + size * 1.8)], max(1, size * 0.05)))
    below = horizon + (horizon - y) * 0.5 + size * 1.6
    for step in range(12):
        wide = size * (0.5 - 0.02 * step)
        c.light(
            color,
            c.lens(x + (step % 3 - 1) * size * 0.08, below + step * size * 0.34, wide, size * 0.1, size * 0.05 + 0.6),
            0.34 - 0.024 * step,
        )


def bread() -> Image.Image:
    """A still life in morning light: loaves on a board, a jug of flowers, a blue-green wall."""
    c = Canvas([(0, (62, 92, 94)), (0.45, (96, 126, 120)), (0.66, (78, 104, 102)), (1, (52, 66, 66))])
    random = c.random
    c.texture((128, 156, 146), c.poly([(0, 0), (1200, 0), (1200, 1100), (0, 1100)]), (70, 90), 11, 0.3)
    # Light from a window on the left: four bright panes on the wall.
    for px, py in ((0, 0), (1, 0), (0, 1), (1, 1)):
        x, y = 470 + px * 210 + py * 40, 130 + py * 290 + px * 36
        c.light((255, 232, 180), c.poly([(x, y), (x + 188, y + 32), (x + 226, y + 300), (x + 38, y + 268)], 12), 0.34)
    c.glow((255, 240, 206), -60, 330, 900, 0.5)
    # The table.
    table = [(0, 1090), (1200, 1090), (1200, 1600), (0, 1600)]
    c.polygon((206, 172, 134), table)
    c.texture((232, 204, 168), c.poly(table), (240, 7), 13, 0.7)
    for y in (1180, 1300, 1450):
        c.fill((150, 112, 82), c.line([(0, y), (1200, y + 4)], 3, 1), 0.7)
    c.polygon((60, 44, 40), [(0, 1090), (1200, 1090), (1200, 1112), (0, 1112)], blur=14, strength=0.5)
    # The jug and its flowers.
    c.fill((60, 42, 36), c.lens(960, 1212, 250, 40, 22), 0.6)
    stems = [(780 + random.normal(0, 150), 520 + random.normal(0, 130)) for _ in range(30)]
    for x, y in stems:
        c.fill(
            (74, 106, 70), c.line([(800 + (x - 780) * 0.16, 880), (x * 0.5 + 395, (y + 880) / 2 - 30), (x, y)], 5, 1)
        )
    for _ in range(46):
        x, y, turn = 785 + random.normal(0, 100), 640 + random.normal(0, 90), random.uniform(0, 6.3)
        dx, dy = 56 * np.cos(turn), 56 * np.sin(turn)
        green = (int(random.uniform(62, 110)), int(random.uniform(104, 140)), int(random.uniform(72, 96)))
        c.polygon(
            green,
            [(x - dx, y - dy), (x + dy * 0.3, y - dx * 0.3), (x + dx, y + dy), (x - dy * 0.3, y + dx * 0.3)],
            blur=1.5,
        )
    jug = [
        (690, 850),
        (910, 850),
        (890, 900),
        (950, 1010),
        (940, 1140),
        (880, 1200),
        (720, 1200),
        (660, 1140),
        (650, 1010),
        (710, 900),
    ]
    c.fill((226, 214, 200), c.line([(930, 930), (1030, 940), (1040, 1060), (944, 1100)], 30, 2))
    c.polygon((244, 238, 228), jug, blur=5)
    c.polygon(
        (150, 156, 156),
        [(850, 870), (900, 880), (942, 1010), (930, 1140), (880, 1192), (820, 1196)],
        blur=30,
        strength=0.75,
    )
    c.polygon((255, 255, 250), [(690, 930), (724, 920), (710, 1100), (680, 1110)], blur=14, strength=0.9)
    for y in (1010, 1030):
        c.fill((96, 132, 158), c.line([(654, y), (740, y + 14), (860, y + 14), (948, y)], 5, 0.8), 0.8)
    c.fill((70, 62, 58), c.lens(800, 852, 108, 17, 1))
    for x, y in sorted(stems, key=lambda stem: stem[1]):
        blossom(c, x, y, random.uniform(38, 76), random)
    # The board, loaves and slices.
    c.fill((64, 42, 32), c.lens(440, 1452, 470, 52, 22), 0.7)
    c.box((126, 80, 52), (46, 1352, 860, 1452), 44, blur=1)
    c.box((176, 120, 78), (46, 1330, 860, 1430), 44, blur=1)
    loaf(c, 330, 1240, 300, 150, 21, cuts=4)
    loaf(c, 640, 1340, 210, 96, 22, cuts=3)
    for number in range(3):
        x, y = 170 + number * 92, 1372 + number * 12
        c.fill((70, 42, 30), c.lens(x + 8, y + 12, 92, 50, 8), 0.5)
        c.fill((168, 102, 54), c.lens(x, y, 92, 54, 1))
        c.fill((250, 228, 186), c.lens(x, y - 3, 82, 45, 1.5))
        for _ in range(46):
            hx, hy = x + random.normal(0, 36), y - 3 + random.normal(0, 18)
            c.fill((222, 186, 134), c.lens(hx, hy, random.uniform(2, 7), random.uniform(1.5, 4), 0.8), 0.8)
    # Butter, a knife, petals and crumbs.
    c.fill((70, 50, 40), c.lens(1010, 1440, 150, 34, 10), 0.5)
    c.fill((250, 246, 240), c.lens(1000, 1424, 146, 36, 1))
    c.polygon((255, 226, 130), [(930, 1400), (1050, 1386), (1064, 1424), (944, 1440)], blur=1)
    c.polygon((255, 240, 176), [(930, 1400), (1050, 1386), (1046, 1366), (928, 1380)], blur=1)
    for _ in range(120):
        x, y = random.uniform(60, 1180), random.uniform(1456, 1580)
        c.fill((176, 116, 66), c.lens(x, y, random.uniform(1.5, 6), random.uniform(1, 3.4), 0.6), 0.8)
    for _ in range(13):
        x, y = random.uniform(560, 1180), random.uniform(1230, 1580)
        c.fill((110, 70, 60), c.lens(x + 4, y + 6, 22, 9, 4), 0.5)
        c.fill(((250, 190, 190), (255, 224, 206), (244, 160, 150))[int(random.integers(3))], c.lens(x, y, 22, 10, 1))
    c.light((255, 224, 170), c.poly([(0, 1110), (560, 1110), (980, 1600), (0, 1600)], 90), 0.16)
    return c.photo(bloom=0.26, vignette=0.5)


def blossom(c: Canvas, x: float, y: float, size: float, random: np.random.Generator) -> None:
    """A full flower, seen a little from the side."""
    kinds = ((238, 128, 124), (250, 206, 190), (255, 240, 226), (232, 160, 96), (206, 110, 140))
    color = kinds[int(random.integers(len(kinds)))]
    c.fill((44, 62, 58), c.lens(x + size * 0.12, y + size * 0.2, size, size * 0.86, size * 0.14), 0.35)
    for ring, count in ((1.0, 9), (0.7, 8), (0.42, 6)):
        shade = 0.8 + 0.26 * (1 - ring)
        tone = tuple(min(255, int(part * shade)) for part in color)
        start = random.uniform(0, 6.3)
        for number in range(count):
            turn = start + number * 6.283 / count
            px, py = x + size * ring * 0.6 * np.cos(turn), y + size * ring * 0.52 * np.sin(turn)
            reach = size * (0.24 + 0.2 * ring)
            c.fill((120, 70, 74), c.lens(px + 2, py + 3, reach, reach * 0.86, 2), 0.2)
            c.fill(tone, c.lens(px, py, reach, reach * 0.86, 1.2))  # type: ignore[arg-type]  # three parts
            c.light((255, 246, 230), c.lens(px - reach * 0.3, py - reach * 0.3, reach * 0.5, reach * 0.4, 4), 0.2)
    c.fill((214, 150, 70), c.lens(x, y, size * 0.15, size * 0.13, 2))


def loaf(c: Canvas, x: float, y: float, wide: float, high: float, seed: int, cuts: int) -> None:
    """A crusty loaf with slashes and flour."""
    random = np.random.default_rng(seed)
    body = (x - wide, y - high, x + wide, y + high)
    c.fill((58, 34, 24), c.lens(x + 16, y + high * 0.86, wide * 1.02, high * 0.3, 16), 0.75)
    c.ellipse((134, 76, 38), body, blur=2)
    c.ellipse((188, 114, 56), (x - wide * 0.97, y - high, x + wide * 0.9, y + high * 0.72), blur=14)
    c.texture((112, 60, 30), c.oval(body, 2), (16, 10), seed, 0.35)
    c.ellipse(
        (232, 166, 92), (x - wide * 0.84, y - high * 0.9, x + wide * 0.5, y + high * 0.14), blur=34, strength=0.85
    )
    for number in range(cuts):
        cx = x + wide * (-0.62 + 1.24 * number / (cuts - 1))
        slash = [(cx - 34, y + high * 0.34), (cx - 4, y - high * 0.22), (cx + 44, y - high * 0.72)]
        c.fill((116, 62, 30), c.line([(px + 9, py + 4) for px, py in slash], 34, 3), 0.75)
        c.fill((246, 214, 160), c.line(slash, 25, 3))
        c.fill((255, 236, 200), c.line([(px - 5, py) for px, py in slash], 9, 3), 0.8)
    for _ in range(420):
        turn, far = random.uniform(0, 6.3), random.uniform(0, 0.94) ** 0.5
        fx, fy = x + wide * far * np.cos(turn), y - high * 0.1 + high * 0.86 * far * np.sin(turn)
        c.fill((255, 246, 230), c.lens(fx, fy, random.uniform(0.8, 3.4), random.uniform(0.7, 2.2), 0.7), 0.5)


SCENES: dict[str, Callable[[], Image.Image]] = {
    "1-seaside": seaside,
    "2-cafe": cafe,
    "3-street": street,
    "4-bread": bread,
}


def main(folder: Path) -> None:
    """Paint all scenes into `folder` as JPEG files under 200 kB."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, paint in SCENES.items():
        picture, path, quality = paint(), folder / f"{name}.jpg", 90
        while True:
            picture.save(path, quality=quality, optimize=True, progressive=True)
            if path.stat().st_size < 200_000:
                break
            quality -= 4


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
