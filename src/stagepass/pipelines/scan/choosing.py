"""What can be chosen where it is not known what a thing is: the nearest, and a list by material."""

import difflib
import functools

from stagepass.pipelines.scan.local.names import dictionary, flat, listed, normal
from stagepass.pipelines.scan.local.reply import say
from stagepass.pipelines.scan.models import Choice, Rule, Thing
from stagepass.pipelines.scan.vocabulary import Group, read, vocabulary

NEAREST = 3
PER_GROUP = 12
"""Things of each material: the most common ones, which stand first in the vocabulary."""


def of_rules(rules: list[Rule], language: str) -> list[Thing]:
    """Things that were guessed."""
    return [_thing(_group_of(rule), rule.category.minor_category, language) for rule in rules]


def like(word: str, language: str) -> list[Thing]:
    """Things whose names are spelled like a word that is not known."""
    names = {**dictionary().korean, **{" ".join(words): item for words, item in dictionary().english.items()}}
    found = difflib.get_close_matches(flat(word) if language == "ko" else " ".join(normal(word)), names, 6, 0.6)
    items = dict.fromkeys(names[name] for name in found)
    return [_thing(*_placed(item), language) for item in items][:NEAREST]


@functools.cache
def everything(language: str) -> list[Choice]:
    """Materials, each with its most common things."""
    return [
        Choice(
            group=group.id,
            name=group.name(language),
            things=[_thing(group, item, language) for item in list(group.items)[:PER_GROUP]],
        )
        for group in vocabulary().groups.values()
    ]


def _placed(item: str) -> tuple[Group, str | None]:
    if item.startswith("@"):
        return vocabulary().groups[item[1:]], None
    group = vocabulary().group_of_item(item)
    assert group is not None, item
    return group, item


def _group_of(rule: Rule) -> Group:
    group = vocabulary().group_of(rule.category.major_category, rule.category.middle_category)
    assert group is not None, rule.id
    return group


def _thing(group: Group, item: str | None, language: str) -> Thing:
    name = _name(group, item, language)
    return Thing(item=item, group=group.id, name=name, say=say("choose.say", language, name=name))


def _name(group: Group, item: str | None, language: str) -> str:
    """A name that is understood as this very thing when it is sent back."""
    if item is None:
        return group.name(language)
    words, plain = dictionary(), (item if language == "ko" else group.items[item]).partition("(")[0].strip()
    others = listed(read("names")["names"].get(item, ""))
    if language == "ko":
        means = (name for name in (plain, *others) if words.korean.get(flat(name)) == item)
    else:
        means = (name for name in (plain, *others) if name.isascii() and words.english.get(normal(name)) == item)
    return next(means, plain)
