"""Phrases that make a text hard to read, and where they stand: ``python -m tests.docs.words``.

Comments and strings of the code, the docs, and the English catalogues are searched. Identifiers are not.
"""

import io
import json
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tests.docs import pages
from tests.docs.pages import ROOT

PHRASES = {
    r"told": "say who reports what to whom",
    r"anew": "again, or a new one",
    r"nobody|somebody|everybody": "name the reader, the caller, the worker, …",
    r"whoever|whomever": "name who it is",
    r"(goes|go|going|went) on": "continues, resumes, runs",
    r"so (many|much|long)(?! (that|as|ago))": "give the number or name the parameter",
    r"for ever": "forever, or until when",
    r"belongs? into": "belongs in",
    r"what there is|what (it|that) is that": "name the thing",
    r"puts? (it )?right": "fix",
    r"stands? still": "stops, hangs",
    r"was asked too often|asked too often": "rate limit exceeded",
    r"who(?= (is|are|was) (asked|told|there))": "name who it is",
    r"purse|haul|deaf|the heart of|desk": "see the glossary",
}
"""A pattern, and what to write in its place."""

ALLOWED = (
    r"deaf_after_seconds",  # the alias of a renamed setting
    r"coffeehouse somebody everyday",  # words whose syllables are irregular
    r"`+[^`]*`+",  # names in the code
    r"--anew|anew=|\| anew \|",  # an option, and its row in the glossaries
    r"\{[^{}]*\}",  # expressions in an f-string, parameters of a text
    r"^ +[a-z_, ]+: ",  # names of parameters in a docstring
)
"""Quotations, and names that a user may still have."""

CATALOGUES = ("locale/en.json",)

_FOUND = re.compile(r"\b(" + "|".join(f"(?:{phrase})" for phrase in PHRASES) + r")\b", re.IGNORECASE)
_ALLOWED = re.compile("|".join(ALLOWED), re.IGNORECASE | re.MULTILINE)


def found(text: str) -> list[str]:
    """The phrases in a text."""
    return [hit[0] for hit in _FOUND.finditer(_ALLOWED.sub("", text))]


def texts() -> Iterator[tuple[str, int, str]]:
    """Every text that is searched: its file, its line and itself."""
    for page in pages.pages():
        yield pages.name(page), 1, pages.prose(page)
    for file in sorted((ROOT / "src/stagepass").rglob("*.py")):
        yield from _of_python(file)
    for file in sorted((ROOT / "src/stagepass").rglob("*.json")):
        if str(file).endswith(CATALOGUES):
            for code, text in json.loads(file.read_text("utf-8")).items():
                yield f"{file.relative_to(ROOT)}:{code}", 1, text


def _of_python(file: Path) -> Iterator[tuple[str, int, str]]:
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    for token in tokenize.generate_tokens(io.StringIO(file.read_text("utf-8")).readline):
        if token.type in kinds and " " in token.string:  # a string without a space is a name
            yield str(file.relative_to(ROOT)), token.start[0], token.string


def problems() -> list[str]:
    """One line for each phrase that stands somewhere."""
    lines = []
    for file, first, text in texts():
        for number, line in enumerate(text.splitlines()):
            if hits := found(line):
                where = f"{file}:{first + number}" if file.endswith(".py") else file
                lines.append(f"{where}: {', '.join(hits)}: {line.strip()[:140]}")
    return lines


if __name__ == "__main__":
    found_lines = problems()
    print("\n".join(found_lines))
    print(f"{len(found_lines)} lines" if found_lines else "no such phrases")
    sys.exit(bool(found_lines))
