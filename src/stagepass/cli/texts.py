"""Texts for people, in Korean or English: which language, and the catalogue."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stagepass.content.catalogue import Catalogue

LANGUAGES = ("en", "ko")

_chosen: str | None = None


def choose(language: str | None) -> None:
    """Speak this language from now on; None: what the environment says."""
    global _chosen
    _chosen = language


def language() -> str:
    """``ko`` or ``en``: from ``--lang``, else from the locale variables in POSIX order."""
    wanted = _chosen or next(
        (value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "en"
    )
    return "ko" if wanted.lower().startswith("ko") else "en"


def text(code: str, /, **parameters: Any) -> str:
    """A message in the language of this run."""
    return _catalogue().text(code, language(), **parameters)


def has(code: str) -> bool:
    """Whether there is a message with this code."""
    return code in _catalogue().codes("en")


@cache
def _catalogue() -> "Catalogue":
    from stagepass.content.catalogue import Catalogue

    return Catalogue.load("stagepass.cli")
