"""The text of a Word document as Word shows it: body, text boxes, content controls, tables, headers and notes.

What was inserted and is not yet accepted is shown, so it is read; what was deleted is not.
"""

import posixpath
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from lxml import etree

from stagepass.pipelines.resume.reading.problems import Unreadable

LARGEST = 100 * 1024 * 1024
"""Bytes of the whole archive once unpacked."""

FEW = 60
"""Letters beside a picture that do not make it a text."""

_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_PARTS = ("header", "document", "footnotes", "endnotes", "footer")

_SKIPPED = {"del", "moveFrom", "instrText", "delText", "pPr", "sectPr", "tblPr", "trPr", "tcPr", "sdtPr"}


def text_of(content: bytes, pages: int) -> str:
    """The text of all parts. Raises `Unreadable` for an archive that grows too large, and for pictures of a text."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
            raise Unreadable("unpacks_too_large")
        roots = [_root(archive.read(name)) for name in _names(archive)]
    parts = dict.fromkeys("\n".join(_Reader().lines(root)) for root in roots)  # the same header for odd and even pages
    text = "\n".join(parts)
    if _pictures(roots) and sum(map(str.isalpha, text)) < FEW:
        raise Unreadable("scan", kind="DOCX")
    return text


def warm() -> None:
    """Read an empty document, so that whatever is loaded late is loaded."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", "<document><body><p><r><t/></r></p></body></document>")
    text_of(out.getvalue(), 1)


def _names(archive: zipfile.ZipFile) -> list[str]:
    """The parts that are shown, headers first."""
    there = [name for name in archive.namelist() if posixpath.dirname(name) == "word" and name.endswith(".xml")]
    return [name for part in _PARTS for name in sorted(there) if posixpath.basename(name).startswith(part)]


def _root(content: bytes) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    return etree.fromstring(content, parser)


def _pictures(roots: list[Any]) -> bool:
    return any(next(root.iter("{*}blip", "{*}imagedata"), None) is not None for root in roots)


class _Reader:
    """Walks one part; a paragraph is a line, and so is a table's row."""

    def lines(self, root: Any) -> list[str]:
        return list(self._blocks(root))

    def _blocks(self, container: Any) -> Iterator[str]:
        for child in self._shown(container):
            match _name(child):
                case "p":
                    yield from self._paragraph(child)
                case "tbl":
                    for row in self._rows(child):
                        yield from self._row(row)
                case name if name in _SKIPPED:
                    continue
                case _:  # a content control, a tracked block, a custom tag: what is in it
                    yield from self._blocks(child)

    def _paragraph(self, paragraph: Any) -> Iterator[str]:
        boxes: list[Any] = []
        text = "".join(self._inline(paragraph, boxes))
        yield from text.split("\n")
        for box in boxes:
            yield from self._blocks(box)

    def _inline(self, element: Any, boxes: list[Any]) -> Iterator[str]:
        for child in self._shown(element):
            match _name(child):
                case "t":
                    yield child.text or ""
                case "tab" | "ptab":
                    yield "\t"
                case "br" | "cr":
                    yield "\n"
                case "noBreakHyphen":
                    yield "-"
                case "txbxContent":
                    boxes.append(child)
                case name if name in _SKIPPED:
                    continue
                case _:
                    yield from self._inline(child, boxes)

    def _rows(self, table: Any) -> Iterator[Any]:
        for child in self._shown(table):
            if _name(child) == "tr":
                yield child
            elif _name(child) not in _SKIPPED:
                yield from self._rows(child)

    def _row(self, row: Any) -> Iterator[str]:
        """Its cells in one line; where cells hold several paragraphs, each cell keeps its own lines."""
        cells = [lines for cell in self._cells(row) if (lines := [x.strip() for x in self._blocks(cell) if x.strip()])]
        if not cells:
            return
        if max(map(len, cells)) == 1 or (len(cells) <= 4 and all(len(lines) == 1 for lines in cells[:-1])):
            head = [lines[0] for lines in cells]
            yield " | ".join(head)
            yield from cells[-1][1:]
            return
        for lines in cells:
            yield from lines

    def _cells(self, row: Any) -> Iterator[Any]:
        for child in self._shown(row):
            if _name(child) == "tc":
                yield child
            elif _name(child) not in _SKIPPED:
                yield from self._cells(child)

    def _shown(self, element: Any) -> Iterator[Any]:
        """Children, with the newer of two forms of the same thing."""
        for child in element:
            if not isinstance(child.tag, str):
                continue
            if child.tag == f"{_MC}AlternateContent":
                chosen = child.find(f"{_MC}Choice")
                chosen = child.find(f"{_MC}Fallback") if chosen is None else chosen
                if chosen is not None:
                    yield from self._shown(chosen)
            else:
                yield child


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]
