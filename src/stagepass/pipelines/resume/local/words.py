"""What the local analyser writes with: slots filled from one résumé, and a choice that is the résumé's own."""

import re
from functools import cache
from hashlib import sha256

from stagepass.content.catalogue import Message
from stagepass.pipelines.resume.models import Deed, Profile
from stagepass.pipelines.resume.parsing.acts import change

_NO_SIZE = re.compile(
    r"%|퍼센트|percent|ms|초|분|시간|일$|주$|원|km|㎞|㎡|miles?|hectares?|euros?|dollars?|pounds?|[$€£₩]|seconds?|minutes?|hours?|days?|weeks?",
    re.IGNORECASE,
)
_LARGE = re.compile(r"[만억천]|\d\s?k\b|\d\s?m\b|million|billion", re.IGNORECASE)


@cache
def message(text: str) -> Message:
    """A text with slots, taken apart once."""
    return Message.parse(text)


def fill(text: str, values: dict[str, str]) -> str:
    """The text with its slots filled."""
    return message(text).fill(values)


def rank(profile: Profile, text: str) -> str:
    """A fixed order that differs from résumé to résumé: the same résumé always gets the same choice."""
    return sha256(f"{profile.text}\n{text}".encode()).hexdigest()


def values_of(profile: Profile, deed: Deed | None, skill: str | None) -> dict[str, str]:
    """What can stand in slots. What is quoted carries its marks, so that a Korean particle can follow them."""
    values = {}
    if deed:
        values["deed"] = quoted(deed.text, profile.language)
        if size := next(filter(_is_size, deed.numbers), None):
            values["scale"] = size
        if moved := change(deed.text):
            values["before"], values["after"] = moved
    if skill:
        values["skill"] = skill
    return values


def _is_size(figure: str) -> bool:
    """Whether a figure tells how large something is: not a share, a time or a handful."""
    if _NO_SIZE.search(figure):
        return False
    digits = re.sub(r"[^\d.]", "", figure.split(".")[0])
    return bool(_LARGE.search(figure)) or (digits.isdigit() and int(digits) >= 100)


def quoted(text: str, language: str) -> str:
    """In the quotation marks of the language."""
    return f"‘{text}’" if language == "ko" else f"“{text}”"
