"""The doctor's texts, in Korean or English."""

from functools import cache
from typing import Any

from stagepass.content.catalogue import Catalogue


def text(code: str, language: str, /, **parameters: Any) -> str:
    """The text of a code; `language` as in ``ko`` or ``en``."""
    return catalogue().text(code, language, **parameters)


def has(code: str) -> bool:
    """Whether there is a text with this code."""
    return code in catalogue().codes("en")


@cache
def catalogue() -> Catalogue:
    return Catalogue.load("stagepass.doctor")


def span(milliseconds: float) -> str:
    """A duration with its two largest units: ``4m 10s``, ``3d 2h``. The same in every language."""
    left = max(0, round(milliseconds / 1000))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])
