"""The words of the local lyric writer, and the schema that its rule files must fit."""

import re
from functools import cache
from importlib.resources import files
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from stagepass.content.catalogue import Message

Couplet = tuple[str, str]
"""Two lines that belong together; in English they rhyme."""


def _couplet(text: object) -> object:
    return tuple(text.split(" / ")) if isinstance(text, str) else text


def _template(text: str) -> str:
    Message.parse(text)
    return text


_Template = Annotated[str, AfterValidator(_template)]
_Couplet = Annotated[tuple[_Template, _Template], BeforeValidator(_couplet)]
_Pattern = Annotated[
    re.Pattern[str], BeforeValidator(lambda text: re.compile(text, re.IGNORECASE) if isinstance(text, str) else text)
]


class _Rules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Head(_Rules):
    """Metadata of a rule file."""

    name: str
    version: int
    date: str
    source: str


class Theme(_Rules):
    """One thing that a place can have: imagery for it, and how it is named in a list, if it can be."""

    noun: str | None = None
    couplets: list[_Couplet]


class Kind(_Rules):
    """One kind of business: what it feels like there, and choruses that fit it alone. `{name}` is sung."""

    couplets: list[_Couplet]
    hooks: list[_Couplet]


class Mood(_Rules):
    """One genre's temper: the second half of a chorus, and a last word."""

    chorus: list[_Couplet]
    outro: list[_Couplet]


class Phrases(_Rules):
    """How to quote the customer: words never to quote, and the frames that hold a quoted `{x}`."""

    stop: list[str]
    couplets: list[_Couplet]
    leads: list[str] = []
    keep: list[str] = []
    endings: _Pattern = re.compile("$^")
    modifiers: list[str] = []
    adverbs: list[str] = []


class Words(Head):
    """All words of one language: ``rules/lyric_<language>.json``."""

    language: str
    syllables: tuple[int, int]
    nobody: str
    phrases: Phrases
    openings: list[_Couplet]
    openings_plain: list[_Couplet]
    hooks: list[_Couplet]
    hooks_last: list[_Couplet]
    lists: list[_Couplet]
    titles: list[_Template]
    titles_plain: list[_Template]
    moods: dict[str, Mood]
    kinds: dict[str, Kind]
    themes: dict[str, Theme]


class Around(_Rules):
    """Patterns for the text just before and just after a find, which take it back."""

    before: list[_Pattern]
    after: list[_Pattern]

    def holds(self, text: str, start: int, end: int) -> bool:
        """Whether one of the patterns is met around ``text[start:end]``."""
        left, right = text[max(0, start - 40) : start], text[end : end + 40]
        return any(p.search(left) for p in self.before) or any(p.search(right) for p in self.after)


class KindFinds(_Rules):
    """Words that identify a kind of business: in its name, and in its text, where only a plain word counts.

    `core` are the themes that a song about it should not leave out.
    """

    name: list[_Pattern]
    text: list[_Pattern]
    core: list[str]


class Spotting(Head):
    """Words to find in the customer's text, in every language: ``rules/lyric_spotting.json``."""

    negation: Around
    nearby: Around
    moods: dict[str, list[_Pattern]]
    kinds: dict[str, KindFinds]
    themes: dict[str, list[_Pattern]]


_R = TypeVar("_R", bound=Head)


def _load(file: str, schema: type[_R]) -> _R:
    return schema.model_validate_json((files(__package__) / "rules" / file).read_text("utf-8"))


@cache
def words(language: str) -> Words:
    """The words of ``ko`` or ``en``."""
    return _load(f"lyric_{language}.json", Words)


@cache
def spotting() -> Spotting:
    """Words to find, in all languages at once: the text may be in another language than the song."""
    return _load("lyric_spotting.json", Spotting)
