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

TAKEN = "taken are PDF, DOCX, TXT and Markdown"

_WORD = re.compile(r"word/document\d{0,3}\.xml")
_ARCHIVES = (  # the first whose member is there
    ("Contents/section0.xml", "this is an HWPX document; save it as PDF or DOCX"),
    ("content.xml", "this is an OpenDocument file; save it as PDF or DOCX"),
    ("Index/Document.iwa", "this is a Pages document; export it as PDF or Word"),
    ("ppt/presentation.xml", "this is a PowerPoint file; save it as PDF"),
    ("xl/workbook.xml", "this is an Excel file; save it as PDF"),
    ("META-INF/container.xml", "this is an e-book; save it as PDF or DOCX"),
)
_TEXTS = (  # markup that programs write, and that people take for a document
    (rb"\s*\{\\rtf", "this is an RTF document; open it in your word processor and save it as DOCX or PDF"),
    (rb"%!PS", "this is a PostScript file; save it as PDF"),
    (rb"(?s)\s*<\?xml.{0,400}?<\?mso-application", "this is an old Word XML document; save it as DOCX or PDF"),
    (rb"(?i)mime-version:|(?s:from: .{0,500}?\n(?:mime-version|content-type):)", "this is a saved web page or e-mail; save it as PDF, or paste the text"),
    (rb"(?s)\s{0,20}(?:%[^\n]{0,200}\n\s{0,20}){0,40}\\documentclass", "this is LaTeX source; send the PDF that it makes"),
    (rb"(?i)\s*<(?:!doctype|html|head|body|meta|div|table|\?xml)\b", "this is a web page; save it as PDF, or paste the text"),
    (rb"HWP Document File|HWP Document", "this is an old HWP document; save it as PDF or DOCX"),
    (rb"\s*data:[a-z]+/[a-z.+-]{1,60};base64,|\s*JVBERi0|\s*UEsDB", "this is a file in base64; decode it, and send the file"),
)  # fmt: skip
_SIGNATURES = [(re.compile(pattern), said) for pattern, said in _TEXTS]


def kind(content: bytes) -> str:
    """``pdf``, ``docx`` or ``text``. Raises `Unreadable` for all else."""
    if not content.strip(b"\0 \r\n\t"):
        raise Unreadable("the file is empty; choose it again")
    if len(content) > MAX_BYTES:
        raise Unreadable(f"the file is larger than {MAX_BYTES // 2**20} MB; leave its pictures out")
    found = kind_of(content[:HEAD])
    if found == "application/pdf" or b"%PDF-" in content[:1024]:
        return "pdf"
    if found == "application/zip":
        return _archive(content)
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise Unreadable("this is an old Word or HWP document, or one with a password; save it as DOCX or PDF")
    head = content[:HEAD].removeprefix(b"\xef\xbb\xbf")
    for pattern, said in _SIGNATURES:
        if pattern.match(head):
            raise Unreadable(said)
    if found is not None:
        raise Unreadable(f"this is {named(found)}; {TAKEN}")
    return "text"


def _archive(content: bytes) -> str:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise Unreadable("the file is damaged; save it again, or paste the text") from None
    if any(map(_WORD.fullmatch, names)):
        return "docx"
    if any(name.startswith("Contents/section") for name in names):
        raise Unreadable("this is an HWPX document; save it as PDF or DOCX")
    said = next((said for name, said in _ARCHIVES if name in names), None)
    raise Unreadable(said or f"this is a ZIP archive or another Office document; {TAKEN}")


def decoded(content: bytes) -> str:
    """Text as computers have saved it: UTF-8, UTF-16 or UTF-32, CP949, or Western European."""
    if len(content) > LONGEST:
        raise Unreadable("the file holds far more text than a résumé; leave out what does not belong to it")
    for encoding in _encodings(content):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        strange = sum(unicodedata.category(char) in ("Cc", "Co", "Cn") and char not in "\r\n\t\f" for char in text)
        if strange * 50 <= len(text):
            return text
    raise Unreadable("this is not a text file that can be read; save it as UTF-8 text, PDF or DOCX")


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
