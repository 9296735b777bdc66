"""Photos that are too dark: lifted where there is something to see, else left out."""

import numpy as np
from PIL import Image

_DARK, _WANTED = 52, 92  # of 255: the median below which a photo is lifted, and the one that it gets
_MOST_GAIN, _MOST = 6.0, 1.8  # the strongest gain and curve that still look like a photo
_BLACK = 22  # of 255: nothing in the photo is brighter than this, save a speck


def lit(photo: Image.Image) -> tuple[Image.Image | None, bool]:
    """The photo, and whether it was made brighter; None where there is nothing to see in it."""
    grey = np.asarray(photo.convert("L").resize((160, 160)))
    if np.percentile(grey, 99) < _BLACK:
        return None, False
    median = max(float(np.median(grey)), 1.0)
    bright = float(np.percentile(grey, 90))
    if median >= _DARK or bright > 140:  # a night view is dark, and has its lights
        return photo, False
    # First the lights get their place, so that blacks stay black; what is still dark is bent.
    gain = min(_MOST_GAIN, 235 / max(float(np.percentile(grey, 99.5)), 1.0))
    lifted = min(median * gain, 254.0)
    gamma = min(_MOST, max(1.0, np.log(lifted / 255) / np.log(_WANTED / 255)))
    curve = [round(255 * min(1.0, value * gain / 255) ** (1 / gamma)) for value in range(256)]
    return photo.point(curve * 3), True
