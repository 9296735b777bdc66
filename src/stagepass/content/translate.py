"""Translates a `Sentence` into the reader's language; others are returned unchanged."""

from functools import cache
from typing import Any

from stagepass.content.catalogue import FALLBACK, Catalogue, match
from stagepass.sentences import Sentence, from_stored


def translated(text: str, language: str) -> str:
    """A text for a reader of `language` (``ko``, ``en``). A plain string, or one without a translation, is returned."""
    chosen = match(language, ("ko", FALLBACK))
    if not isinstance(text, Sentence) or chosen in (None, FALLBACK):
        return str(text)
    if text.template not in _catalogue().codes(str(chosen)):
        return str(text)
    parameters = {
        name: translated(value, language) if isinstance(value, str) else value
        for name, value in text.parameters.items()
    }
    return _catalogue().text(text.template, str(chosen), **parameters)


def stored_text(error: dict[str, Any], name: str, language: str) -> str | None:
    """``message`` or ``advice`` of a stored error, in the reader's language."""
    text = error.get(name)
    return translated(from_stored(str(text), (error.get("said") or {}).get(name)), language) if text else None


@cache
def _catalogue() -> Catalogue:
    return Catalogue.load("stagepass.content", "sentences")
