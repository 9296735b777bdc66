"""Safety: which hazards a scan is about, the advice for them, and the check that no step contradicts it.

A hazard is a kind of thing (`lithium`, `gas_can`) in a state (`swollen`, `full`), from the categories that were
seen, their tags, and the person's own words. Words are read generously: one warning too many costs a line, one
too few costs a hand. Everything that is said comes from `rules/hazards.json`.
"""

import functools
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stagepass.pipelines.scan.models import Category, Danger
from stagepass.pipelines.scan.vocabulary import read, vocabulary

TEXTS = {"ko": 0, "en": 1}


def assess(
    categories: Iterable[Category], tags: Collection[str], said: str, language: str, *, by_words: bool = True
) -> Danger | None:
    """The hazards of these things in the state that tags and words give, with the advice; None where there are none.

    Args:
        categories: of the things that the advice is for.
        tags: situation tags of the vocabulary.
        said: the person's own words.
        language: of the advice.
        by_words: the words may name the thing as well; otherwise only its state.
    """
    kinds = _kinds(categories, said if by_words else "")
    states = _states(tags, said) if kinds else {}
    chosen = _advice(kinds, states)
    if not chosen:
        return None
    text = TEXTS[language]
    grave = [entry for entry in chosen if "steps" in entry]
    acute = [entry for entry in grave if entry["states"]] or grave
    steps = [step[text] for entry in acute for step in entry["steps"]]
    first = (acute or chosen)[0]
    return Danger(
        kinds=sorted({kind for entry in chosen for kind in entry["kinds"] if kind in kinds}),
        states=[state for state in states if any(state in entry["states"] for entry in chosen)],
        acute=bool(acute),
        warning=first["warning"][text],
        more=[entry["warning"][text] for entry in chosen if entry is not first],
        steps=list(dict.fromkeys(steps)),
    )


def state_names(danger: Danger, language: str) -> str:
    """The states of a danger in words."""
    return ", ".join(read("hazards")["states"][state]["name"][TEXTS[language]] for state in danger.states)


# ── what it is, and how it is ────────────────────────────────────────────────────────────────────


def _kinds(categories: Iterable[Category], said: str) -> set[str]:
    """Kinds of hazard, from items (from the group where no item is known) and from words."""
    found = {kind for category in categories for kind in _kinds_of(category)}
    for text in _forms(said):
        for name, pattern in _words().items():
            text, count = pattern.subn(" ", text)  # a word counts once: a car battery is no phone's
            if count:
                found.add(name)
    covered = {less for kind in found for less in read("hazards")["kinds"][kind].get("covers", [])}
    return found - covered


def _kinds_of(category: Category) -> Iterator[str]:
    group = vocabulary().group_of(category.major_category, category.middle_category)
    for name, facts in read("hazards")["kinds"].items():
        if category.minor_category in facts["items"] or (
            category.minor_category is None and group is not None and group.id in facts.get("groups", [])
        ):
            yield name


def _states(tags: Collection[str], said: str) -> dict[str, None]:
    """The states, in the order of the file."""
    forms = _forms(said)
    return {
        name: None
        for name, (own, patterns) in _state_patterns().items()
        if not own.isdisjoint(tags) or any(_affirmed_in(forms, pattern) for pattern in patterns)
    }


def _forms(said: str) -> tuple[str, ...]:
    """The words as they stand, and without spaces: Korean is written either way."""
    text = " ".join(said.lower().replace("’", "'").split())
    return (text, text.replace(" ", "")) if re.search("[가-힣]", text) else (text,) if text else ()


def _affirmed_in(forms: Sequence[str], pattern: re.Pattern[str]) -> bool:
    """In the first of the forms in which the pattern stands at all: spaces tell best what is denied."""
    form = next((form for form in forms if pattern.search(form)), None)
    return form is not None and affirmed(pattern, form)


def affirmed(pattern: re.Pattern[str], text: str) -> bool:
    """Whether the text contains the pattern without denying it ("안 부풀었어요", "it is not leaking")."""
    for found in pattern.finditer(text):
        if not _DENIED_BEFORE.search(text[: found.start()]) and not _DENIED_BEHIND.match(text[found.end() :]):
            return True
    return False


_DENIED_BEFORE = re.compile(
    r"(?:(?<![가-힣])(?:안|못|덜)|\b(?:not|never|no|without|isn't|aren't|wasn't|doesn't|didn't|don't|hasn't|nothing)"
    r"(?: been| yet| any| at all| a)?)\s*$",
    re.IGNORECASE,
)
_DENIED_BEHIND = re.compile(
    r"[가-힣]{0,3}?(?:\s?(?:들어\s?)?있)?지(?:는|도|가)?\s?(?:않|못|안 ?(?:았|했))"
    r"|[가-힣]{0,2}\s?(?:건|게|거|것|곳|데|적|흔적)(?:은|는|이|가|도)?\s?(?:없|아니|아닌|아녜|아녀)"
)


@functools.cache
def _words() -> dict[str, re.Pattern[str]]:
    return {name: re.compile("|".join(_written(facts))) for name, facts in read("hazards")["kinds"].items()}


@functools.cache
def _state_patterns() -> dict[str, tuple[frozenset[str], list[re.Pattern[str]]]]:
    return {
        name: (frozenset(facts["tags"]), [re.compile(pattern) for pattern in _written(facts)])
        for name, facts in read("hazards")["states"].items()
    }


def _written(facts: Any) -> list[str]:
    """Korean patterns as they are, English ones from the beginning of a word."""
    return [*facts["ko"], *(rf"\b(?:{pattern})" for pattern in facts["en"])]


def _advice(kinds: Collection[str], states: Collection[str]) -> list[Any]:
    """For each kind the first entry that fits its state; the gravest first."""
    entries = read("hazards")["advice"]
    chosen: dict[int, Any] = {}
    for kind in kinds:
        fitting = (n for n, e in enumerate(entries) if kind in e["kinds"] and _fits(e["states"], states))
        if (number := next(fitting, None)) is not None:
            chosen[number] = entries[number]
    return [chosen[number] for number in sorted(chosen)]


def _fits(wanted: Sequence[str], states: Collection[str]) -> bool:
    return not wanted or not set(wanted).isdisjoint(states)


# ── what may be said of it ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Never:
    kinds: frozenset[str]
    patterns: dict[str, re.Pattern[str]]


def contradicts(text: str, danger: Danger) -> bool:
    """Whether a sentence tells someone to do what must never be done with such a thing."""
    if text in (danger.warning, *danger.more, *danger.steps):
        return False
    korean = bool(re.search("[가-힣]", text))
    split, denied = (_KOREAN_CLAUSES, _KOREAN_DENIAL) if korean else (_ENGLISH_CLAUSES, _ENGLISH_DENIAL)
    patterns = [
        never.patterns["ko" if korean else "en"] for never in _nevers() if not never.kinds.isdisjoint(danger.kinds)
    ]
    for clause in split.split(text.lower()):
        flat = clause.replace(" ", "") if korean else clause
        for found in (found for pattern in patterns for found in pattern.finditer(flat)):
            rest = flat[found.end() :] if korean else flat[: found.start()]
            if not denied.search(rest):
                return True
    return False


_KOREAN_CLAUSES = re.compile(r"[.!?;\n]|(?<=[^말])고,? |(?<=서) |(?<=며) |(?<=다음) |(?<=뒤) |(?<=후) |말고,? ")
_KOREAN_DENIAL = re.compile(
    r"^.{0,24}?(?:지(?:는|도)?(?:않|말|마|못)|지$|안돼|안되|안됩|금지|절대|전에|위험|마세요|말아|않도록)"
)
_ENGLISH_CLAUSES = re.compile(
    r"[.!?;:\n]|, (?:then|and|but) | and then | then | but |(?<!or) and (?=put|throw|place|drop|rinse|wash|press|take)"
)
_ENGLISH_DENIAL = re.compile(
    r"\b(?:not|never|no|n't|without|avoid|don't|cannot|instead of|out of|keep|stays? out|before)\b|n't\b"
)


@functools.cache
def _nevers() -> list[_Never]:
    everything = frozenset(read("hazards")["kinds"])
    return [
        _Never(
            everything if "all" in entry["kinds"] else frozenset(entry["kinds"]),
            {language: re.compile("|".join(entry[language])) for language in TEXTS},
        )
        for entry in read("hazards")["never"]
    ]
