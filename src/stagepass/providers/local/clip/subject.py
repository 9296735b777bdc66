"""Where a photo draws the eye: faces and sharp detail. No model: skin tones, edges, and a leaning to the middle."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SIDE = 96  # pixels of the longer side that are looked at
_SKIN = 3.0  # how much more skin counts than an edge


def interest(photo: Image.Image) -> NDArray[np.float64]:
    """How much each part of a photo draws the eye; the sum is 1."""
    scale = _SIDE / max(photo.size)
    small = photo.convert("RGB").resize((max(4, round(photo.width * scale)), max(4, round(photo.height * scale))))
    y, cb, cr = (np.asarray(plane, dtype=np.float64) for plane in small.convert("YCbCr").split())
    edges = np.abs(np.diff(y, axis=0, append=y[-1:])) + np.abs(np.diff(y, axis=1, append=y[:, -1:]))
    edges = np.minimum(edges, np.percentile(edges, 97))
    skin = (cb > 77) & (cb < 127) & (cr > 136) & (cr < 173) & (y > 60)  # Chai and Ngan 1999
    skin &= skin.mean() < 0.4  # a wall of wood has the same colour
    rows, columns = np.linspace(-1, 1, y.shape[0])[:, None], np.linspace(-1, 1, y.shape[1])[None, :]
    middle = np.exp(-0.8 * (rows**2 + columns**2))
    found = (edges / max(edges.mean(), 1e-6) + _SKIN * skin) * middle + 1e-6
    return np.asarray(found / found.sum())


def placed(photo: Image.Image, width: float, height: float) -> tuple[float, float]:
    """The left and upper edge of the part of this size that holds most of what draws the eye."""
    found = interest(photo)
    return (
        _best(found.sum(axis=0), width / photo.width) * photo.width,
        _best(found.sum(axis=1), height / photo.height) * photo.height,
    )


def _best(along: NDArray[np.float64], share: float) -> float:
    """Where a window of `share` of the length begins, 0…1 − share; of equals, the one nearest to the middle."""
    if share >= 1:
        return 0.0
    total = np.concatenate([[0.0], np.cumsum(along)])
    starts = np.linspace(0, 1 - share, 33)
    places = np.linspace(0, 1, len(total))
    held = np.interp(starts + share, places, total) - np.interp(starts, places, total)
    return float(starts[int(np.argmax(held - 0.02 * np.abs(starts - (1 - share) / 2)))])
