"""Finds the rule for a category: the national one, with what a municipality adds."""

import functools
import re
from collections.abc import Collection
from typing import Any

from stagepass.pipelines.scan.models import Category, Elsewhere, Rule, Source
from stagepass.pipelines.scan.vocabulary import Group, read, vocabulary


def find(category: Category, region: str | None, language: str, tags: Collection[str] = ()) -> Rule | None:
    """The rule, its texts in `language`; None for what is not classified."""
    group = vocabulary().group_of(category.major_category, category.middle_category)
    if group is None:
        return None
    book = _book()
    facts = next(rule for rule in book["rules"] if rule["group"] == group.id)
    extra = _overlay(region)
    texts = 0 if language == "ko" else 1
    own = [detail for detail in facts["details"] if category.minor_category in detail["items"]]
    target = next((detail["to"] for detail in own if "to" in detail), None)
    # what belongs to this category by nature, and goes elsewhere by rule: bones, shells
    steps = [step[texts] for step in (_rule_of(target) if target else facts)["steps"]]
    if any(detail.get("only") for detail in own):  # a hammer has no contents to be emptied
        steps = steps[-1:]
    local = _local_steps(extra, group, texts)
    sources = [_source(facts["source"], book, texts), *([_source(extra["source"], book, texts)] if local else [])]
    return Rule(
        id=f"KR.{group.id}" + (f"+{extra['region']}" if local else ""),
        region=f"KR, {extra['ko' if texts == 0 else 'en']}" if local else "KR",
        category=category,
        name=_name(group, category, language),
        group=target or group.id,
        items=list(group.items if texts == 0 else group.items.values()),
        steps=steps,
        details=[step[texts] for detail in own for step in detail["steps"]] + local,
        elsewhere=[
            Elsewhere(what=what[texts], where=vocabulary().groups[what[2]].name(language), group=what[2])
            for what in facts["not_here"]
        ],
        warning=facts["warning"][texts] if _warns(facts, category, tags) else None,
        sources=sources,
    )


def regions() -> list[str]:
    """Municipalities whose own rules are known."""
    return [overlay["region"] for overlay in read("municipalities")["overlays"]]


@functools.cache
def _book() -> Any:
    return read("disposal")


@functools.cache
def _municipalities() -> Any:
    return read("municipalities")


@functools.cache
def _sources() -> Any:
    return read("sources")


def _rule_of(group: str) -> Any:
    return next(rule for rule in _book()["rules"] if rule["group"] == group)


def _overlay(region: str | None) -> Any:
    wanted = (region or "").strip().casefold()
    return next((overlay for overlay in _municipalities()["overlays"] if wanted in overlay["names"]), None)


def _local_steps(overlay: Any, group: Group, texts: int) -> list[str]:
    if overlay is None:
        return []
    fitting = {group.id, "recyclables"} if group.major == vocabulary().recyclable else {group.id}
    return [step[texts] for rule in overlay["rules"] if rule["group"] in fitting for step in rule["steps"]]


def _warns(rule: Any, category: Category, tags: Collection[str]) -> bool:
    """Whether the rule's warning is about this very thing, in this state."""
    if "warns" not in rule:
        return False
    items = rule["warns"]["items"]
    return "*" in items or category.minor_category in items or not set(tags).isdisjoint(rule["warns"]["tags"])


def _source(name: str, book: Any, texts: int) -> Source:
    facts = _sources()[name]
    return Source(
        title=facts["title_ko" if texts == 0 else "title_en"],
        publisher=facts["publisher"],
        url=facts["url"],
        version=book["version"],
        date=book["date"],
    )


def _name(group: Group, category: Category, language: str) -> str:
    minor = category.minor_category
    if minor is None:
        return group.name(language)
    # what stands in brackets tells items apart, and is not said aloud
    return re.sub(r"\s*\(.*?\)", "", minor if language == "ko" else group.items[minor])
