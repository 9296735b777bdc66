"""The local writer of questions: what the person did, in their own words, meets what people in that field ask.

The same résumé gives the same questions; another one gives others.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from stagepass.pipelines.resume import rulebook
from stagepass.pipelines.resume.local.fitting import Fit, entries, fits, of_skill, slots
from stagepass.pipelines.resume.local.words import fill, rank, values_of
from stagepass.pipelines.resume.models import Category, Deed, Difficulty, Profile, Question, QuestionSet, Skill
from stagepass.pipelines.resume.parsing.deeds import LONGEST
from stagepass.pipelines.resume.parsing.skills import named
from stagepass.providers.local.text import writes
from stagepass.providers.ports import TextRequest

_ORDER: dict[str, tuple[Category, Difficulty]] = {
    "basic": ("기술역량", "초급"),
    "project": ("프로젝트경험", "중급"),
    "team": ("협업경험", "중급"),
    "problem": ("문제해결", "고급"),
    "grow": ("성장가능성", "고급"),
}
_AGAIN, _LATER, _WISHED = 9.0, 0.4, 15.0
"""Lost by what was asked about already, and per place in the résumé's order; gained by what the person wishes for."""
LEAST = 2
"""Deeds with which a résumé can be asked about."""
_OPEN = ("team", "problem", "grow")
"""Questions that bring out what was done, in any field."""
_KEPT = 2.0
"""Lost as a project by leading and teaching others: what that was like is asked about as working together."""


@writes("resume.questions", model="interviewer-3")
def write_questions(request: TextRequest) -> QuestionSet:
    """Answer ``resume.questions`` from the prompt's variables: the profile, and what to look at most."""
    profile = Profile.model_validate_json(request.facts["profile"])
    return compose(profile, str(request.facts.get("focus_areas", "")))


def compose(profile: Profile, focus: str = "") -> QuestionSet:
    """One easy question on a skill, two of what was done and with whom, two hard ones."""
    interview = _Interview(profile, focus)
    chosen = interview.plain() if len(profile.deeds) < LEAST else interview.chosen()
    return QuestionSet(questions=[interview.written(about, chosen[about]) for about in _ORDER])


class _Interview:
    def __init__(self, profile: Profile, focus: str) -> None:
        self._profile = profile
        self._focus = [word for word in focus.lower().split(", ") if word]
        self._wished = named(focus)
        self._deeds = profile.deeds
        self._asked_of: Counter[str] = Counter()
        self._asked: set[str] = set()

    def chosen(self) -> dict[str, Fit]:
        """The hardest to place come first: they take what fits them best."""
        found = {about: self._best(self._of_deeds(about)) for about in ("problem", "project", "team", "grow")}
        return {**found, "basic": self._basic(found["problem"].skill)}

    def plain(self) -> dict[str, Fit]:
        """Too few achievements to ask about: the existing ones, two questions of the field, and three that draw more out."""
        guides = iter(rulebook.fields()[self._profile.field].guides[self._profile.language])
        found: dict[str, Fit] = {}
        if self._profile.skills:
            found["basic"] = self._basic(None)
        if self._profile.deeds:
            found["project"] = self._best(self._of_deeds("project"))
        for number, about in enumerate(_ORDER):
            if about not in found:
                (entry,) = entries(f"plain{number if about in _OPEN else min(number, 1)}")
                found[about] = Fit(entry, None, None, 0.0, guide=next(guides, "") if about not in _OPEN else "")
        for about, unused in zip(
            ("problem", "team"), guides, strict=False
        ):  # a deed or a skill was asked about instead
            (entry,) = entries("plain1")
            found[about] = Fit(entry, None, None, 0.0, guide=unused)
        return found

    def written(self, about: str, fit: Fit) -> Question:
        """The question, filled with the résumé's own words."""
        category, level = _ORDER[about]
        wording = getattr(fit.entry, self._profile.language)
        values = values_of(self._profile, fit.deed, fit.skill.evidence if fit.skill else None) | {"guide": fit.guide}
        text = fill(wording.q, values)
        quotes = [*([fit.deed.text] if fit.deed else []), *([fit.skill.evidence] if fit.skill else [])]
        quotes = quotes or [_grounds(self._profile)]
        return Question(
            question_text=text,
            category=category,
            difficulty=level,
            reasoning=fill(wording.why, values),
            based_on=[quote for quote in quotes if quote in text] or quotes[:1],
            good_answer_covers=[fill(each, values) for each in wording.covers],
            follow_ups=[fill(each, values) for each in wording.next],
        )

    # ── what to ask, of what ──

    def _of_deeds(self, about: str) -> Iterator[tuple[float, Fit]]:
        for place, deed in enumerate(self._deeds):
            lost = _AGAIN * self._asked_of[deed.text] + _LATER * place - _WISHED * self._is_wished(deed)
            lost += _KEPT * (about == "project" and deed.kind in ("lead", "teach"))
            for fit in fits(self._profile, about, deed):
                yield fit.points - lost, fit

    def _basic(self, other_than: Skill | None) -> Fit:
        """On a skill that the person names; on something they did, where none is known."""
        ranked = sorted(
            (skill for skill in self._profile.skills),
            key=lambda s: (
                s.id not in self._wished,
                other_than is not None and s.id == other_than.id,
                not any(s.id in deed.skills for deed in self._profile.deeds[:4]),
                rank(self._profile, s.id),
            ),
        )
        found = [
            (fit.points - _LATER * place, fit)
            for place, s in enumerate(ranked)
            for fit in of_skill(self._profile, "basic", s)
        ]
        return self._best(found or self._of_deeds("basic"))

    def _best(self, found: Iterable[tuple[float, Fit]]) -> Fit:
        """The best that can be filled and was not asked yet; between equals the résumé's own words choose."""
        language = self._profile.language
        able = [
            (points, fit)
            for points, fit in found
            if fit.entry.ko.q not in self._asked
            and slots(fit.entry, language)
            <= values_of(self._profile, fit.deed, fit.skill.evidence if fit.skill else None).keys()
        ]
        _, best = max(able, key=lambda each: (each[0], rank(self._profile, each[1].entry.ko.q)))
        self._asked.add(best.entry.ko.q)
        if best.deed:
            self._asked_of[best.deed.text] += 1
        return best

    def _is_wished(self, deed: Deed) -> bool:
        """Whether it is about what the person wants to be asked; once is enough."""
        if self._asked_of[deed.text]:
            return False
        return bool(self._wished & set(deed.skills)) or any(word in deed.text.lower() for word in self._focus)


def _grounds(profile: Profile) -> str:
    """Words of a résumé that says little: its position, a skill, else its longest line."""
    if profile.role:
        return profile.role
    if profile.skills:
        return profile.skills[0].evidence
    words = max(profile.text.splitlines(), key=len).strip()
    return words if len(words) <= LONGEST else words[:LONGEST].rsplit(" ", 1)[0]
