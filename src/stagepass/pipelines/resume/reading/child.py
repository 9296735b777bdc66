"""The process that opens a file from outside: reads it from standard input, answers one JSON object, ends.

It answers ``{"text": …}`` or ``{"problem": …}``; whatever else happens here stays here.
"""

import json
import resource
import sys
from collections.abc import Iterator
from io import BytesIO
from typing import Any

MEMORY = 1024**3
"""Bytes of address space."""

SECONDS = 30
"""Of computing time, should the parent be gone."""


def main() -> None:
    """See the module's text."""
    kind, pages, most = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    content = sys.stdin.buffer.read()
    read = {"pdf": _pdf, "docx": _docx}[kind]
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        answer = {"text": read(content, pages)[:most]}
    except _Problem as problem:
        answer = {"problem": str(problem)}
    except MemoryError:
        answer = {"problem": "the file needs too much memory to be read; save it anew, or paste the text"}
    except Exception:  # parsers fail in many ways on damaged files, and their words may quote the file
        answer = {"problem": "the file is damaged and could not be read; save it anew, or paste the text"}
    sys.stdout.write(json.dumps(answer))


class _Problem(Exception):
    """The file cannot be used; the text names the fix."""


def _pdf(content: bytes, pages: int) -> str:
    import pypdfium2

    from stagepass.pipelines.resume.reading.wraps import lines_of

    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise _Problem("the PDF is locked with a password; save it without one, or paste the text") from None
        raise
    if len(document) > pages:
        raise _Problem(f"the PDF has {len(document)} pages; a résumé has at most {pages}, so send those that matter")
    return "\n".join(map(lines_of, document))


def _docx(content: bytes, pages: int) -> str:
    import docx

    _check_size(content)
    document = docx.Document(BytesIO(content))
    return "\n".join(_blocks(document))


def _check_size(content: bytes) -> None:
    """A small archive may unpack to gigabytes."""
    import zipfile

    with zipfile.ZipFile(BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > 100 * 1024 * 1024:
            raise _Problem("the document is far too large once unpacked; leave its pictures out")


def _blocks(container: Any) -> Iterator[str]:
    """Paragraphs and tables in the order in which they stand; a table's row is a line."""
    from docx.table import Table

    for block in container.iter_inner_content():
        if not isinstance(block, Table):
            yield block.text
            continue
        for row in block.rows:
            cells: list[str] = []
            for cell in row.cells:
                text = "\n".join(_blocks(cell)).strip()
                if text and (not cells or cells[-1] != text):  # merged cells come once for each column
                    cells.append(text)
            yield " | ".join(cells)


if __name__ == "__main__":
    main()
