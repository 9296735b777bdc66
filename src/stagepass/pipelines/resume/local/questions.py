"""The local writer of questions: what the person did, in their own words, meets what people in that field ask.

The same résumé gives the same questions; another one gives others.
"""

from collections import Counter
from collections.abc import Iterator

from stagepass.pipelines.resume.local.words import Pattern, Pen, message, patterns, rules, values_of
from stagepass.pipelines.resume.models import Category, Deed, Difficulty, Profile, Question, QuestionSet, Skill
from stagepass.pipelines.resume.parsing.deeds import LONGEST
from stagepass.pipelines.resume.parsing.profile import GENERAL
from stagepass.pipelines.resume.parsing.skills import taxonomy
from stagepass.providers.local.text import writes
from stagepass.providers.ports import TextRequest

_ORDER: tuple[tuple[Category, Difficulty], ...] = (
    ("기술역량", "초급"),
    ("프로젝트경험", "중급"),
    ("협업경험", "중급"),
    ("문제해결", "고급"),
    ("성장가능성", "고급"),
)


@writes("resume.questions", model="interviewer-1")
def write_questions(request: TextRequest) -> QuestionSet:
    """Answer ``resume.questions`` from the prompt's variables: the profile, and what to look at most."""
    profile = Profile.model_validate_json(request.facts["profile"])
    return compose(profile, str(request.facts.get("focus_areas", "")))


def compose(profile: Profile, focus: str = "") -> QuestionSet:
    """One easy question on a skill, two of what was done and with whom, two hard ones."""
    return QuestionSet(questions=list(_Interview(profile, focus).questions()))


class _Interview:
    def __init__(self, profile: Profile, focus: str) -> None:
        self._profile = profile
        self._pen = Pen(profile)
        self._focus = focus.lower()
        self._deeds = _deeds(profile)
        self._asked_of: Counter[str] = Counter()
        self._asked = rules("patterns")[profile.language]
        fields = rules("fields_asked")
        self._field = fields.get(profile.field, fields[GENERAL])[profile.language]

    def questions(self) -> Iterator[Question]:
        if not (self._profile.deeds or self._profile.skills):
            yield from self._plain()
            return
        yield self._basic()
        yield self._one(1, self._next(), "project")
        yield self._one(2, self._next(), "team", field="team")
        yield self._one(3, self._next(hard=True), "problem", field="problem")
        yield self._one(4, self._next(), "grow")

    def _plain(self) -> Iterator[Question]:
        """Nothing was recognised: questions that bring it out, on the words that are there."""
        deed = self._deeds[0]
        for number, (category, level) in enumerate(_ORDER):
            (pattern,) = patterns(self._asked["plain"][str(number)])
            yield self._written(category, level, pattern, deed, None)

    def _basic(self) -> Question:
        """On a skill that the person names; on the first thing they did, where none is known."""
        by_skill = rules("skills_asked")
        for skill in self._skills():
            found = [entry[self._profile.language] for entry in by_skill["entries"] if skill.id in entry["skills"]]
            if chosen := self._pen.first(patterns(found), {"skill": skill.evidence}):
                return self._written(*_ORDER[0], chosen, self._with(skill), skill)
        known = next(iter(self._skills()), None)
        deed = None if known else self._next()
        chosen = self._pen.first(
            patterns(self._asked["basic"]), values_of(self._profile, deed, known.evidence if known else None)
        )
        assert chosen is not None
        return self._written(*_ORDER[0], chosen, deed, known)

    def _one(self, number: int, deed: Deed, kind: str, field: str = "") -> Question:
        category, level = _ORDER[number]
        skill = next((s for s in self._profile.skills if s.id in deed.skills), None)
        values = values_of(self._profile, deed, skill.evidence if skill else None)
        asked = self._asked[kind]
        by_kind = asked.get(deed.kind, []) if isinstance(asked, dict) else asked
        always = asked.get("other", []) if isinstance(asked, dict) else []
        own = patterns([*(self._field[field] if field and self._in_field(deed) else []), *by_kind])
        chosen = self._pen.first(own, values) or self._pen.first(patterns(always), values)
        assert chosen is not None, f"no pattern of {kind} for {deed.kind}"
        return self._written(category, level, chosen, deed, skill)

    def _written(
        self, category: Category, level: Difficulty, pattern: Pattern, deed: Deed | None, skill: Skill | None
    ) -> Question:
        values = values_of(self._profile, deed, skill.evidence if skill else None)
        based = [*([deed.text] if deed else []), *([skill.evidence] if skill and "skill" in pattern.slots else [])]

        def fill(text: str) -> str:
            filled = message(text).fill(values)
            return filled[0].upper() + filled[1:]

        return Question(
            question_text=fill(pattern.question),
            category=category,
            difficulty=level,
            reasoning=fill(pattern.why),
            based_on=based,
            good_answer_covers=[fill(text) for text in pattern.covers],
            follow_ups=[fill(text) for text in pattern.follow_ups],
        )

    # ── what to ask about ──

    def _in_field(self, deed: Deed) -> bool:
        """Whether a question of the field fits: what was done with another field's tools is asked about otherwise."""
        used = {taxonomy()[skill].field for skill in deed.skills} - {"common"}
        return not used or self._profile.field in used

    def _skills(self) -> list[Skill]:
        """What is to be looked at most, then what was used in a deed, then the rest as it comes."""
        used = {skill for deed in self._profile.deeds[:4] for skill in deed.skills}
        return sorted(
            self._profile.skills,
            key=lambda s: (s.name.lower() not in self._focus, s.id not in used, self._pen.rank(s.id)),
        )

    def _with(self, skill: Skill) -> Deed | None:
        return next((deed for deed in self._profile.deeds if skill.id in deed.skills), None)

    def _next(self, *, hard: bool = False) -> Deed:
        """What was asked about least so far; for a hard question, something with a figure or a change in it first."""

        def place(deed: Deed) -> tuple[int, bool]:
            return self._asked_of[deed.text], hard and not (
                deed.numbers or deed.kind in ("migrate", "improve", "operate")
            )

        deed = min(self._deeds, key=place)
        self._asked_of[deed.text] += 1
        return deed


def _deeds(profile: Profile) -> list[Deed]:
    """What was done; where nothing of it was recognised, the résumé's first words stand for it."""
    if profile.deeds:
        return profile.deeds
    lines = [line.strip() for line in profile.text.splitlines() if len(line.strip()) >= 6]
    words = (lines or [profile.text.strip()])[0]
    return [Deed(text=words if len(words) <= LONGEST else words[:LONGEST].rsplit(" ", 1)[0], kind="other")]
