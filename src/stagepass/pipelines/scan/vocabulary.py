"""The one vocabulary that prompts, rules, API and rewards share: `rules/vocabulary.json` and `rules/tags.json`."""

import functools
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

PACKAGE = "stagepass.pipelines.scan"


@functools.cache
def read(name: str) -> Any:
    """A file of `rules/`, read once; its content must not be changed."""
    return json.loads((files(PACKAGE) / "rules" / f"{name}.json").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Group:
    """One of the 18 groups that rules are written for.

    Attributes:
        middle: the middle category; outside of the recyclables it is the major's name.
        items: Korean names of its items, each with the English one.
    """

    id: str
    major: str
    middle: str
    ko: str
    en: str
    items: dict[str, str]

    def name(self, language: str) -> str:
        return self.ko if language == "ko" else self.en


@dataclass(frozen=True, slots=True)
class Tag:
    """Something about the state of an object.

    Attributes:
        fixes: by group, and by ``""`` for all others: what to do about it; None where it is no fault there.
    """

    code: str
    group: str
    ko: str
    en: str
    fixes: dict[str, dict[str, str] | None]

    def name(self, language: str) -> str:
        return self.ko if language == "ko" else self.en

    def fix(self, group: str, language: str) -> str | None:
        """What to do about it on a thing of this group; None where it is no fault."""
        texts = self.fixes.get(group, self.fixes.get(""))
        return texts[language] if texts else None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything that a classification may say."""

    version: int
    unknown: str
    recyclable: str
    majors: dict[str, str]
    groups: dict[str, Group]
    tags: dict[str, Tag]

    def group_of(self, major: str, middle: str) -> Group | None:
        """The group of a category; None for what is not classified, and for a pair that there is not."""
        found = (group for group in self.groups.values() if (group.major, group.middle) == (major, middle))
        return next(found, None)

    def group_of_item(self, item: str) -> Group | None:
        """The group that an item belongs to."""
        return next((group for group in self.groups.values() if item in group.items), None)

    def problem(self, major: str, middle: str, minor: str | None) -> str | None:
        """Why a category is not one of the vocabulary; None if it is."""
        if (major, middle) == (self.unknown, self.unknown):
            return None if minor is None else f"{self.unknown} has no minor_category"
        if major not in self.majors:
            return f"major_category {major[:40]!r} is not one of: {', '.join(self.majors)}"
        group = self.group_of(major, middle)
        if group is None:
            middles = [group.middle for group in self.groups.values() if group.major == major]
            return f"middle_category {middle[:40]!r} is not one of {major}: {', '.join(middles)}"
        if minor is not None and minor not in group.items:
            return f"minor_category {minor[:40]!r} is not one of {middle}: {', '.join(group.items)}; or null"
        return None


@functools.cache
def vocabulary() -> Vocabulary:
    """The vocabulary, read once."""
    words, tags = read("vocabulary"), read("tags")
    groups = {
        name: Group(
            name, facts["major"], facts["middle"], facts["ko"], facts["en"], dict(i.split("|") for i in facts["items"])
        )
        for name, facts in words["groups"].items()
    }
    return Vocabulary(
        version=words["version"],
        unknown=words["unknown"],
        recyclable=words["recyclable"],
        majors=words["majors"],
        groups=groups,
        tags={
            code: Tag(code, group, ko, en, _fixes(code, tags))
            for group, members in tags["groups"].items()
            for code, (ko, en) in members.items()
        },
    )


def _fixes(code: str, tags: Any) -> dict[str, dict[str, str] | None]:
    """Grease is washed off plastic, and cut out of cardboard; on leftovers it is no fault."""
    own = {group: _both(texts[code]) for group, texts in tags["fixes_by_group"].items() if code in texts}
    return {"": _both(tags["fixes"].get(code)), **own}


def _both(texts: list[str] | None) -> dict[str, str] | None:
    return {"ko": texts[0], "en": texts[1]} if texts else None
