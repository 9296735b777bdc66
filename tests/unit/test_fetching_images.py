"""Pictures at the door: whole JPEG, PNG and WebP pass; everything else is told what it is."""

import io
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stagepass.errors import InvalidInput, TooLarge
from stagepass.providers.fetching.images import ImageInfo, check_image
from stagepass.providers.fetching.kinds import kind_of


def picture(format: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: Any) -> bytes:
    image = Image.effect_noise(size, 50).convert(mode)
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x.txt", "hello")
    return out.getvalue()


def refused(data: bytes, match: str) -> None:
    with pytest.raises(InvalidInput, match=match) as caught:
        check_image(data, field="images.2")
    assert caught.value.field == "images.2"


FORMATS = ["jpeg", "png", "webp"]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_whole_picture_passes(format: str, mode: str, tmp_path: Path) -> None:
    data = picture(format, mode=mode)
    info = check_image(data)
    assert info == ImageInfo(format, 64, 48)  # type: ignore[arg-type]
    assert info.type == f"image/{format}" == kind_of(data)
    (tmp_path / "a").write_bytes(data)
    assert check_image(tmp_path / "a") == info


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("jpeg", {"progressive": True}),
        ("jpeg", {"restart_marker_blocks": 2}),
        ("webp", {"lossless": True}),
        ("png", {"mode": "P"}),
    ],
)
def test_the_kinds_of_encoding_pass(format: str, options: dict[str, Any]) -> None:
    assert check_image(picture(format, **options)).format == format


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_picture_cut_off_is_told_so(format: str, share: float) -> None:
    data = picture(format, (400, 300))
    refused(data[: int(len(data) * share)], "damaged or incomplete")


@given(cut=st.integers(1, 3000))
def test_no_cut_picture_passes(cut: int) -> None:
    for format in FORMATS:
        data = picture(format)
        with pytest.raises(InvalidInput):
            check_image(data[: max(0, len(data) - cut)])


def test_a_damaged_png_is_told_so() -> None:
    data = bytearray(picture("png", (200, 200)))
    data[len(data) // 2] ^= 0xFF
    refused(bytes(data), "this PNG file is damaged")


def test_a_png_with_a_wrong_checksum_is_told_so() -> None:
    data = bytearray(picture("png", (200, 200)))
    data[-13] ^= 0xFF  # the last byte of the checksum before the last chunk
    refused(bytes(data), "this PNG file is damaged")


def test_a_picture_whose_frame_is_sound_and_whose_points_are_missing_is_told_so() -> None:
    webp = bytearray(picture("webp", (400, 300)))
    half = webp[: len(webp) // 4 * 2]
    half[4:8], half[16:20] = (len(half) - 8).to_bytes(4, "little"), (len(half) - 20).to_bytes(4, "little")
    refused(bytes(half), "this WebP file is damaged")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC photo.*Most Compatible"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "an AVIF picture"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', "an SVG drawing"),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<!DOCTYPE svg PUBLIC 'a' 'b'>\n<svg/>", "an SVG drawing"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (picture("gif"), "a GIF"),
        (picture("bmp"), "a BMP"),
        (picture("tiff"), "a TIFF"),
        (b"%PDF-1.7\n", "a PDF"),
        (zipped(), "a ZIP archive"),
        (b"just text", "an unknown type"),
        (b"", "empty"),
    ],
)
def test_something_else_is_told_what_it_is(data: bytes, what: str) -> None:
    refused(data, what)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "other", [zipped(), b"<html><script>1</script>", b"<?php 1;", b"x" * 99 + b"%PDF-1.7", b"Rar!\x1a\x07\0"]
)
def test_two_formats_in_one_are_refused(format: str, other: bytes) -> None:
    refused(picture(format) + other, "also contains a file")


def test_a_pdf_in_the_comment_of_a_jpeg_is_refused() -> None:
    refused(picture("jpeg", comment=b"%PDF-1.7"), "also contains a file")


@pytest.mark.parametrize("format", FORMATS)
def test_what_phones_append_to_photos_is_no_fault(format: str) -> None:
    video = b"\0\0\0\x18ftypmp42" + bytes(1000)
    assert check_image(picture(format) + video).format == format
    assert check_image(picture(format) + bytes(16)).format == format


def test_a_photo_of_several_pictures_passes() -> None:
    first, second = Image.effect_noise((64, 48), 50), Image.effect_noise((32, 24), 50)
    out = io.BytesIO()
    first.save(out, "MPO", save_all=True, append_images=[second])
    assert check_image(out.getvalue()) == ImageInfo("jpeg", 64, 48)


@pytest.mark.parametrize("format", ["png", "webp"])
def test_what_moves_is_refused(format: str) -> None:
    frames = [Image.effect_noise((32, 32), 50).convert("RGB") for _ in range(3)]
    out = io.BytesIO()
    frames[0].save(out, format, save_all=True, append_images=frames[1:], duration=100)
    refused(out.getvalue(), "is animated; save one frame")


def test_the_limits_and_what_is_told_of_them() -> None:
    data = picture("png", (100, 100))
    assert check_image(data, max_pixels=10_000, max_bytes=len(data)).width == 100
    with pytest.raises(TooLarge, match="100 x 100 pixels") as caught:
        check_image(data, max_pixels=9_999, field="images.2")
    assert caught.value.field == "images.2"
    with pytest.raises(TooLarge, match="MiB"):
        check_image(data, max_bytes=len(data) - 1)


@pytest.mark.parametrize("side", [8_000, 30_000, 2**31 - 1])
def test_a_bomb_is_refused_by_its_header(side: int) -> None:
    data = bytearray(picture("png"))
    data[16:24] = side.to_bytes(4, "big") * 2  # the width and the height
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    with pytest.raises(TooLarge, match="the limit is 50 million"):
        check_image(bytes(data))


@given(st.sampled_from(FORMATS), st.integers(0, 2000), st.binary(min_size=1, max_size=8))
def test_damage_anywhere_ends_in_an_answer(format: str, at: int, damage: bytes) -> None:
    data = bytearray(picture(format))
    data[at : at + len(damage)] = damage
    with suppress(InvalidInput, TooLarge):  # some damage is none; what counts is that nothing else is raised
        check_image(bytes(data))


@given(st.binary(max_size=64))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    for start in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x20\0\0\0WEBP"):
        with pytest.raises(InvalidInput):
            check_image(start + data)


# ── made to be slow, or to show nothing ──


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


JPEG, PNG = picture("jpeg", (320, 240)), picture("png", (320, 240))
SCAN = JPEG.index(b"\xff\xda")
IDAT = PNG.index(b"IDAT") - 4


@pytest.mark.parametrize(
    "data",
    [
        JPEG[:2] + b"\xff" * 14_000_000 + JPEG[2:],
        JPEG[:SCAN] + b"\xff" * 2_000 + JPEG[SCAN:],
        JPEG[: SCAN + 100] + b"\xff" * 2_000 + JPEG[SCAN + 100 :],
        JPEG[:2] + b"\xff\xfe\0\2" * 3_000_000 + JPEG[2:],
        JPEG[:SCAN] + JPEG[SCAN:-2] * 50 + JPEG[-2:],
        PNG[:IDAT] + chunk(b"IDAT") * 1_200_000 + PNG[IDAT:],
        PNG[:IDAT] + chunk(b"tEXt", b"a\0b") * 30_000 + PNG[IDAT:],
    ],
    ids=["fill", "fill before a scan", "fill in a scan", "comments", "scans", "chunks", "texts"],
)
def test_a_picture_of_too_many_parts_is_refused_before_it_is_opened(data: bytes, monkeypatch: Any) -> None:
    def opened(*_: Any, **__: Any) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(Image, "open", opened)
    refused(data, "far too many parts")


@pytest.mark.parametrize(
    "data",
    [
        JPEG[:SCAN] + b"\xff" * 100 + JPEG[SCAN:],
        JPEG[:SCAN] + b"\0" * 100 + JPEG[SCAN:],
        PNG[:IDAT] + chunk(b"tEXt", b"a\0b") * 100 + PNG[IDAT:],
        picture("jpeg", (320, 240), progressive=True),
        picture("png", (800, 8)),
    ],
    ids=["some fill", "left-over bytes", "some texts", "progressive", "a banner"],
)
def test_what_programs_write_passes(data: bytes) -> None:
    assert check_image(data)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 10_000), (10_000, 1), (20_000, 20), (7, 700)])
@pytest.mark.parametrize("format", FORMATS)
def test_a_picture_that_shows_nothing_is_told_so(format: str, size: tuple[int, int]) -> None:
    if format == "webp" and max(size) > 16_383:
        pytest.skip("larger than WebP can be")
    refused(picture(format, size), "too thin to show anything")
