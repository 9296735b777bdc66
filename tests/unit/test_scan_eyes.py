"""Photos in every form that cameras and programs write are seen as they are, and two views see more than one."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageStat

from stagepass.pipelines.scan.local import sight
from stagepass.pipelines.scan.models import Category, Seen
from stagepass.providers.local.vision import Classifier, Guess, centre, opened
from tests.support.scan import BOTTLE


def bottle() -> Image.Image:
    return Image.open(io.BytesIO(BOTTLE)).convert("RGB")


def written(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def grey16(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257)


def grey12(image: Image.Image) -> Image.Image:
    """Twelve bits in the upper part of sixteen, as scanners write them."""
    return Image.fromarray((np.asarray(image.convert("L"), np.uint16) << 8) & 0xFFF0)


def on_alpha(image: Image.Image, mode: str) -> Image.Image:
    made = image.convert("RGBA")
    made.putalpha(Image.new("L", image.size, 255))
    return made.convert(mode)


FORMS: dict[str, Callable[[Image.Image], bytes]] = {
    "16-bit grey": lambda image: written(grey16(image)),
    "12-bit grey": lambda image: written(grey12(image)),
    "8-bit grey": lambda image: written(image.convert("L")),
    "grey JPEG": lambda image: written(image.convert("L"), "JPEG"),
    "CMYK JPEG": lambda image: written(image.convert("CMYK"), "JPEG"),
    "progressive JPEG": lambda image: written(image, "JPEG", progressive=True),
    "grey and alpha": lambda image: written(on_alpha(image, "LA")),
    "RGBA": lambda image: written(on_alpha(image, "RGBA")),
    "palette": lambda image: written(image.convert("P", palette=Image.Palette.ADAPTIVE)),
    "palette and alpha": lambda image: written(
        image.convert("P", palette=Image.Palette.ADAPTIVE, colors=255), transparency=255
    ),
    "1 bit": lambda image: written(image.convert("1")),
    "WebP": lambda image: written(image, "WEBP"),
    "WebP and alpha": lambda image: written(on_alpha(image, "RGBA"), "WEBP", lossless=True),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_photo_is_seen_in_every_form(form: str) -> None:
    plain = np.asarray(opened(written(bottle())).convert("L"), np.float32)
    seen = opened(FORMS[form](bottle()))
    assert seen.mode == "RGB"
    assert ImageStat.Stat(seen).stddev[0] > 10
    grey = np.asarray(seen.convert("L"), np.float32)
    assert grey.shape == plain.shape
    least = 0.3 if form == "1 bit" else 0.97
    assert np.corrcoef(grey.ravel(), plain.ravel())[0, 1] > least


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_photo_is_put_upright(turn: int) -> None:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that a camera's EXIF value asks for, undone
    image = bottle()
    stored = image.transpose(Image.Transpose(undo[turn])) if turn > 1 else image
    exif = Image.Exif()
    exif[0x0112] = turn
    upright = opened(written(stored, "JPEG", exif=exif, quality=95))
    plain = opened(written(image, "JPEG", quality=95))
    assert upright.size == plain.size
    assert np.corrcoef(np.asarray(upright.convert("L")).ravel(), np.asarray(plain.convert("L")).ravel())[0, 1] > 0.98


def test_what_is_transparent_lies_on_white() -> None:
    image = Image.new("RGBA", (50, 50), (0, 0, 0, 0))
    assert opened(written(image)).getpixel((25, 25)) == (255, 255, 255)


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (3, 2000)])
def test_a_thin_photo_is_looked_at(size: tuple[int, int]) -> None:
    photo = opened(written(Image.new("RGB", size, "red")))
    assert len(Classifier().look([photo, centre(photo)])) == 2


def test_the_surer_of_two_views_counts() -> None:
    nothing, faint, sure = [Guess(0, 0.9)], [Guess(907, 0.3)], [Guess(504, 0.7)]
    groups = [sight._grouped(look) for look in (nothing, faint, sure)]
    assert sight._surer(groups)[0].item == "머그컵"
    assert sight._surer(groups[:2])[0].item == "와인병"
    assert sight._surer(groups[:1])[0].group is None


def test_a_pot_full_of_green_holds_a_living_plant() -> None:
    pot = Category(
        major_category="불연성종량제폐기물", middle_category="불연성종량제폐기물", minor_category="화분(도기)"
    )
    seen = Seen(classification=pot, confidence=0.8)
    photo = Image.new("RGB", (100, 100), "white")
    assert "living_plant" not in sight._photo_tags(photo, seen)
    photo.paste((40, 140, 50), (0, 0, 100, 50))
    assert sight._photo_tags(photo, seen) == ["living_plant"]
