"""Photos as people send them → pictures to film: upright, in sRGB, cut or set to the frame's shape."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageDraw, ImageFilter, ImageOps, UnidentifiedImageError

from stagepass.errors import Permanent
from stagepass.providers.local.clip.frames import OVERSIZE
from stagepass.providers.local.clip.order import LOGO
from stagepass.providers.local.clip.subject import placed

MOST_PIXELS = 120_000_000
"""Larger photos are refused: a small file can hold a picture that fills the memory."""

_MOST_LOST = 0.45  # of a photo, by cutting; past it the whole photo is shown on a blurred ground
_ROOM = 1.18  # how much longer than the frame a picture may be, for the camera to move along
_PANORAMA = 3.2  # times as long as the frame, by shape: 1.8 : 1 in a vertical clip
_PAPER = (246, 243, 238)  # under transparent parts


def open_photo(path: Path, index: int) -> Image.Image:
    """Read an image file of any kind as an upright RGB picture.

    Args:
        path: JPEG, PNG, WebP or whatever else Pillow reads; of a moving picture, the first frame.
        index: its place among the request's images, from 0, for the message.

    Raises:
        Permanent: it is not a picture, is damaged, or is far too large; the message says which one.
    """
    try:
        with Image.open(path) as image:
            if image.width * image.height > MOST_PIXELS:
                raise Image.DecompressionBombError
            image.draft("RGB", (2 * 1920, 2 * 1920))  # a JPEG of a large camera is read at a part of its size
            image.load()
            return _rgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError:
        raise _bad(index, "it is not an image") from None
    except Image.DecompressionBombError:
        raise _bad(index, f"it has more than {MOST_PIXELS // 1_000_000} million pixels") from None
    except FileNotFoundError:
        raise _bad(index, "it is not there") from None
    except (OSError, SyntaxError, ValueError, EOFError, TypeError, OverflowError):
        # What Pillow raises for damaged files of its many formats.
        raise _bad(index, "the file is damaged") from None


def open_logo(folder: Path) -> Image.Image:
    """The logo beside an order, with its transparency. Raises `Permanent` where it is no picture."""
    try:
        with Image.open(folder / LOGO) as image:
            if image.width * image.height > MOST_PIXELS:
                raise Image.DecompressionBombError
            return ImageOps.exif_transpose(image).convert("RGBA")
    except (OSError, SyntaxError, ValueError, EOFError, TypeError, OverflowError, Image.DecompressionBombError):
        raise Permanent("the logo cannot be used: it is not an image, or is damaged", provider="local") from None


def prepare(photo: Image.Image, size: tuple[int, int]) -> tuple[Image.Image, bool]:
    """A photo as a picture for frames of `size` pixels, and whether it must stay in sight as a whole."""
    shape, wanted = photo.width / photo.height, size[0] / size[1]
    if 1 - min(shape / wanted, wanted / shape) > _MOST_LOST:
        return _set_on_blur(photo, size), True
    return filled(photo, size, _ROOM), False


def is_panorama(photo: Image.Image, size: tuple[int, int]) -> bool:
    """Whether a photo is far wider or higher than the frame: the camera goes along it then."""
    shape, wanted = photo.width / photo.height, size[0] / size[1]
    return max(shape / wanted, wanted / shape) >= _PANORAMA


def filled(photo: Image.Image, size: tuple[int, int], room: float) -> Image.Image:
    """A photo cut so that it fills the frame, up to `room` times as long on one side; what draws the eye stays in it."""
    shape, wanted = photo.width / photo.height, size[0] / size[1]
    width, height = float(photo.width), float(photo.height)
    if shape > wanted:
        width = min(width, height * wanted * room)
    else:
        height = min(height, width / wanted * room)
    left, top = placed(photo, width, height)
    return resized(photo, (left, top, left + width, top + height), size)


def resized(photo: Image.Image, box: tuple[float, float, float, float], size: tuple[int, int]) -> Image.Image:
    """A part of a photo, large enough that the camera may move in it."""
    width, height = box[2] - box[0], box[3] - box[1]
    scale = OVERSIZE * max(size[0] / width, size[1] / height)
    to = (even(width * scale), even(height * scale))
    return photo.resize(to, Image.Resampling.LANCZOS, box=box, reducing_gap=2.0)


def even(length: float) -> int:
    """The nearest even number of pixels: 4:2:0 video has no odd ones."""
    return max(2, round(length / 2) * 2)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        # 16-bit grey: `convert` would cut everything above 255 off.
        grey = np.asarray(image, np.float32)
        top = 65535.0 if grey.max(initial=0.0) > 255 else 255.0
        return Image.fromarray((grey * (255.0 / top)).clip(0, 255).astype(np.uint8)).convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (*_PAPER, 255))
        ground.alpha_composite(image)
        return ground.convert("RGB")
    return _to_srgb(image)


def _to_srgb(image: Image.Image) -> Image.Image:
    # Telephones write Display P3, printers CMYK with a profile: shown as sRGB they look dull or wrong.
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a broken profile: the numbers as they are
    return image.convert("RGB")


def _set_on_blur(photo: Image.Image, size: tuple[int, int]) -> Image.Image:
    width, height = even(size[0] * OVERSIZE), even(size[1] * OVERSIZE)
    small = ImageOps.fit(photo, (max(2, width // 12), max(2, height // 12)), Image.Resampling.BILINEAR)
    ground = small.filter(ImageFilter.GaussianBlur(3)).resize((width, height), Image.Resampling.BICUBIC)
    ground = ground.point([round(value * 0.55) for value in range(256)] * 3)

    fit = min(width * 0.92 / photo.width, height * 0.78 / photo.height)
    inner = (max(2, round(photo.width * fit)), max(2, round(photo.height * fit)))
    # A little above the middle: the captions have the lower part.
    place = ((width - inner[0]) // 2, round((height - inner[1]) * (0.44 if height > width else 0.46)))
    radius = round(min(width, height) * 0.022)
    mask = Image.new("L", inner)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, inner[0] - 1, inner[1] - 1), radius, fill=255)

    shadow = Image.new("L", (width // 4, height // 4))
    shadow.paste(150, (place[0] // 4, place[1] // 4 + 4), mask.resize((inner[0] // 4 or 1, inner[1] // 4 or 1)))
    shadow = shadow.filter(ImageFilter.GaussianBlur(max(1.0, radius * 0.3))).resize((width, height))
    ground.paste((0, 0, 0), (0, 0), shadow)
    ground.paste(photo.resize(inner, Image.Resampling.LANCZOS, reducing_gap=2.0), place, mask)
    return ground


def _bad(index: int, why: str) -> Permanent:
    return Permanent(
        f"image {index + 1} (images.{index}) cannot be used: {why}",
        provider="local",
        advice="Replace this image and order the clip again.",
    )
