"""Paint the four example photos of the promo pipeline: no camera, no download, the same bytes each time.

    python examples/paint_photos.py [folder]

Each scene is a stack of soft shapes with light added in linear-looking steps, then treated like a photo:
bloom, a little grain, a vignette. Pictures are painted at twice the size and scaled down.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

SIZE = (1200, 1600)
FOLDER = Path(__file__).resolve().parent.parent / "src/stagepass/pipelines/promo/examples"

Color = tuple[int, int, int]
Point = tuple[float, float]


class Canvas:
    """A picture in units of the final pixels, painted at twice their number."""

    def __init__(self, stops: list[tuple[float, Color]]) -> None:
        self.random = np.random.default_rng(20)
        y = np.linspace(0, 1, SIZE[1] * 2)
        at = [stop for stop, _ in stops]
        bands = [np.interp(y, at, [color[band] for _, color in stops]) for band in range(3)]
        column = np.stack(bands, axis=-1)[:, None, :]
        self.image = Image.fromarray(np.repeat(column, SIZE[0] * 2, axis=1).astype(np.uint8))

    def mask(self, draw: Callable[[ImageDraw.ImageDraw], None], blur: float = 0.0) -> Image.Image:
        """What `draw` paints (in final pixels × 2), softened by `blur` final pixels."""
        layer = Image.new("L", self.image.size)
        draw(ImageDraw.Draw(layer))
        if blur > 6:  # large blurs are painted small
            part = layer.reduce(4).filter(ImageFilter.GaussianBlur(blur / 2))
            return part.resize(layer.size, Image.Resampling.BICUBIC)
        return layer.filter(ImageFilter.GaussianBlur(blur * 2)) if blur else layer

    def fill(self, color: Color, mask: Image.Image, strength: float = 1.0) -> None:
        """Cover with a colour."""
        if strength < 1.0:
            mask = mask.point([round(value * strength) for value in range(256)])
        self.image.paste(color, (0, 0), mask)

    def light(self, color: Color, mask: Image.Image, strength: float = 1.0) -> None:
        """Add light of a colour, as a lamp does: bright stays bright."""
        glow = Image.new("RGB", self.image.size)
        glow.paste(tuple(round(part * strength) for part in color), (0, 0), mask)
        self.image = ImageChops.screen(self.image, glow)

    def shade(self, mask: Image.Image, strength: float) -> None:
        """Take light away."""
        self.fill((10, 8, 18), mask, strength)

    def polygon(self, color: Color, points: list[Point], blur: float = 0.0, strength: float = 1.0) -> None:
        """A filled shape."""
        doubled = [(x * 2, y * 2) for x, y in points]
        self.fill(color, self.mask(lambda draw: draw.polygon(doubled, fill=255), blur), strength)

    def ellipse(self, color: Color, box: tuple[float, float, float, float], blur: float = 0.0, strength: float = 1.0) -> None:
        """A filled ellipse."""
        doubled = tuple(part * 2 for part in box)
        self.fill(color, self.mask(lambda draw: draw.ellipse(doubled, fill=255), blur), strength)

    def box(self, color: Color, box: tuple[float, float, float, float], round_: float = 0, blur: float = 0.0) -> None:
        """A filled rectangle with round corners."""
        doubled = tuple(part * 2 for part in box)
        self.fill(color, self.mask(lambda draw: draw.rounded_rectangle(doubled, round_ * 2, fill=255), blur))

    def glow(self, color: Color, x: float, y: float, radius: float, strength: float = 1.0) -> None:
        """A round light that falls off softly."""
        side = 256
        grid = np.linspace(-1, 1, side)
        fall = np.clip(1 - np.hypot(*np.meshgrid(grid, grid)), 0, 1) ** 2.2
        spot = Image.fromarray((fall * 255).astype(np.uint8)).resize((round(radius * 4), round(radius * 4)))
        mask = Image.new("L", self.image.size)
        mask.paste(spot, (round((x - radius) * 2), round((y - radius) * 2)))
        self.light(color, mask, strength)

    def noise(self, box: tuple[int, int, int, int], cell: tuple[int, int], seed: int) -> Image.Image:
        """Soft random structure (water, wood, plaster) inside a box, as a mask."""
        random = np.random.default_rng(seed)
        width, height = (box[2] - box[0]) * 2, (box[3] - box[1]) * 2
        small = random.random((max(2, height // cell[1]), max(2, width // cell[0]))) * 255
        texture = Image.fromarray(small.astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
        mask = Image.new("L", self.image.size)
        mask.paste(texture, (box[0] * 2, box[1] * 2))
        return mask

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
            c.light((255, 206, 140), c_line(c, x, y, wide, 1 + 3.4 * t), 0.6 - 0.3 * t)
    for row in range(110):
        t = random.random()
        y = 790 + 560 * t**1.3
        x, wide = random.uniform(-50, 1250), random.uniform(30, 130) * (0.4 + t)
        c.fill((44, 58, 98), c_line(c, x, y, wide, 1 + 3 * t), 0.34)
    # The cliff and the house.
    cliff = [(520, 1600), (560, 1330), (640, 1180), (700, 1130), (1200, 1105), (1200, 1600)]
    c.polygon((58, 56, 70), cliff, blur=1)
    c.fill((104, 88, 84), ImageChops.multiply(c.noise((500, 1100, 1200, 1600), (46, 30), 3), poly(c, cliff)), 0.5)
    c.polygon((86, 96, 72), [(690, 1132), (730, 1096), (900, 1080), (1200, 1066), (1200, 1120), (700, 1150)], blur=2)
    c.polygon((238, 222, 214), [(770, 1100), (770, 800), (1090, 800), (1090, 1100)])
    c.polygon((178, 158, 172), [(1090, 1100), (1090, 800), (1200, 812), (1200, 1100)])
    c.polygon((255, 214, 176), [(770, 1100), (770, 800), (860, 800), (850, 1100)], blur=26, strength=0.7)
    c.polygon((150, 74, 66), [(742, 806), (840, 660), (1030, 660), (1118, 806)])
    c.polygon((116, 56, 58), [(1118, 806), (1030, 660), (1200, 668), (1200, 816)])
    for row in range(9):  # roof tiles
        y = 674 + row * 15.5
        c.fill((112, 50, 50), c_line(c, 932, y, 92 + row * 11, 1.6), 0.7)
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


def c_line(c: Canvas, x: float, y: float, reach: float, thick: float) -> Image.Image:
    """A flat lens of light or dark, as a mask."""
    box = ((x - reach) * 2, (y - thick) * 2, (x + reach) * 2, (y + thick) * 2)
    return c.mask(lambda draw: draw.ellipse(box, fill=255))


def poly(c: Canvas, points: list[Point]) -> Image.Image:
    """A filled shape, as a mask."""
    return c.mask(lambda draw: draw.polygon([(x * 2, y * 2) for x, y in points], fill=255))


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

    wire = [tuple(2 * part for part in at(t / 40)) for t in range(41)]
    c.fill((40, 32, 38), c.mask(lambda draw: draw.line(wire, fill=255, width=5)))
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


SCENES: dict[str, Callable[[], Image.Image]] = {"1-seaside": seaside}


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
