"""What a file is by its content, and what to do with one that cannot be read."""

import re
import unicodedata
import zipfile
from io import BytesIO

from stagepass.pipelines.resume.reading.problems import Unreadable
from stagepass.providers.fetching.kinds import HEAD, kind_of, named

MAX_BYTES = 10 * 1024 * 1024
LONGEST = 1_000_000
"""Bytes of a text file: fifty times as long as a résumé may be."""

_WORD = re.compile(r"word/document\d{0,3}\.xml")
_ARCHIVES = (  # the first whose member is there
    ("Contents/section0.xml", "hwpx"),
    ("content.xml", "odt"),
    ("Index/Document.iwa", "pages"),
    ("ppt/presentation.xml", "powerpoint"),
    ("xl/workbook.xml", "excel"),
    ("META-INF/container.xml", "ebook"),
)
_TEXTS = (  # markup that programs write, and that people take for a document
    (rb"\s*\{\\rtf", "rtf"),
    (rb"%!PS", "postscript"),
    (rb"(?s)\s*<\?xml.{0,400}?<\?mso-application", "word_xml"),
    (rb"(?i)mime-version:|(?s:from: .{0,500}?\n(?:mime-version|content-type):)", "web_archive"),
    (rb"(?s)\s{0,20}(?:%[^\n]{0,200}\n\s{0,20}){0,40}\\documentclass", "latex"),
    (rb"(?i)\s*<(?:!doctype|html|head|body|meta|div|table|\?xml)\b", "web_page"),
    (rb"HWP Document File|HWP Document", "hwp"),
    (rb"\s*data:[a-z]+/[a-z.+-]{1,60};base64,|\s*JVBERi0|\s*UEsDB", "base64"),
)  # fmt: skip
_SIGNATURES = [(re.compile(pattern), said) for pattern, said in _TEXTS]


def kind(content: bytes) -> str:
    """``pdf``, ``docx`` or ``text``. Raises `Unreadable` for all else."""
    if not content.strip(b"\0 \r\n\t"):
        raise Unreadable("empty")
    if len(content) > MAX_BYTES:
        raise Unreadable("too_large", megabytes=MAX_BYTES // 2**20)
    found = kind_of(content[:HEAD])
    if found == "application/pdf" or b"%PDF-" in content[:1024]:
        return "pdf"
    if found == "application/zip":
        return _archive(content)
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise Unreadable("old_office")
    head = content[:HEAD].removeprefix(b"\xef\xbb\xbf")
    for pattern, said in _SIGNATURES:
        if pattern.match(head):
            raise Unreadable(said)
    if found is not None:
        raise Unreadable("other_kind", kind=named(found))
    return "text"


def _archive(content: bytes) -> str:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise Unreadable("damaged_archive") from None
    if any(map(_WORD.fullmatch, names)):
        return "docx"
    if any(name.startswith("Contents/section") for name in names):
        raise Unreadable("hwpx")
    said = next((said for name, said in _ARCHIVES if name in names), None)
    raise Unreadable(said or "archive")


def decoded(content: bytes) -> str:
    """Text as computers have saved it: UTF-8, UTF-16 or UTF-32, CP949, or Western European."""
    if len(content) > LONGEST:
        raise Unreadable("too_much_text")
    for encoding in _encodings(content):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        strange = sum(unicodedata.category(char) in ("Cc", "Co", "Cn") and char not in "\r\n\t\f" for char in text)
        if strange * 50 <= len(text):
            return text
    raise Unreadable("not_text")


def _encodings(content: bytes) -> list[str]:
    if content.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return ["utf-32"]
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ["utf-16"]
    even, odd = content[:HEAD:2].count(0), content[1:HEAD:2].count(0)
    if even + odd > len(content[:HEAD]) // 5:  # Latin letters in UTF-16 without a mark
        return ["utf-16-le" if odd > even else "utf-16-be"]
    # Hangul is two bytes beyond ASCII, nearly always; an accent of a Western page stands alone.
    alone = len(re.findall(rb"(?<![\x80-\xff])[\xc0-\xff](?![\x80-\xff])", content))
    pairs = len(re.findall(rb"[\x80-\xff]{2}", content))
    return ["utf-8-sig", *(("cp1252",) if alone > pairs else ("cp949",))]
