"""Values as the text that columns hold: JSON, and messages that fit."""

import json
from typing import Any

from stagepass.sentences import Sentence, as_stored, from_stored

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # `json.dumps` would make one per call

_LONGEST_MESSAGE = 500
"""Characters of the column."""


def dump(value: Any) -> str | None:
    """JSON text, or None for None. Half a surrogate pair, which no database takes, is written as an escape."""
    if value is None:
        return None
    text = _encode(value)
    return text if text.isascii() or _encodable(text) else json.dumps(value, separators=(",", ":"))


def short(text: str | None) -> str | None:
    """A message that fits its column, without what a database does not take."""
    if not text:
        return None
    return text[:_LONGEST_MESSAGE].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def message_text(message: str | None) -> str | None:
    """A stage's message as its column holds it: plain text, or, of a `Sentence`, a JSON list of all its parts."""
    if isinstance(message, Sentence):
        parts = json.dumps([str(message), *(as_stored(message) or ())], ensure_ascii=False, separators=(",", ":"))
        return parts if len(parts) <= _LONGEST_MESSAGE else short(message)
    return short(message)


def message_of_text(text: str | None) -> str | None:
    if text is None or not text.startswith('["'):
        return text
    try:
        parts = json.loads(text)
    except ValueError:  # an author's own text
        return text
    match parts:
        case [str(shown), str(template), dict(parameters)]:
            return from_stored(shown, [template, parameters])
    return text


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def load(text: str | None) -> Any:
    return None if text is None else json.loads(text)
