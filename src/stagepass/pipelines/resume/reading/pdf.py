"""The text of a PDF as a reader sees it: columns one after the other, turned pages from their top, no page furniture."""

import re
from collections import Counter
from typing import Any

import pypdfium2
import pypdfium2.raw as raw

from stagepass.pipelines.resume.parsing.sections import heading
from stagepass.pipelines.resume.reading.layout import Page, laid_out
from stagepass.pipelines.resume.reading.problems import Unreadable
from stagepass.pipelines.resume.reading.runs import runs_of

PICTURED, FEW = 0.5, 150
"""A page that pictures cover to this share, and that has fewer letters, is a picture of a page."""

_PAGE_NUMBER = re.compile(
    r"[-–—\s]{0,4}(?:page|쪽|페이지|p\.)?\s{0,3}\d{1,3}\s{0,3}(?:(?:of|/)\s{0,3}\d{1,3})?[-–—\s]{0,4}", re.I
)
_LAST_NUMBER = re.compile(r"\W{0,4}(?:page|쪽|페이지)?\s{0,3}\d{1,3}\s{0,3}(?:(?:of|/)\s{0,3}\d{1,3})?\W{0,4}$", re.I)
_XFA = re.compile(r"please wait\.{3}.{0,40}if this message is not eventually replaced", re.I | re.S)
_NOT_LETTERS = re.compile(r"[\ue000-\uf8ff\ufffd]|\(cid:\d{1,6}\)")

_SAMPLE = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj
4 0 obj<</Length 58>>stream
BT /F 9 Tf 9 150 Td (Skills and) Tj 0 -12 Td (work) Tj ET
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
"""
"""A page with two lines; pdfium finds the parts by itself."""


def text_of(content: bytes, pages: int) -> str:
    """The text of all pages.

    Raises:
        Unreadable: it is locked, too long, a scan, a form that only its own program shows, or holds no real letters.
    """
    document = _opened(content)
    if len(document) > pages:
        raise Unreadable("too_many_pages", pages=len(document), most=pages)
    read = [_page(page) for page in document]
    text = "\n".join(_without_furniture([lines for lines, _ in read]))
    _check(text, [pictured for _, pictured in read])
    return text


def warm() -> None:
    """Read a page of our own, so that whatever is loaded late is loaded."""
    text_of(_SAMPLE, 1)
    heading("Skills")


def _opened(content: bytes) -> Any:
    try:
        return pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise Unreadable("locked") from None
        raise


def _page(page: Any) -> tuple[Page, bool]:
    """Its lines, and whether it is a picture of a page."""
    found = laid_out(*runs_of(page.get_textpage(), page.get_mediabox()))
    letters = sum(char.isalpha() for line in found.lines for char in line)
    return found, letters < FEW and _covered(page) >= PICTURED


def _covered(page: Any) -> float:
    """The share of the page that pictures cover."""
    width, height = page.get_size()
    area = 0.0
    for picture in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=4):
        left, bottom, right, top = picture.get_bounds()
        area += max(0.0, right - left) * max(0.0, top - bottom)
    return float(area / max(1.0, width * height))


def _check(text: str, pictured: list[bool]) -> None:
    if all(pictured):  # a program's footer does not make it a text
        raise Unreadable("scan", kind="PDF")
    if _XFA.search(text[:2000]):
        raise Unreadable("form")
    if len(_NOT_LETTERS.findall(text)) * 4 > len("".join(text.split())) > 0:
        raise Unreadable("no_letters")


def _without_furniture(pages: list[Page]) -> list[str]:
    """Without page numbers, and with a header or footer of every page only once."""
    edges = Counter(_shape(line) for page in pages for line in set(page.edges))
    seen: set[str] = set()
    kept: list[str] = []
    for page in pages:
        for line in page.lines:
            if line in page.edges:
                shape = _shape(line)
                if _PAGE_NUMBER.fullmatch(line) or (edges[shape] > 1 and shape in seen):
                    continue
                seen.add(shape)
            kept.append(line)
    return kept


def _shape(line: str) -> str:
    """Without the number of its page."""
    return _LAST_NUMBER.sub("", line)
