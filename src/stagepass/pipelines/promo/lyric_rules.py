"""The words of the local lyric writer, and the schema that its rule files must fit."""

import re
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from stagepass.content.catalogue import Message

Couplet = tuple[str, str]
"""Two lines that belong together; in English they rhyme."""

Register = Literal["warm", "trusting", "energetic", "calm", "discreet", "plain"]
"""How a business is sung of; `plain` where its trade is not sure."""


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


class Manner(_Rules):
    """The couplets of a register: `{region}` and `{name}` are sung; `{x}` in `pads` is a fact too short for a line."""

    titles: list[_Template]
    openings: list[_Couplet]
    openings_plain: list[_Couplet]
    hooks: list[_Couplet]
    closings: list[_Couplet]
    pads: list[_Template]


class FamilyWords(_Rules):
    """What a family of trades says of its work; other lists, where given, take the place of the register's.

    `only_own`: nothing else follows a fact.
    """

    lines: list[_Couplet]
    openings: list[_Couplet] = []
    hooks: list[_Couplet] = []
    closings: list[_Couplet] = []
    answers: list[str] = []
    pads: list[_Template] = []
    only_own: bool = False


class TopicWords(_Rules):
    """One thing that a place can have: its name, for a text in another language, and lines that may follow it."""

    noun: str | None = None
    lines: list[str]


class Words(Head):
    """All words of one language: ``rules/lyric_<language>.json``.

    `answers` follow a fact by register, `typed` by the form of the fact. `rhymes` gives last words by sound.
    """

    language: str
    syllables: tuple[int, int]
    nobody: str
    hooks_last: list[_Couplet]
    rhymes: dict[str, list[str]] = {}
    registers: dict[Register, Manner]
    answers: dict[Register, list[str]]
    typed: dict[str, list[str]]
    families: dict[str, FamilyWords]
    topics: dict[str, TopicWords]


class Around(_Rules):
    """Patterns for the text just before and just after a find, which take it back."""

    before: list[_Pattern]
    after: list[_Pattern]

    def holds(self, text: str, start: int, end: int) -> bool:
        """Whether one of the patterns is met around ``text[start:end]``."""
        left, right = text[max(0, start - 40) : start], text[end : end + 40]
        return any(p.search(left) for p in self.before) or any(p.search(right) for p in self.after)


class Spotting(Head):
    """Words to find in the customer's text, in every language: ``rules/lyric_spotting.json``.

    Attributes:
        refused: a fact that turns guests away (no parking) and is not sung, unless it is `welcome` (no waiting).
        withheld: contact details, which belong on the end card, and text that is no fact.
        longing: what is never sung of a service; by the lyric's language.
        claims: what advertising rules forbid clinics and law offices to say; by the lyric's language.
        forms: what a fact tells of: hours, an offer, how to get there.
        topics: what can be pictured: the sea, fresh bread.
    """

    negation: Around
    nearby: Around
    refused: _Pattern
    welcome: _Pattern
    withheld: _Pattern
    longing: dict[str, _Pattern]
    claims: dict[str, _Pattern]
    forms: dict[str, _Pattern]
    topics: dict[str, list[_Pattern]]


class Family(_Rules):
    """Trades that are sung of alike.

    Attributes:
        register: the tone.
        sober: a service that is neither longed for nor eaten.
        praise: topics that may be pictured.
        notice: whose advertising rules its owner must keep.
    """

    register_: Register = Field(alias="register")
    sober: bool
    praise: frozenset[str]
    notice: Literal["medical", "law", "vet"] | None = None


class TradeFinds(_Rules):
    """Patterns of a trade: `is` in a name or a text, `name` in a name only, `hints` speak for it in a text."""

    family: str
    is_: _Pattern = Field(alias="is")
    name: _Pattern | None = None
    hints: _Pattern | None = None


class Trades(Head):
    """The trades and their families: ``rules/lyric_trades.json``."""

    sober_words: _Pattern
    families: dict[str, Family]
    trades: dict[str, TradeFinds]


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


@cache
def trades() -> Trades:
    """The trades, in both languages at once."""
    return _load("lyric_trades.json", Trades)
