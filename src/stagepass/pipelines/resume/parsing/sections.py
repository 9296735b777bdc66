"""Finds the headings of a résumé, and so what the lines below each are about."""

import re
from typing import Literal

Section = Literal["", "about", "work", "project", "skills", "school", "other"]

_WORDS: dict[Section, str] = {
    "work": r"경력(?:\s?사항)?|주요\s?업무|근무\s?이력|(?:work |professional |employment )?(?:experience|history)|employment",
    "project": r"(?:주요\s?|개인\s?|팀\s?|사이드\s?)?프로젝트(?:\s?경험)?|(?:side |personal |selected )?projects?",
    "skills": r"(?:보유\s?|사용\s?|핵심\s?)?(?:기술|스킬|역량)(?:\s?스택)?|(?:technical |core )?skills|tech(?:nical)? stack",
    "school": r"학력(?:\s?사항)?|교육(?:\s?이수)?|education",
    "about": r"(?:자기\s?)?소개서?|요약|프로필|summary|profile|about(?: me)?|objective",
    "other": r"자격증?|자격\s?사항|수상(?:\s?경력)?|어학|성과|협업|활동|대외\s?활동|이력서|certifications?|licen[cs]es|awards?|languages?"
    r"|achievements?|publications?|volunteering|interests|resume|résumé|curriculum vitae|cv|references",
}
_HEADING = {
    section: re.compile(rf"^[#\s■●◆▶\[【<(*_-]*(?:{words})[\s\]】>)*_:：]*$", re.IGNORECASE)
    for section, words in _WORDS.items()
}


def heading(line: str) -> Section:
    """The section that a line begins; empty for a line that is no heading."""
    if len(line) > 40:
        return ""
    return next((section for section, pattern in _HEADING.items() if pattern.match(line)), "")


def section_at(text: str, place: int) -> Section:
    """The section that a place in the text belongs to; empty above the first heading."""
    for line in reversed(text[:place].splitlines()):
        if found := heading(line):
            return found
    return ""
