"""The type of a file by its first bytes; the sender's name and content type prove nothing."""

import re

from stagepass.sentences import sentence

HEAD = 4096
"""Number of bytes that are enough."""

_STARTS = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
    b"%PDF-": "application/pdf",
    b"PK\x03\x04": "application/zip",
    b"\x1f\x8b": "application/gzip",
    b"ID3": "audio/mpeg",
    b"OggS": "audio/ogg",
    b"fLaC": "audio/flac",
    b"\x1aE\xdf\xa3": "video/webm",
}
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = (  # ISO base media files (ISO/IEC 14496-12): by the brand in their first box
    (re.compile(rb"hei[cmsx]|hev[cmsx]|mif1|msf1"), "image/heic"),
    (re.compile(rb"avi[fs]"), "image/avif"),
    (re.compile(rb"M4[AB] "), "audio/mp4"),
    (re.compile(rb"qt  "), "video/quicktime"),
)
_MARKUP = re.compile(
    rb"\A\s*+(<\?xml[^>]*+>\s*+|<!--.*?-->\s*+|<!doctype[^>]*+>\s*+)*<(svg|html|head|body|script)\b", re.I | re.S
)
_DOCTYPE = re.compile(rb"\A\s*+(<!--.*?-->\s*+)*<!doctype\s+html", re.I | re.S)

_NAMES = {
    "image/svg+xml": sentence("an SVG drawing"),
    "image/heic": sentence("a HEIC photo"),
    "image/avif": sentence("an AVIF picture"),
    "image/gif": sentence("a GIF"),
    "image/tiff": sentence("a TIFF picture"),
    "image/bmp": sentence("a BMP picture"),
    "image/jpeg": sentence("a JPEG"),
    "image/png": sentence("a PNG"),
    "image/webp": sentence("a WebP picture"),
    "text/html": sentence("a web page"),
    "application/pdf": sentence("a PDF"),
    "application/zip": sentence("a ZIP archive or an Office document"),
}


def kind_of(head: bytes) -> str | None:
    """The content type that the first bytes (`HEAD` are enough) show, or None if it is not a known one."""
    for start, kind in _STARTS.items():
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return next((kind for brand, kind in _BRANDS if brand.match(head[8:12])), "video/mp4")
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return "image/bmp"
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:  # an MPEG audio frame of layer III
        return "audio/mpeg"
    text = head.removeprefix(b"\xef\xbb\xbf")
    if match := _MARKUP.match(text):
        return "image/svg+xml" if match[2].lower() == b"svg" else "text/html"
    return "text/html" if _DOCTYPE.match(text) else None


def named(kind: str | None) -> str:
    """The kind's name with its article: ``a HEIC photo``."""
    if kind is None:
        return sentence("a file of an unknown type")
    return _NAMES.get(kind) or sentence("a file of type {kind}", kind=kind)
