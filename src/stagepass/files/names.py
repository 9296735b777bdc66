"""Names of files as people write them, and what may become of them on a disk and in a header."""

import re
from urllib.parse import quote

from stagepass.text import clean, composed

LONGEST_NAME = 255
"""Characters of a person's name for a file that are kept."""

_LOOKED_AT = 4096  # characters, from the end
_LONGEST_ON_DISK = 120  # bytes of UTF-8; file systems allow 255, archives and backups often less
_LONGEST_ENDING = 16

# Controls, separators, what some file systems or shells read as more than a character, and the marks
# that reverse the direction of text (by which "gpj.exe" can be shown as "exe.jpg").
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*%\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd]')
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL takes no NUL; UTF-8 takes no lone surrogate


def kept_name(name: str) -> str:
    """The name as it is kept beside the file: as given, but for what cannot be stored or seen."""
    text = clean(_UNSTORABLE.sub("\ufffd", name[-_LOOKED_AT:]), lines=True)
    if len(text) <= LONGEST_NAME:
        return text
    stem, ending = _split(text)
    return stem[: LONGEST_NAME - len(ending)] + ending


def safe_name(name: str) -> str:
    """A name for a file on any disk: one segment of a path, never empty, at most 120 bytes of UTF-8.

    Letters of every script and emoji stay, so that a person still recognises it; the ending stays too.
    Applied twice, it changes nothing more.
    """
    last = re.split(r"[/\\]", _UNSTORABLE.sub("_", name[-_LOOKED_AT:]))[-1]
    stem, ending = _split(_UNSAFE.sub("_", composed(last)).strip(". "))
    room = _LONGEST_ON_DISK - len(ending.encode())
    stem = stem.encode()[:room].decode("utf-8", "ignore").rstrip(". ")
    return (stem + ending).strip(". ") or "file"


def _split(name: str) -> tuple[str, str]:
    """The name without its ending, and the ending with its dot; a long one is no ending."""
    stem, dot, ending = name.rpartition(".")
    return (stem, dot + ending) if stem and len(ending.encode()) <= _LONGEST_ENDING else (name, "")


def content_disposition(kind: str, name: str) -> str:
    """The value of ``Content-Disposition``, for old clients in ASCII and for the rest in UTF-8 (RFC 6266, 5987).

    Args:
        kind: ``inline`` or ``attachment``.
        name: any name; without one, only the kind is said.
    """
    if not name:
        return kind
    shown = safe_name(name)
    plain = composed(shown, "NFKD").encode("ascii", "ignore").decode().strip(". ") or "file"
    if plain == shown:
        return f'{kind}; filename="{shown}"'
    if "." in shown and "." not in plain:  # only the ending is in ASCII
        plain = f"file.{plain}"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(shown, safe='')}"
