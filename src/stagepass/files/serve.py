"""HTTP response for a file: status, headers and byte range, independent of the web framework.

A route needs no more than::

    found = links.read(token)
    answer = serve.answer(found.file, request.headers, request.method, found.disposition)
    return StreamingResponse(files.stream(found.file, *answer.part), answer.status, answer.headers)

Rules: RFC 9110, sections 13 (conditions) and 14 (ranges).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from stagepass.declare.values import File
from stagepass.files.links import Disposition
from stagepass.files.names import content_disposition

CACHE_TIME = 3600
"""Seconds that a browser may keep a file without asking again. A uri always means the same bytes."""

# What a browser may show inside a page of ours. All else is saved: HTML and SVG could run scripts.
_SHOWN = re.compile(
    r"(image/(jpeg|png|webp|gif|avif)|(audio|video)/[a-z0-9.+-]+|application/(pdf|json)|text/plain)\s*(;.*)?"
)
_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII | re.IGNORECASE)
_TYPE = re.compile(r"[a-zA-Z0-9!#$&^_.+-]+/[a-zA-Z0-9!#$&^_.+-]+(\s*;\s*charset=[a-zA-Z0-9._-]+)?")


@dataclass(frozen=True, slots=True)
class Answer:
    """The response: `part` is the first byte and the one after the last; empty if there is no body."""

    status: int
    headers: dict[str, str]
    part: tuple[int, int]


def answer(file: File, request: Mapping[str, str], method: str = "GET", disposition: Disposition = "inline") -> Answer:
    """The answer to a request for a file.

    Args:
        file: what is asked for.
        request: the request's headers; names in lower case, or a mapping that ignores case.
        method: ``GET`` or ``HEAD``; the second gets no body.
        disposition: what the link asked for; types that could run scripts are always saved.

    Returns:
        200, 206 for a part, 304 if the client has it, or 416 if the part does not exist. A request for
        several parts gets the whole, as RFC 9110 allows.
    """
    etag = f'"{file.sha256}"'
    headers = {
        "ETag": etag,
        "Cache-Control": f"private, max-age={CACHE_TIME}",
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
    }
    if matches(request.get("if-none-match"), etag):
        return Answer(304, headers, (0, 0))

    asked = request.get("range") if method == "GET" and request.get("if-range", etag).strip() == etag else None
    part = _part(asked, file.size)
    if part == _NOWHERE:
        return Answer(416, {**headers, "Content-Range": f"bytes */{file.size}", "Content-Length": "0"}, (0, 0))

    start, end = part or (0, file.size)
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    media = file.type if _TYPE.fullmatch(file.type) else "application/octet-stream"
    shown = disposition == "inline" and _SHOWN.fullmatch(media.lower())
    headers |= {
        "Content-Type": media,
        "Content-Length": str(end - start),
        "Content-Disposition": content_disposition("inline" if shown else "attachment", file.name),
    }
    return Answer(206 if part else 200, headers, (start, end) if method != "HEAD" else (0, 0))


_NOWHERE = (-1, -1)


def _part(header: str | None, size: int) -> tuple[int, int] | None:
    """The range of a ``Range`` header; None for the whole file, also for an invalid header."""
    match = _RANGE.fullmatch(header) if header else None
    if not match or not (match[1] or match[2]):
        return None
    if not match[1]:  # the last N bytes
        length = min(int(match[2]), size)
        return (size - length, size) if length else _NOWHERE
    start = int(match[1])
    if match[2] and int(match[2]) < start:
        return None
    end = min(int(match[2]) + 1, size) if match[2] else size
    return (start, end) if start < size else _NOWHERE


def matches(header: str | None, etag: str) -> bool:
    """Whether an ``If-None-Match`` header names the tag; strong and weak forms are the same here."""
    if header is None:
        return False
    return header.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in header.split(",")}
