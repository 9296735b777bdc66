"""The sentences of the local analyser, written by people (rules/), and how one is chosen for a résumé."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from stagepass.content.catalogue import Message
from stagepass.pipelines.resume.models import Deed, Profile
from stagepass.pipelines.resume.parsing.skills import PACKAGE


@dataclass(frozen=True, slots=True)
class Pattern:
    """A question with all that belongs to it, and slots for what is the person's own."""

    question: str
    why: str
    covers: tuple[str, ...]
    follow_ups: tuple[str, ...]

    @property
    def slots(self) -> frozenset[str]:
        """What has to be known for it."""
        texts = (self.question, self.why, *self.covers, *self.follow_ups)
        return frozenset(slot for text in texts for slot in message(text).parameters)


@cache
def rules(name: str) -> dict[str, Any]:
    """One file of rules."""
    return dict(json.loads((files(PACKAGE) / "rules" / f"{name}.json").read_text("utf-8")))


@cache
def message(text: str) -> Message:
    """A text with slots, taken apart once."""
    return Message.parse(text)


def patterns(entries: Iterable[dict[str, Any]]) -> list[Pattern]:
    """Patterns of a file's entries: q, why, covers, next."""
    return [Pattern(e["q"], e["why"], tuple(e["covers"]), tuple(e["next"])) for e in entries]


class Pen:
    """Fills slots for one résumé; the same résumé always gets the same choice."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._used: set[str] = set()

    def first(self, options: Sequence[Pattern], values: dict[str, str]) -> Pattern | None:
        """The option that this résumé's own words choose, among those that can be filled and were not used."""
        able = [o for o in options if o.slots <= values.keys() and o.question not in self._used]
        if not able:
            return None
        chosen = min(able, key=lambda option: self.rank(option.question))
        self._used.add(chosen.question)
        return chosen

    def rank(self, text: str) -> str:
        """A fixed order that differs from résumé to résumé."""
        return sha256(f"{self.profile.text}\n{text}".encode()).hexdigest()


def values_of(profile: Profile, deed: Deed | None, skill: str | None) -> dict[str, str]:
    """What can stand in slots. What is quoted carries its marks, so that a Korean particle can follow them."""
    values = {}
    if deed:
        values["deed"] = quoted(deed.text, profile.language)
        if deed.numbers:
            values["number"] = deed.numbers[-1]
    if skill:
        values["skill"] = skill
    if profile.role:
        values["role"] = profile.role
    return values


def quoted(text: str, language: str) -> str:
    """In the quotation marks of the language."""
    return f"‘{text}’" if language == "ko" else f"“{text}”"
