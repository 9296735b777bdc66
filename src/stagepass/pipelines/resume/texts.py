"""The texts of this pipeline for people, and a stored English one in the reader's language."""

import re
from functools import cache

from stagepass.content.catalogue import Catalogue

_SLOTS = ("count", "kind", "least", "megabytes", "most", "pages", "seconds")


@cache
def texts() -> Catalogue:
    """The messages of this pipeline."""
    return Catalogue.load("stagepass.pipelines.resume")


def translated(message: str, language: str) -> str | None:
    """What is wrong with a file or a text, as it was stored, in a language; None for any other message."""
    for code, pattern in _stored():
        if found := pattern.fullmatch(message):
            return texts().text(code, language, **found.groupdict())
    return None


@cache
def _stored() -> list[tuple[str, re.Pattern[str]]]:
    """The English text of each such code, with a group for each of its slots."""
    codes = sorted(code for code in texts().codes("en") if code.startswith(("file.", "text.")))
    return [(code, _pattern(texts().text(code, "en", **{slot: f"\0{slot}\0" for slot in _SLOTS}))) for code in codes]


def _pattern(text: str) -> re.Pattern[str]:
    parts = text.split("\0")
    return re.compile("".join(f"(?P<{part}>.{{1,40}})" if n % 2 else re.escape(part) for n, part in enumerate(parts)))
