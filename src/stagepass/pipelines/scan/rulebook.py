"""Finds the rule for a category: the national one, with what a municipality adds."""

import re
from collections.abc import Collection
from typing import Any

from stagepass.pipelines.scan.models import Category, Danger, Elsewhere, Rule, Source
from stagepass.pipelines.scan.safety import assess, contradicts
from stagepass.pipelines.scan.vocabulary import Group, read, vocabulary


def find(
    category: Category,
    region: str | None,
    language: str,
    tags: Collection[str] = (),
    said: str = "",
    *,
    by_words: bool = False,
) -> Rule | None:
    """The rule, its texts in `language`; None for what is not classified.

    Where the thing is dangerous in the state that `tags` and the person's words (`said`) give, the steps are those
    of the safety advice, and none contradicts it; `by_words`: the words may name the danger as well.
    """
    group = vocabulary().group_of(category.major_category, category.middle_category)
    if group is None:
        return None
    facts, extra, texts = _rule_of(group.id), _overlay(region), 0 if language == "ko" else 1
    target, move = _moved(facts, category, tags)
    steps, details = _steps(facts, target, move, category)
    danger = assess([category], tags, said, language, by_words=by_words)
    local = [] if danger and danger.steps else _local_steps(extra, vocabulary().groups[target], texts)
    own = [detail["source"] for detail in _details(facts, category) if "source" in detail]
    sources = [_source(name, texts) for name in (facts["source"], *own, *([extra["source"]] if local else []))]
    return Rule(
        id=f"KR.{group.id}" + (f"+{extra['region']}" if local else ""),
        region=f"KR, {extra['ko' if texts == 0 else 'en']}" if local else "KR",
        category=category,
        name=_name(group, category, language),
        group=target,
        items=list(group.items if texts == 0 else group.items.values()),
        goes=(read("hazards")["goes"] if danger and danger.steps else _goes(facts, target, category))[texts],
        steps=_safe([step[texts] for step in steps], danger),
        details=_safe([step[texts] for step in details], danger, own=[]) + local,
        elsewhere=[
            Elsewhere(what=what[texts], where=vocabulary().groups[what[2]].name(language), group=what[2])
            for what in facts["not_here"]
        ],
        warning=danger.warning if danger else None,
        sources=sources,
    )


def regions() -> list[str]:
    """Municipalities whose own rules are known."""
    return [overlay["region"] for overlay in read("municipalities")["overlays"]]


def _rule_of(group: str) -> Any:
    return next(rule for rule in read("disposal")["rules"] if rule["group"] == group)


def _overlay(region: str | None) -> Any:
    wanted = (region or "").strip().casefold()
    return next((overlay for overlay in read("municipalities")["overlays"] if wanted in overlay["names"]), None)


def _moved(facts: Any, category: Category, tags: Collection[str]) -> tuple[str, Any]:
    """The group that it goes with in the end: bones by their nature, a broken bottle by its state."""
    for move in facts.get("moves", []):
        if not set(tags).isdisjoint(move["tags"]):
            return move["to"], move
    own = (detail["to"] for detail in _details(facts, category) if "to" in detail)
    return next(own, facts["group"]), None


def _steps(facts: Any, target: str, move: Any, category: Category) -> tuple[list[Any], list[Any]]:
    """The steps for all of the group, and those for this very thing."""
    if move is not None:
        return move.get("steps") or _rule_of(target)["steps"], []
    own = _details(facts, category)
    details = [step for detail in own for step in detail["steps"]]
    if any(detail.get("whole") for detail in own):  # a hammer has no contents to be emptied
        return details, []
    return _rule_of(target)["steps"], details


def _goes(facts: Any, target: str, category: Category) -> Any:
    """Of this very thing, or of its group."""
    own = [detail["goes"] for detail in _details(facts, category) if "goes" in detail]
    return (own or [_rule_of(target)["goes"]])[0]


def _details(facts: Any, category: Category) -> list[Any]:
    return [detail for detail in facts["details"] if category.minor_category in detail["items"]]


def _local_steps(overlay: Any, group: Group, texts: int) -> list[str]:
    if overlay is None:
        return []
    fitting = {group.id, "recyclables"} if group.major == vocabulary().recyclable else {group.id}
    return [step[texts] for rule in overlay["rules"] if rule["group"] in fitting for step in rule["steps"]]


def _safe(steps: list[str], danger: Danger | None, own: list[str] | None = None) -> list[str]:
    """The advice of a danger instead of the steps (`own` instead of its steps); without any, what does not contradict."""
    if danger is None:
        return steps
    if danger.steps:
        return danger.steps if own is None else own
    return [step for step in steps if not contradicts(step, danger)]


def _source(name: str, texts: int) -> Source:
    facts = read("sources")[name]
    return Source(
        title=facts["title_ko" if texts == 0 else "title_en"],
        publisher=facts["publisher"],
        url=facts["url"],
        version=read("disposal")["version"],
        date=read("disposal")["date"],
        article=facts["article"],
        checked=facts["checked"],
    )


def _name(group: Group, category: Category, language: str) -> str:
    minor = category.minor_category
    if minor is None:
        return group.name(language)
    # the text in brackets distinguishes items, and is not read aloud
    return re.sub(r"\s*\(.*?\)", "", minor if language == "ko" else group.items[minor])
