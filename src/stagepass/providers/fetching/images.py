"""Checks that a photo can be opened by every later stage. Errors name the fix, at the time of upload."""

import io
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stagepass.errors import InvalidInput, TooLarge
from stagepass.providers.fetching.kinds import HEAD, kind_of, named
from stagepass.sentences import sentence

MAX_BYTES = 15 * 1024 * 1024
MAX_PIXELS = 50_000_000

SHORTEST_SIDE = 8
MOST_RATIO = 100
"""Pixels of a picture's shorter side, and how many times longer the other may be: what is thinner shows nothing."""

# A picture made to be slow is one of very many parts, each of which costs its reader a call.
MOST_PARTS = 20_000
MOST_FILL = 1_000  # bytes between two parts of a JPEG
MOST_SCANS = 40

Format = Literal["jpeg", "png", "webp"]

_FORMATS: dict[str, Format] = {"image/jpeg": "jpeg", "image/png": "png", "image/webp": "webp"}

# A picture of 50 million points takes up to 200 MB when it is opened: at most two at a time.
_OPENING = threading.BoundedSemaphore(2)

# What makes a picture something else as well, for programs that look further than its first bytes.
_OTHER_FORMATS = re.compile(rb"%PDF-|<html|<svg|<script|<\?php|<!doctype|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c", re.I)
_ZIP_ENTRY, _ZIP_END = b"PK\x01\x02", b"PK\x05\x06"
_ZIP_REACH = 65557  # bytes from the end of a file within which its last record is looked for
_PDF_REACH = 1024  # where readers look for its first mark

_FILL = b"\xff" * MOST_FILL
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # in scan data: not a stuffed byte, not a restart


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """Format of a picture; width and height in pixels, as stored (before any EXIF rotation)."""

    format: Format
    width: int
    height: int

    @property
    def type(self) -> str:
        """Its content type."""
        return f"image/{self.format}"


def check_image(
    source: bytes | Path, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS, field: str | None = None
) -> ImageInfo:
    """Checks that a file is one whole, still JPEG, PNG or WebP picture, by opening all of it.

    Nothing is changed in it, and nothing is taken out.

    Args:
        source: the content, or the path of it.
        max_bytes: the largest file.
        max_pixels: the largest width times height.
        field: the input's field (``images.0``), for errors.

    Raises:
        InvalidInput: it is something else, damaged, cut off, animated, or two formats in one.
        TooLarge: it has more bytes or pixels than that.
    """
    from PIL import Image  # here, since every worker imports this module and few look into pictures

    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size > max_bytes:
        raise TooLarge(
            sentence(
                "the picture is {size} MiB; the limit is {most} MiB",
                size=f"{size / 2**20:.1f}",
                most=f"{max_bytes / 2**20:.1f}",
            ),
            field=field,
        )
    data = source if isinstance(source, bytes) else source.read_bytes()
    format = _format(data, field)
    _refuse_two_in_one(data, format, field)
    try:
        width, height = _open_all(data, format, max_pixels, field)
    except (InvalidInput, TooLarge):
        raise
    except Image.DecompressionBombError:
        raise _too_many_pixels("far too many", max_pixels, field) from None
    except Exception as error:  # Pillow raises many kinds for damage: OSError, SyntaxError, struct.error, ...
        raise _damaged(format, field) from error
    return ImageInfo(format, width, height)


def _format(data: bytes, field: str | None) -> Format:
    kind = kind_of(data[:HEAD])
    if format := _FORMATS.get(kind or ""):
        return format
    if not data:
        raise InvalidInput(sentence("the file is empty; choose another file"), field=field)
    advice = sentence("save it as JPEG, PNG or WebP")
    if kind == "image/heic":
        advice = sentence('save it as JPEG, or set the iPhone camera to "Most Compatible"')
    raise InvalidInput(
        sentence("this is {named}, not a usable picture; {advice}", named=named(kind), advice=advice),
        field=field,
    )


def _open_all(data: bytes, format: Format, max_pixels: int, field: str | None) -> tuple[int, int]:
    from PIL import Image

    formats = [format.upper()]
    with Image.open(io.BytesIO(data), formats=formats) as image:
        width, height = image.size  # from the header: nothing is unpacked yet
        if width * height > max_pixels:
            raise _too_many_pixels(f"{width} x {height}", max_pixels, field)
        if min(width, height) < SHORTEST_SIDE or max(width, height) > MOST_RATIO * min(width, height):
            raise InvalidInput(
                sentence(
                    "the picture is {width} x {height} pixels, too thin to show anything; send the whole photo",
                    width=width,
                    height=height,
                ),
                field=field,
            )
        # Several pictures in a JPEG are what phones add to a photo (depth, HDR), not an animation.
        if format != "jpeg" and getattr(image, "n_frames", 1) > 1:
            raise InvalidInput(
                sentence("this {format} picture is animated; save one frame as a picture", format=format), field=field
            )
        image.verify()  # checksums; the object cannot be used after it
    with _OPENING, Image.open(io.BytesIO(data), formats=formats) as image:
        if format == "jpeg":
            image.draft(None, (width // 8, height // 8))  # all of it is read, at 1/64 of the memory
        image.load()
    return width, height


def _refuse_two_in_one(data: bytes, format: Format, field: str | None) -> None:
    try:
        end = _end(data, format)
    except _Overdone:
        raise InvalidInput(
            sentence("this picture is made of far too many parts; open it and save it again as a picture"),
            field=field,
        ) from None
    if end is None or end > len(data):
        raise _damaged(format, field)
    zipped = _ZIP_END in data[-_ZIP_REACH:] and _ZIP_ENTRY in data
    if zipped or b"%PDF-" in data[:_PDF_REACH] or _OTHER_FORMATS.search(data, end):
        raise InvalidInput(
            sentence("this picture also contains a file of another format; open it and save it again as a picture"),
            field=field,
        )


def _too_many_pixels(count: str, most: int, field: str | None) -> TooLarge:
    text = sentence("the picture has {count} pixels; the limit is {most} million", count=count, most=f"{most / 1e6:g}")
    return TooLarge(text, field=field)


def _damaged(format: Format, field: str | None) -> InvalidInput:
    name = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP"}[format]
    return InvalidInput(
        sentence("this {name} file is damaged or incomplete; send it again or save it again", name=name),
        field=field,
    )


# ── where the picture ends ───────────────────────────────────────────────────────────────────────


class _Overdone(Exception):
    """More parts than any camera or program writes."""


def _end(data: bytes, format: Format) -> int | None:
    """The byte after the picture's last, or None if it never ends."""
    if format == "webp":  # RIFF: the length is in the header
        return 8 + int.from_bytes(data[4:8], "little")
    return _end_of_png(data) if format == "png" else _end_of_jpeg(data)


def _end_of_png(data: bytes) -> int | None:
    at, parts = 8, 0
    while at + 12 <= len(data):
        parts += 1
        if parts > MOST_PARTS:
            raise _Overdone
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        at += 12 + length
        if kind == b"IEND":
            return at
    return None


def _end_of_jpeg(data: bytes) -> int | None:
    at, parts, scans, fill = 2, 0, 0, 0
    while at + 2 <= len(data):
        if data[at] != 0xFF:  # left over by a program that counted wrongly: readers look for the next part
            start, at = at, data.find(b"\xff", at)
            if at < 0 or at - start > MOST_FILL:
                return None
            continue
        marker = data[at + 1]
        if marker == 0xD9:  # end of image
            return at + 2
        parts, scans, fill = parts + 1, scans + (marker == 0xDA), fill + 1 if marker == 0xFF else 0
        if parts > MOST_PARTS or scans > MOST_SCANS or fill > MOST_FILL:
            raise _Overdone
        if marker == 0xFF:  # fill
            at += 1
            continue
        at += 2 + (0 if marker == 0x01 or 0xD0 <= marker <= 0xD8 else int.from_bytes(data[at + 2 : at + 4], "big"))
        if marker == 0xDA:  # start of scan: entropy-coded data up to the next marker
            found = _JPEG_MARKER.search(data, at)
            if found is None:
                return None
            if data.find(_FILL, at, found.start()) >= 0:
                raise _Overdone
            at = found.start()
    return None
