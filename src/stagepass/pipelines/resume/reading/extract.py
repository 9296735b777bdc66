"""The text of a résumé's file. What reads it works in a process of its own, which can be killed.

A file is what its content says, whatever its name. A PDF can be made so that reading it never ends, or
takes all memory: the child has limits of time and memory, and its parent waits no longer.
"""

import json
import re
import subprocess
import sys
import threading
import unicodedata
import zipfile
from io import BytesIO

from stagepass.content.clean import clean
from stagepass.errors import Unavailable
from stagepass.providers.fetching.kinds import HEAD, kind_of, named

MAX_BYTES = 10 * 1024 * 1024
MAX_PAGES = 30
TIME_LIMIT = 15.0
"""Seconds for one file."""

MOST_TEXT = 200_000
"""Characters that are taken from a file at most; a longer one is refused by its length anyway."""

AT_ONCE = 4
"""Files that one process has read at the same time: each may take a core, and up to 1 GB."""

_room = threading.BoundedSemaphore(AT_ONCE)


class Unreadable(Exception):
    """A file gives no text; the message says why, and what to do."""


def extract(content: bytes, *, time_limit: float = TIME_LIMIT) -> str:
    """The file's text, cleaned.

    Raises:
        Unreadable: it is empty, too large, of another kind, locked, a scan, broken, or took too long.
        Unavailable: so many others are being read that its turn did not come in time.
    """
    kind = _kind(content)
    text = _decoded(content) if kind == "text" else _in_child(kind, content, time_limit)
    text = clean(_unfolded(text), lines=True)
    if not any(map(str.isalpha, text)):
        if kind == "pdf":
            raise Unreadable(
                "the PDF holds no text, only pictures of it (a scan); save it as a PDF from the program "
                "that it was written in, run text recognition (OCR) on it, or paste the text"
            )
        raise Unreadable("the file holds no text; choose another file, or paste the text")
    return text


def _kind(content: bytes) -> str:
    if not content.strip(b"\0 \r\n\t"):
        raise Unreadable("the file is empty; choose it again")
    if len(content) > MAX_BYTES:
        raise Unreadable(f"the file is larger than {MAX_BYTES // 2**20} MB; leave its pictures out")
    kind = kind_of(content[:HEAD])
    if kind == "application/pdf" or b"%PDF-" in content[:1024]:
        return "pdf"
    if kind == "application/zip":
        return _zip_kind(content)
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise Unreadable("this is an old Word or HWP document, or one with a password; save it as DOCX or PDF")
    if kind is not None:
        raise Unreadable(f"this is {named(kind)}; taken are PDF, DOCX, TXT and Markdown")
    return "text"


def _zip_kind(content: bytes) -> str:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise Unreadable("the file is damaged; save it again, or paste the text") from None
    if "word/document.xml" in names:
        return "docx"
    if any(name.startswith("Contents/section") for name in names):
        raise Unreadable("this is an HWPX document; save it as PDF or DOCX")
    raise Unreadable("this is a ZIP archive or another Office document; taken are PDF, DOCX, TXT and Markdown")


def _decoded(content: bytes) -> str:
    """Text as Korean computers have saved it: UTF-8, UTF-16 with its mark, or CP949."""
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    encodings = ["utf-16"] if marked else ["utf-8-sig", "cp949"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        strange = sum(unicodedata.category(char) in ("Cc", "Co", "Cn") and char not in "\r\n\t\f" for char in text)
        if strange * 50 <= len(text):
            return text
    raise Unreadable("this is not a text file that can be read; save it as UTF-8 text, PDF or DOCX")


def _in_child(kind: str, content: bytes, time_limit: float) -> str:
    command = [sys.executable, "-m", "stagepass.pipelines.resume.reading.child", kind, str(MAX_PAGES), str(MOST_TEXT)]
    if not _room.acquire(timeout=time_limit):
        raise Unavailable("too many files are being read at the moment; send it again a little later")
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=time_limit, check=False)
    except subprocess.TimeoutExpired:
        raise Unreadable(
            f"the file could not be read in {time_limit:g} seconds; save it anew, or paste the text"
        ) from None
    finally:
        _room.release()
    try:
        answer = json.loads(done.stdout)
    except ValueError:  # it died: out of memory, or a fault in the parser
        raise Unreadable("the file is damaged and could not be read; save it anew, or paste the text") from None
    if "problem" in answer:
        raise Unreadable(answer["problem"])
    return str(answer["text"])


def _unfolded(text: str) -> str:
    """PDF puts compatibility forms where letters were: full-width signs, ligatures, jamo by themselves."""
    text = text.replace("\x00", "").replace("\ufffe", "-").replace("\u00ad", "")
    return re.sub(
        r"[\ufb00-\ufb06\uff01-\uff5e\u1100-\u11ff]+", lambda found: unicodedata.normalize("NFKC", found[0]), text
    )
