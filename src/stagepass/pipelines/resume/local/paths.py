"""The local writer of learning paths: what the field asks for and the résumé does not show, with real sources."""

import math
from collections.abc import Sequence
from typing import Any

from stagepass.pipelines.resume.local.words import Pen, message, quoted, rules
from stagepass.pipelines.resume.models import ActionItem, LearningPath, PathSet, Priority, Profile, Resource
from stagepass.pipelines.resume.parsing.profile import field_of, fields
from stagepass.providers.local.text import writes
from stagepass.providers.ports import TextRequest

_SHARES = (0.4, 0.35, 0.25)
"""Of the time of a path: reading, making, looking back."""


@writes("resume.learning_path", model="planner-1")
def write_paths(request: TextRequest) -> PathSet:
    """Answer ``resume.learning_path`` from the prompt's variables."""
    facts = request.facts
    profile = Profile.model_validate_json(facts["profile"])
    hours = int(facts.get("hours_per_week") or 5)
    return compose(profile, str(facts.get("target_role", "")), str(facts.get("focus_areas", "")), hours)


def compose(profile: Profile, target: str = "", focus: str = "", hours: int = 5) -> PathSet:
    """The paths, the most needed first: as many as the hours a week allow."""
    chosen = _topics(profile, target, focus)[: 3 if hours < 5 else 4 if hours < 15 else 5]
    pen = Pen(profile)
    return PathSet(learning_paths=[_path(profile, topic, n, hours, pen) for n, topic in enumerate(chosen)])


def _topics(profile: Profile, target: str, focus: str) -> Sequence[dict[str, Any]]:
    """Topics of the wished field, then of the person's own, then general ones; in each, what they know comes last."""
    topics = rules("topics")["topics"]
    wished = field_of(target) or profile.field
    names = dict.fromkeys(
        [*fields()[wished]["topics"], *fields()[profile.field]["topics"], *fields()["general"]["topics"]]
    )
    have = {skill.id for skill in profile.skills}
    words = focus.lower()

    general = set(fields()["general"]["topics"]) - set(fields()[wished]["topics"])

    def place(name: str) -> tuple[bool, bool, bool]:
        topic = topics[name]
        wanted = any(
            word in words for word in (topic["ko"]["title"].lower(), topic["en"]["title"].lower(), *topic["words"])
        )
        return (not wanted, name in general, bool(topic["teaches"]) and set(topic["teaches"]) <= have)

    return [{"id": name, **topics[name]} for name in sorted(names, key=place)]


def _path(profile: Profile, topic: dict[str, Any], number: int, hours: int, pen: Pen) -> LearningPath:
    said, texts = rules("topics")[profile.language], topic[profile.language]
    deed = profile.deeds[number % len(profile.deeds)].text if profile.deeds else ""
    values = {"deed": quoted(deed, profile.language)} if deed else {}
    link = min(said["link" if deed else "link_none"], key=lambda text: pen.rank(topic["id"] + text))
    priority: Priority = ("높음", "높음", "중간", "중간", "낮음")[number]
    weeks = [max(1, math.ceil(topic["hours"] * share / hours)) for share in _SHARES]
    sources = [_resource(name, profile.language) for name in topic["resources"]]
    own = said["own" if deed else "own_none"]
    actions = (texts["study"], texts["make"], message(min(own, key=lambda t: pen.rank(topic["id"] + t))).fill(values))
    return LearningPath(
        title=texts["title"],
        description=f"{texts['why']} {message(link).fill(values)}",
        priority=priority,
        estimated_duration=_weeks(sum(weeks), hours, said),
        difficulty=topic["level"],
        action_items=[
            ActionItem(
                step=step,
                action=action,
                duration=message(said["week" if length == 1 else "weeks"]).fill({"weeks": length}),
                resources=[source.title for source in sources] if step == 1 else [],
            )
            for step, (action, length) in enumerate(zip(actions, weeks, strict=True), 1)
        ],
        recommended_resources=sources,
        expected_outcomes=list(texts["out"]),
    )


def _weeks(weeks: int, hours: int, said: dict[str, Any]) -> str:
    return message(said["duration"]).fill({"weeks": weeks, "hours": hours})


def _resource(name: str, language: str) -> Resource:
    entry = rules("resources")["resources"][name]
    return Resource(type=entry["type"], title=entry["title"], url=entry.get("url"), description=entry[language])
