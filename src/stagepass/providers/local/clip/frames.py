"""Frames as their three planes of 8-bit video (Y′CbCr, BT.709, limited range, 4:2:0), ready to be piped.

Working in planes halves the work: a resize of Y with quarter-size Cb and Cr costs 1.5 channels, not 4,
and ffmpeg has nothing to convert. Pillow does the arithmetic.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from stagepass.providers.local.clip.plan import View

OVERSIZE = 1.3
"""Resolution of a picture as a multiple of the frame, so that zooming in stays sharp."""

# R, G, B, offset → Y′, Cb, Cr.
_BT709 = (0.1826, 0.6142, 0.0620, 16, -0.1006, -0.3386, 0.4392, 128, 0.4392, -0.3989, -0.0403, 128)
_BLACK = (16, 128, 128)


@dataclass(slots=True)
class Frame:
    """One picture as planes; `cb` and `cr` have half the width and height of `y`. Sizes are even."""

    y: Image.Image
    cb: Image.Image
    cr: Image.Image

    @classmethod
    def of(cls, image: Image.Image) -> "Frame":
        """The planes of an RGB image of even width and height."""
        y, cb, cr = image.convert("RGB", _BT709).split()
        return cls(y, cb.reduce(2), cr.reduce(2))

    @classmethod
    def plain(cls, size: tuple[int, int], color: tuple[int, int, int] = _BLACK) -> "Frame":
        """A frame of one colour, given as Y′CbCr; black if none is given."""
        half = (size[0] // 2, size[1] // 2)
        return cls(Image.new("L", size, color[0]), Image.new("L", half, color[1]), Image.new("L", half, color[2]))

    @property
    def planes(self) -> tuple[Image.Image, Image.Image, Image.Image]:
        """Y′, Cb, Cr."""
        return self.y, self.cb, self.cr

    def mixed(self, other: "Frame", share: float) -> "Frame":
        """This frame with `share` (0–1) of another of the same size."""
        return Frame(*(Image.blend(a, b, share) for a, b in zip(self.planes, other.planes, strict=True)))

    def copy(self) -> "Frame":
        """A frame that can be painted on without changing this one."""
        return Frame(*(plane.copy() for plane in self.planes))

    def seen(self, view: View, size: tuple[int, int]) -> "Frame":
        """The camera's view of this picture, as a frame of `size` pixels.

        The box has fractions of pixels, so a slow move is smooth. At zoom 1 the box touches the picture's
        nearer pair of edges; what lies over on the other axis is room to move in.
        """
        fit = min(self.y.width / size[0], self.y.height / size[1]) / view.zoom
        width, height = size[0] * fit, size[1] * fit
        left = (self.y.width - width) * (view.x + 1) / 2
        top = (self.y.height - height) * (view.y + 1) / 2
        seen = []
        for plane, scale in ((self.y, 1), (self.cb, 2), (self.cr, 2)):
            box = (left / scale, top / scale, (left + width) / scale, (top + height) / scale)
            inside = (max(0.0, box[0]), max(0.0, box[1]), min(plane.width, box[2]), min(plane.height, box[3]))
            to = (size[0] // scale, size[1] // scale)
            seen.append(plane.resize(to, Image.Resampling.BILINEAR, box=inside))
        return Frame(*seen)

    def data(self) -> Iterator[bytes]:
        """The frame as ffmpeg's ``rawvideo`` in ``yuv420p``, plane by plane."""
        return (plane.tobytes() for plane in self.planes)


class Overlay:
    """A picture with transparency that is painted onto frames.

    Args:
        image: RGBA, as large as the frame or any part of it; only what is not clear is kept.
        at: where its upper left corner comes to lie, in pixels.
    """

    def __init__(self, image: Image.Image, at: tuple[int, int] = (0, 0)) -> None:
        box = image.getchannel("A").getbbox() or (0, 0, 2, 2)
        left, top = (box[0] + at[0]) // 2 * 2, (box[1] + at[1]) // 2 * 2
        right, bottom = (box[2] + at[0] + 1) // 2 * 2, (box[3] + at[1] + 1) // 2 * 2
        part = image.crop((left - at[0], top - at[1], right - at[0], bottom - at[1]))
        self.box = (left, top, right, bottom)
        self._frame = Frame.of(part.convert("RGB"))
        alpha = part.getchannel("A")
        self._masks = (alpha, half := alpha.reduce(2), half)

    def paint(self, frame: Frame, opacity: float = 1.0, shift: tuple[int, int] = (0, 0)) -> None:
        """Paint onto `frame`, `shift` (even) pixels from its place; `opacity` 0–1. Parts outside are cut off."""
        if opacity <= 0.002:
            return
        masks = self._masks
        if opacity < 0.998:
            weaker = [round(alpha * opacity) for alpha in range(256)]
            masks = (masks[0].point(weaker), half := masks[1].point(weaker), half)
        left, top = self.box[0] + shift[0], self.box[1] + shift[1]
        for plane, source, mask, scale in zip(frame.planes, self._frame.planes, masks, (1, 2, 2), strict=True):
            plane.paste(source, (left // scale, top // scale), mask)
