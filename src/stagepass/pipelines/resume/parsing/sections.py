"""Finds the headings of a résumé and the labels in its lines, and so what each line is about (rules/headings.json)."""

import re
from functools import cache
from typing import Literal

from stagepass.pipelines.resume import rulebook
from stagepass.pipelines.resume.parsing.folded import folded

Section = Literal["", "about", "work", "project", "skills", "school", "other", "title"]
Label = Literal["company", "role", "period", "task", "private", "wish"]

LONGEST = 40
"""Characters of a heading, and of a label."""

_AROUND = " \t#■□●◆◇▶▷►▪★☆※【】[]<>〈〉《》「」(){}*_=~|:·•-+/▣◈✔✓…,."
_NUMBERED = re.compile(r"(?:\d{1,2}|[IVX]{1,4}|[Ⅰ-Ⅹ①-⑳]|[가-하])(?:[.)]|\s)\s{0,3}(?=\D)")
_BEHIND = re.compile(r"\s{0,2}[(\[（][^()\[\]]{0,24}[)\]）]$")
_SPREAD = re.compile(r"(?:[^\W\d_] ){2,30}[^\W\d_]")
_KEYS: tuple[tuple[Section, tuple[str, ...]], ...] = (
    ("school", ("학력", "education")),
    ("other", ("자격증", "수상", "봉사", "certifications", "awards", "licenses", "languages", "volunteering")),
    ("skills", ("기술", "스킬", "skills", "technologies", "tools", "competencies")),
    ("project", ("프로젝트", "projects")),
    ("work", ("경력", "경력사항", "experience", "employment", "achievements")),
    ("about", ("소개", "소개서", "요약", "summary", "profile")),
)
"""What a marked line that is no known heading is about, by its last word."""


def heading(line: str) -> Section:
    """The section that a line begins; empty for a line that is no heading."""
    if not line or len(line) > LONGEST:
        return ""
    plain = folded(line)
    bare = _bare(plain)
    return _sections().get(_key(bare)) or _joined(bare) or _marked(plain, bare)


def label_of(text: str) -> Label | Section | None:
    """What a text says of what follows it, such as the ‘Role’ of ‘Role: analyst’; None where it is no label."""
    if len(text) > LONGEST:
        return None
    key = _key(_bare(folded(text)))
    return _labels().get(key) or _sections().get(key)


def _bare(plain: str) -> str:
    bare = plain.strip(_AROUND)
    bare = _NUMBERED.sub("", bare, count=1).strip(_AROUND) if _NUMBERED.match(bare) else bare
    bare = _BEHIND.sub("", bare).strip(_AROUND)
    return bare.replace(" ", "") if _SPREAD.fullmatch(bare) else bare


def _joined(bare: str) -> Section:
    """Of two headings in one, such as ‘Skills & Tools’ or ‘경력 및 프로젝트’: the first."""
    parts = [part.strip() for part in re.split(r"[/&,+]|\s(?:및|and|와|과)\s", bare) if part.strip()]
    known = [_sections().get(_key(part)) for part in parts]
    return known[0] or "" if len(known) > 1 and all(known) else ""


def _marked(plain: str, bare: str) -> Section:
    """A line that is set apart as a heading, by marks or capitals, and ends like one."""
    marked = plain.lstrip()[:1] in "#■◆▶【[<*" or (bare.isupper() and bare.isascii()) or plain.rstrip().endswith(":")
    words = bare.lower().split()
    if not marked or not words or len(words) > 4 or any(char.isdigit() for char in bare):
        return ""
    return next((section for section, keys in _KEYS if words[-1].endswith(keys)), "")


def _key(text: str) -> str:
    return "".join(text.lower().split())


@cache
def _sections() -> dict[str, Section]:
    return {_key(word): section for section, words in rulebook.headings().sections.items() for word in words}


@cache
def _labels() -> dict[str, Label]:
    return {_key(word): label for label, words in rulebook.headings().labels.items() for word in words}
