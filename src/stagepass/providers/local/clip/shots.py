"""The pictures of a clip out of its photos: each as it is, long ones to be panned, and of a few photos also details."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from stagepass.providers.local.clip import art
from stagepass.providers.local.clip.frames import OVERSIZE, Frame
from stagepass.providers.local.clip.light import lit
from stagepass.providers.local.clip.order import Order, photo_name
from stagepass.providers.local.clip.photos import filled, is_panorama, open_photo, prepare, resized
from stagepass.providers.local.clip.subject import placed

_FEW = 2  # photos of which details are shown, too
_LONGEST = 2.6  # frames that a panned picture is long
_LEAST_PIXELS = 500  # of the shorter side of a detail, or it would be soft


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture to be filmed: whether all of it must stay in sight, or the camera goes along it."""

    picture: Frame
    whole: bool = False
    pan: bool = False


@dataclass(frozen=True, slots=True)
class Shots:
    """All pictures in order, whether they are designed ones, and what was done to photos."""

    shots: tuple[Shot, ...]
    designed: bool
    notes: tuple[tuple[str, int], ...]


def shots_of(order: Order, folder: Path) -> Shots:
    """Open and prepare the photos of an order; without any that can be seen, paint a background."""
    with ThreadPoolExecutor(2) as pool:
        photos = list(pool.map(lambda index: lit(open_photo(folder / photo_name(index), index)), range(order.photos)))
        notes = [
            ("skipped" if photo is None else "lifted", number)
            for number, (photo, lifted) in enumerate(photos, 1)
            if photo is None or lifted
        ]
        seen = [photo for photo, _ in photos if photo is not None]
        made = [
            shot
            for group in pool.map(lambda photo: _shots(photo, order.size, len(seen) <= _FEW), seen)
            for shot in group
        ]
        if not made:
            paint = pool.map(lambda n: Shot(Frame.of(art.paint(order.title, n, order.size))), range(art.VARIANTS))
            return Shots(tuple(paint), True, tuple(notes))
    return Shots(tuple(made), False, tuple(notes))


def _shots(photo: Image.Image, size: tuple[int, int], details: bool) -> list[Shot]:
    if is_panorama(photo, size):
        shots = [Shot(Frame.of(filled(photo, size, _LONGEST)), pan=True)]
    else:
        picture, whole = prepare(photo, size)
        shots = [Shot(Frame.of(picture), whole=whole)]
        if details and whole:
            shots.append(Shot(Frame.of(filled(photo, size, _LONGEST)), pan=True))
    return [*shots, *_details(photo, size)] if details else shots


def _details(photo: Image.Image, size: tuple[int, int]) -> list[Shot]:
    """Closer looks: at what draws the eye most, then to the left and the right of it."""
    wanted = size[0] / size[1]
    height = min(photo.height * 0.62, photo.width * 0.62 / wanted)
    width = height * wanted
    if min(width, height) * OVERSIZE < _LEAST_PIXELS * min(size) / 1080:
        return []
    left, top = placed(photo, width, height)
    rest_x, rest_y = photo.width - width, photo.height - height
    corners = [(left, top), (0.06 * rest_x, 0.75 * rest_y), (0.94 * rest_x, 0.2 * rest_y)]
    boxes = [(x, y, x + width, y + height) for x, y in corners]
    return [Shot(Frame.of(resized(photo, box, size))) for box in boxes]
