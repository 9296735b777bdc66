"""The text of a résumé's file. It is read in a separate process, which can be killed.

A file is what its content says, whatever its name. A PDF can be made so that reading it never ends, or
takes all memory: the child has limits of time and memory, and its parent waits no longer.
"""

import json
import re
import subprocess
import threading
from typing import Any

from stagepass.errors import Unavailable
from stagepass.pipelines.resume.reading.kinds import decoded, kind
from stagepass.pipelines.resume.reading.problems import Unreadable
from stagepass.pipelines.resume.sandbox.start import Child
from stagepass.sentences import sentence
from stagepass.text import clean, composed

__all__ = ["Unreadable", "extract"]

MAX_PAGES = 30
TIME_LIMIT = 15.0
"""Seconds for one file."""

MOST_TEXT = 100_000
"""Characters that are taken from a file at most; a longer one is refused by its length anyway."""

AT_ONCE = 4
"""Files that one process has read at the same time: each may take a core, and up to 1 GB."""

_room = threading.BoundedSemaphore(AT_ONCE)

_FOLDED = re.compile(r"[\ufb00-\ufb06\uff01-\uff5e\u1100-\u11ff]{1,1000}")


def extract(content: bytes, *, time_limit: float = TIME_LIMIT) -> str:
    """The file's text, cleaned.

    Raises:
        Unreadable: it is empty, too large, of another kind, locked, a scan, broken, or took too long.
        Unavailable: too many files are being read, so its turn did not come in time.
    """
    found = kind(content)
    text = decoded(content)[:MOST_TEXT] if found == "text" else _in_child(found, content, time_limit)
    text = clean(_unfolded(text), lines=True)
    if not any(map(str.isalpha, text)):
        if found == "pdf":
            raise Unreadable("scan", kind="PDF")
        raise Unreadable("no_text")
    return text


def _in_child(found: str, content: bytes, time_limit: float) -> str:
    if not _room.acquire(timeout=time_limit):
        raise Unavailable(sentence("too many files are being read right now; try again in a minute"))
    try:
        answer = _answer(found, content, time_limit)
    finally:
        _room.release()
    if "problem" in answer:
        raise Unreadable(answer["problem"], **answer.get("with", {}))
    return str(answer["text"])


def _answer(found: str, content: bytes, time_limit: float) -> dict[str, Any]:
    child = Child(
        "stagepass.pipelines.resume.reading.child",
        *(found, str(MAX_PAGES), str(MOST_TEXT)),
        talks_on=subprocess.PIPE,
        answers_on=subprocess.PIPE,
    )
    try:
        said, _ = child.communicate(content, timeout=time_limit)
        answer: dict[str, Any] = json.loads(said)
    except subprocess.TimeoutExpired:
        raise Unreadable("too_slow", seconds=f"{time_limit:g}") from None
    except ValueError:  # it died: out of memory, or a fault in the parser
        raise Unreadable("damaged") from None
    finally:
        child.end()
    return answer


def _unfolded(text: str) -> str:
    """PDF puts compatibility forms where letters were: full-width signs, ligatures, jamo by themselves."""
    text = text.replace("\x00", "").replace("\ufffe", "-").replace("\u00ad", "")
    return _FOLDED.sub(lambda found: composed(found[0], "NFKC"), text)
