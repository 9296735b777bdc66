"""The local writer of learning paths: what the field asks for and the résumé does not show, with real sources."""

import math
from collections.abc import Sequence

from stagepass.pipelines.resume import rulebook, ruleschema
from stagepass.pipelines.resume.local.words import fill, quoted, rank
from stagepass.pipelines.resume.models import ActionItem, Deed, LearningPath, PathSet, Priority, Profile, Resource
from stagepass.pipelines.resume.parsing.profile import GENERAL, field_of, skill_name
from stagepass.pipelines.resume.ruleschema import Language
from stagepass.providers.local.text import writes
from stagepass.providers.ports import TextRequest

_SHARES = (0.4, 0.35, 0.25)
"""Of the time of a path: reading, making, looking back."""

_PRIORITIES: Sequence[Priority] = ("높음", "높음", "중간", "중간", "낮음")
_HANDS_ON = {"build", "migrate", "improve", "operate", "analyze", "sell", "care", "other"}
"""Kinds of deeds that most topics can be tried on; leading and teaching people has topics of its own."""


@writes("resume.learning_path", model="planner-3")
def write_paths(request: TextRequest) -> PathSet:
    """Answer ``resume.learning_path`` from the prompt's variables."""
    facts = request.facts
    profile = Profile.model_validate_json(facts["profile"])
    hours = int(facts.get("hours_per_week") or 5)
    return compose(profile, str(facts.get("target_role", "")), str(facts.get("focus_areas", "")), hours)


def compose(profile: Profile, target: str = "", focus: str = "", hours: int = 5) -> PathSet:
    """The paths, the most needed first: as many as the hours a week allow."""
    plan = _Plan(profile, target, focus, hours)
    chosen = plan.topics()[: 3 if hours < 5 else 4 if hours < 15 else 5]
    return PathSet(learning_paths=[plan.path(name, number) for number, name in enumerate(plan.in_order(chosen))])


class _Plan:
    def __init__(self, profile: Profile, target: str, focus: str, hours: int) -> None:
        self._profile = profile
        self._rules = rulebook.topics()
        self._says = self._rules.ko if profile.language == "ko" else self._rules.en
        self._hours = hours
        self._focus = focus.lower()
        self._field = field_of(target) or profile.field
        self._have = {skill.id for skill in profile.skills}
        self._lacking = rulebook.lacking(self._field, self._have, profile.text)
        self._told: set[str] = set()
        self._named: set[str] = set()

    def topics(self) -> list[str]:
        """Topics of the wished field, then of the person's own, then general ones.

        In each: what closes a gap first, then what belongs to something they did, and last what they know.
        """
        fields = rulebook.fields()
        general = fields[GENERAL].topics
        own = dict.fromkeys([*fields[self._field].topics, *fields[self._profile.field].topics])

        def place(name: str) -> tuple[bool, bool, bool, int]:
            return (not self._wished(name), name not in own, self._known(name), -self._need(name))

        return sorted(dict.fromkeys([*own, *general]), key=place)

    def in_order(self, topics: list[str]) -> list[str]:
        """The same topics, each behind those that it builds on and that the person does not know yet."""
        ordered: list[str] = []

        def add(name: str) -> None:
            for before in self._rules.topics[name].after:
                if before in topics and before not in ordered and not self._known(before):
                    add(before)
            if name not in ordered:
                ordered.append(name)

        for name in topics:
            add(name)
        return ordered

    def path(self, name: str, number: int) -> LearningPath:
        """One topic, tied to what the résumé says and does not say."""
        topic, language = self._rules.topics[name], self._profile.language
        texts = getattr(topic, language)
        sources = self._sources(topic)
        weeks = [max(1, math.ceil(topic.hours * share / self._hours)) for share in _SHARES]
        actions = (texts.study, texts.make, self._look_back(name))
        return LearningPath(
            title=texts.title,
            description=" ".join([*self._reasons(name), texts.why, *self._near(name)]),
            priority=_PRIORITIES[number],
            estimated_duration=fill(self._says.duration, {"weeks": str(sum(weeks)), "hours": str(self._hours)}),
            difficulty=topic.level,
            action_items=[
                ActionItem(
                    step=step,
                    action=action,
                    duration=fill(self._says.week if length == 1 else self._says.weeks, {"weeks": str(length)}),
                    resources=_for_step(step, sources),
                )
                for step, (action, length) in enumerate(zip(actions, weeks, strict=True), 1)
            ],
            recommended_resources=sources,
            expected_outcomes=texts.out,
        )

    def _sources(self, topic: ruleschema.Topic) -> list[Resource]:
        """What to learn from, in the answer's language; nothing that another path names already."""
        language = self._profile.language
        found = [_resource(source, language) for source in topic.resources if language == "ko" or _is_latin(source)]
        found += [_place(each, language) for each in topic.find[language]]
        fresh = [source for source in found if source.title not in self._named] or found[-1:]
        self._named |= {source.title for source in fresh}
        return fresh

    # ── how much a topic is needed ──

    def _missing(self, name: str) -> list[str]:
        """Skills of the topic that the field asks for and the résumé does not show."""
        return [skill for skill in self._lacking if skill in self._rules.topics[name].teaches]

    def _known(self, name: str) -> bool:
        return bool(self._have & set(self._rules.topics[name].teaches)) and not self._missing(name)

    def _need(self, name: str) -> int:
        return 2 * bool(self._missing(name)) + (self._related(name) is not None)

    def _wished(self, name: str) -> bool:
        topic = self._rules.topics[name]
        words = [topic.ko.title.lower(), topic.en.title.lower(), *topic.words]
        return any(word in self._focus for word in words)

    # ── how it is tied to the résumé ──

    def _reasons(self, name: str) -> list[str]:
        if missing := self._missing(name):
            return [
                fill(
                    self._says.lacks,
                    {"skills": ", ".join(skill_name(skill, self._profile.language) for skill in missing)},
                )
            ]
        topic = self._rules.topics[name]
        if known := [skill.evidence for skill in self._profile.skills if skill.id in topic.teaches]:
            return [fill(self._says.goes_on, {"skills": ", ".join(known)})]
        return []

    def _related(self, name: str) -> Deed | None:
        """Something they did that the topic is about: by a skill that it teaches, or by its words."""
        topic = self._rules.topics[name]
        for deed in self._profile.deeds:
            if set(topic.teaches) & set(deed.skills) or any(word in deed.text.lower() for word in topic.words):
                return deed
        return None

    def _near(self, name: str) -> list[str]:
        deed = self._related(name)
        return [self._tied(self._says.near, name, deed)] if deed else []

    def _look_back(self, name: str) -> str:
        """The last step, on what they did; each time on something else, as far as there is."""
        fitting = [deed for deed in self._profile.deeds if deed.kind in _HANDS_ON] or self._profile.deeds
        fresh = [deed for deed in fitting if deed.text not in self._told] or fitting
        deed = self._related(name) or next(iter(fresh), None)
        if deed is None:
            return self._says.own_none
        self._told.add(deed.text)
        return self._tied(self._says.own, name, deed)

    def _tied(self, sayings: list[str], name: str, deed: Deed) -> str:
        chosen = min(sayings, key=lambda text: rank(self._profile, name + text))
        return fill(chosen, {"deed": quoted(deed.text, self._profile.language)})


def _is_latin(source: str) -> bool:
    """Whether a resource is usable for people who do not read Korean."""
    return rulebook.resources()[source].title.isascii()


def _place(entry: str, language: Language) -> Resource:
    """A place to look at, with what to look for."""
    name, _, what = entry.partition(":")
    place = rulebook.places()[name]
    title = fill(place.title[language], {"what": what})
    return Resource(type=place.type, title=title, url=place.url, description=place.about[language])


def _for_step(step: int, sources: list[Resource]) -> list[str]:
    """Reading first, then what is made by oneself."""
    made = [source.title for source in sources if source.type == "프로젝트"]
    read = [source.title for source in sources if source.title not in made]
    return {1: read, 2: made}.get(step, [])


def _resource(name: str, language: str) -> Resource:
    entry = rulebook.resources()[name]
    korean = language == "ko"
    return Resource(
        type=entry.type,
        title=(korean and entry.title_ko) or entry.title,
        url=(korean and entry.url_ko) or entry.url,
        description=entry.ko if korean else entry.en,
    )
