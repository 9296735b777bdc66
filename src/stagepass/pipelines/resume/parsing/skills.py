"""Finds skills by words and their other names, never by parts of words (rules/skills.json)."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from stagepass.pipelines.resume import rulebook, ruleschema
from stagepass.pipelines.resume.parsing.folded import folded
from stagepass.pipelines.resume.parsing.names import without_name

# What may follow a Korean name without a space: particles, and nouns that go with tools and tasks.
_AFTER = (
    "은|는|이|가|을|를|과|와|로|으로|의|에|에서|도|만|및|이나|나|이며|며|까지|부터|처럼|보다|등|기반|환경|시스템|서비스|서버"
    "|개발|구축|운영|관리|업무|경험|활용|사용|담당|설계|도입|전환|분석|프로젝트|클러스터|교육|능력|역량|작성|이관|전문|정산"
    "|를통한|을통한|언어|자격|수료|가능|숙련|앱|팀|파트|실|병동|간호사|사원|담당자|매니저|마케터|개발자|엔지니어|디자이너"
)
_HANGUL = "가-힣"
_LIST = r"[,/·|•;:(){}\[\]\n\t＋+&、\-–—]"
_BESIDE = re.compile(rf"(?:^|{_LIST})\s*$|(?:,|and|with|in|using|및|와|과|또는)\s+$", re.I)
_WORKS = re.compile(
    rf"^\s*(?:$|{_LIST}|\.(?:\s|$))|^\s*(?:developer|engineer|programm|language|framework|app|server|backend|code|with"
    r"|and\s|언어|개발|기반|로\s|으로\s|를\s|을\s|와\s|과\s|환경|서버|엔진|프로그래)",
    re.I,
)
_WORDS_AFTER = re.compile(
    r"\s{0,4}(?:developer|engineer|programm|language|framework|언어|개발|기반|서버|로\s|으로\s|를\s|을\s)",
    re.IGNORECASE,
)
_PLAIN_ANYWAY = ("golang", "react.js", "reactjs", "github", "gitlab")
_NEAR = 40
"""Characters to a skill without a doubt that take the doubt away."""

_NOT = {
    "go": re.compile(
        r"^(?:\s+(?:to|on|live|into|through|the|beyond|back|over|out|up|for|above|further)\b|-to-|-live)", re.I
    ),
    "c": re.compile(r"^(?:[-–]|\s*(?:level|suite|등급|형|학점|타입|-type)|\.\s*[A-Z])", re.I),
    "r": re.compile(r"^(?:\s*&|\s+and\s+D\b|[-–]|\.[A-Za-z]|\s*등급)", re.I),
    "spring": re.compile(r"^\s*(?:'?\d{2,4}|semester|term|season|of\s|학기|시즌|campaign|sales|collection|menu)", re.I),
    "react": re.compile(r"^\s+(?:to|quickly|fast|well|under|calmly|appropriately|immediately)\b", re.I),
    "excel": re.compile(r"^\s+(?:at|under|when|academically|beyond)\b", re.I),
}
_NOT_BEFORE = {
    "c": re.compile(r"(?:vitamin|series|plan|class|grade|option|type|비타민|시리즈|hepatitis|학점)\s*$", re.I),
    "spring": re.compile(r"(?:in|this|last|every|each|during|since|the)\s+$", re.I),
    "excel": re.compile(r"(?:\bto|\bi|\bwe|\bwho|\bthey)\s*$", re.I),
    "git": re.compile(rf"[{_HANGUL}]$"),
}
_LACKS = re.compile(
    r"^[^.,;\n!?]{0,14}?(?:경험[은이]?\s?(?:없|전무)|해\s?본\s?적[은이]?\s?없|모름|미경험|배우고\s?싶|공부하고\s?싶|학습\s?예정|배울\s?예정)"
    r"|^[^.,;\n!?]{0,14}?\b(?:is new to me|not yet)\b",
    re.I,
)
_LACKS_BEFORE = re.compile(
    r"\b(?:no|without|never used|not used|have not used|hope to learn|want to learn|would like to learn|plan to learn"
    r"|eager to learn|planning to learn|lack of|unfamiliar with)\s+(?:\w+\s+){0,3}$",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Known:
    """One skill of the taxonomy."""

    id: str
    name: str
    field: str
    guard: str
    unless: tuple[str, ...] = ()
    name_ko: str = ""
    is_tool: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A skill, and where in the text it stands."""

    skill: Known
    text: str
    start: int
    end: int


@cache
def taxonomy() -> dict[str, Known]:
    """Every skill, by its id."""
    return {entry.id: _known(entry) for entry in rulebook.skills().skills}


def find(text: str) -> list[Found]:
    """Every skill that the text names, in the order of the text, each at its first place."""
    seen: dict[str, Found] = {}
    for found in _all(text):
        seen.setdefault(found.skill.id, found)
    return list(seen.values())


def named(text: str) -> set[str]:
    """Ids of the skills that a text names."""
    return {found.skill.id for found in find(text)}


def _all(text: str) -> Iterator[Found]:
    """Every name that counts. What is near is looked up among neighbours, so that time is in step with the text."""
    names, pattern = _names()
    plain = without_name(folded(text), lambda part: _plain(part) in names)
    matches = [(*match.span(), names[_plain(match[0])]) for match in pattern.finditer(plain)]
    sure = [at for at, _, skill in matches if not skill.guard]
    for at, to, skill in matches:
        if _split_name(skill, plain[at:to]) and not _listed(plain[max(0, at - 40) : at], plain[to : to + 40]):
            at, skill = to - 3, names["sql"]  # “my SQL”
        before, after = plain[max(0, at - 40) : at], plain[to : to + 40]
        near = _near(plain, at, sure)
        if _counts(skill, plain[at:to], before, after, near) and not _lacked(before, after):
            yield Found(skill, text[at:to], at, to)


def _near(text: str, at: int, sure: list[int]) -> bool:
    """Whether a skill without a doubt stands near, in the same line."""
    place = bisect_left(sure, at)
    beside = [other for other in sure[max(0, place - 1) : place + 2] if other != at]
    return any(abs(other - at) <= _NEAR and "\n" not in text[min(other, at) : max(other, at)] for other in beside)


def _counts(skill: Known, found: str, before: str, after: str, near: bool) -> bool:
    """Whether a name with an everyday meaning is meant as a skill here (see `guards` in rules/skills.json)."""
    around = f"{before[-20:]}{found}{after[:20]}".lower()
    if any(phrase in around for phrase in skill.unless):
        return False
    guard = skill.guard
    if not guard or not found.isascii() or _plain(found) in _PLAIN_ANYWAY:
        return not (guard == "git" and _NOT_BEFORE["git"].search(before))
    if guard == "cased":  # in capitals, or as the name is written: Seo is a person, Can a verb
        return len(found) > 5 or found == skill.name or found == found.upper()
    if (guard in _NOT and _NOT[guard].search(after)) or (guard in _NOT_BEFORE and _NOT_BEFORE[guard].search(before)):
        return False
    if guard in ("listed", "go", "c", "r", "spring"):
        listed = _listed(before, after)
        return (found[0].isupper() and (near or listed or bool(_WORDS_AFTER.match(after)))) or (
            listed and guard == "listed"
        )
    return guard != "excel" or found[0].isupper() or near or _listed(before, after)


def _listed(before: str, after: str) -> bool:
    return bool(_BESIDE.search(before)) and bool(_WORKS.search(after))


def _split_name(skill: Known, found: str) -> bool:
    """Whether a name stands as two words that mean something by themselves: my SQL."""
    return skill.id == "mysql" and " " in found


def _lacked(before: str, after: str) -> bool:
    """Whether the text says that the person does not have it."""
    return bool(_LACKS.search(after) or _LACKS_BEFORE.search(before))


def _plain(text: str) -> str:
    """A name without its blanks, hyphens and capitals: people write Spring-Boot, springboot and Java Script."""
    return "".join(char for char in text.lower() if not (char.isspace() or char == "-"))


@cache
def _names() -> tuple[dict[str, Known], re.Pattern[str]]:
    entries = [(alias, entry) for entry in rulebook.skills().skills for alias in _ways(entry)]
    names = {_plain(alias): _known(entry) for alias, entry in entries}
    # The longest first, so that Java does not eat the head of JavaScript; mixed scripts before plain ones.
    ordered = sorted({alias.lower() for alias, _ in entries}, key=len, reverse=True)
    groups = [
        _group([name for name in ordered if (name[0].isascii(), name[-1].isascii()) == scripts], *scripts)
        for scripts in ((True, False), (False, True), (True, True), (False, False))
    ]
    return names, re.compile("|".join(filter(None, groups)), re.IGNORECASE | re.ASCII)


def _ways(entry: ruleschema.SkillEntry) -> list[str]:
    """Its names, and its own name with a blank where a capital begins: Java Script."""
    humps = "".join(f"{one} " if one.islower() and two.isupper() else one for one, two in pairwise(f"{entry.name} "))
    spaced = (
        [humps] if humps != entry.name and _plain(humps) == _plain(entry.name) and len(humps.split()[0]) > 1 else []
    )
    return [*entry.aliases, *spaced]


def _group(names: list[str], latin_first: bool, latin_last: bool) -> str:
    """Names that begin and end in the same scripts, between the edges that these need."""
    if not names:
        return ""
    before = r"(?<![A-Za-z0-9_@#+])(?<![A-Za-z0-9]\.)(?<![A-Za-z]-)" if latin_first else rf"(?<![{_HANGUL}A-Za-z0-9])"
    after = r"(?![A-Za-z0-9_+#@])(?!\.[A-Za-z])" if latin_last else rf"(?=(?:{_AFTER})|[^{_HANGUL}A-Za-z0-9]|$)"
    bodies = [re.escape(name).replace(r"\ ", r"[\s-]{0,2}") for name in names]
    return f"{before}(?:{'|'.join(bodies)}){after}"


def _known(entry: ruleschema.SkillEntry) -> Known:
    return Known(
        entry.id,
        entry.name,
        entry.field,
        entry.guard,
        tuple(entry.unless),
        entry.name_ko,
        bool(entry.url) and not entry.name_ko,
    )
