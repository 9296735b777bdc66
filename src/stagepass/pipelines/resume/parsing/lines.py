"""The lines of a résumé, each with its section, its periods, and whether it is about school or work."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from stagepass.pipelines.resume.parsing.acts import has_company, title_in
from stagepass.pipelines.resume.parsing.periods import Period, periods
from stagepass.pipelines.resume.parsing.sections import Section, heading

BULLET = re.compile(
    r"\s{0,20}(?:[•●○▪■◆◇▶►▸※·ㆍ*\-–—>+✓✔➤→‣∙◦❖⁃]{1,3}|\(?\d{1,2}[.)](?=\s)|[①-⑳]|[a-hA-H가-하][.)](?=\s)|o(?=\s))\s{0,8}(?=\S)"
)

_SCHOOL = re.compile(
    r"대학교|대학원|학사|석사|박사|고등학교|졸업|전공|학점|부트캠프|수료|재학|휴학|편입"
    r"|\b(?:university|college|bachelor(?:'s)?|master's|B\.?Sc|B\.S\.|B\.A\.|M\.?Sc|M\.S\.|MBA|Ph\.?D|degree|gpa|bootcamp|diploma|high school|graduated|coursework)(?![A-Za-z])",
    re.IGNORECASE,
)
_WORK_IN_SCHOOL = re.compile(
    r"병원|교사|강사|조교|연구원|교직원|교수|사서|영양사|행정|팀장|담당|teacher|lecturer|hospital|professor|researcher|nurse|librarian|instructor|assistant|coordinator|fellow|counsel",
    re.IGNORECASE,
)
_NO_WORK = re.compile(
    r"만기\s?전역|병역|군\s?복무|군필|육군|해군|공군|해병대|의무경찰|사회복무|교환학생|어학연수|워킹홀리데이|유효|생년월일|생일|birth"
    r"|자격증|면허|봉사|\b(?:valid|expires?|certificat\w{0,4}|licen[cs]e|volunteer\w{0,4}|exchange student)\b",
    re.IGNORECASE,
)
_SOLDIER = re.compile(r"장교|부사관|군무원|officer|sergeant|captain", re.IGNORECASE)


@dataclass(slots=True)
class Line:
    """One line, as it stands.

    Attributes:
        at: where it begins in the text.
        section: what it is about; the section of a heading is that of the lines below it.
        periods: those that begin in it.
    """

    text: str
    at: int
    number: int
    section: Section
    is_heading: bool = False
    bulleted: bool = False
    periods: list[Period] = field(default_factory=list)

    @property
    def bare(self) -> str:
        """Without its bullet and the marks around it."""
        return BULLET.sub("", self.text, count=1).strip(" \t*_#`") if self.bulleted else self.text.strip(" \t*_#`")

    @property
    def of_work(self) -> bool:
        """Whether its periods are of an employment: not of a school, a certificate, or a project within it."""
        if is_school(self.text) or (_NO_WORK.search(self.text) and not _SOLDIER.search(self.text)):
            return False
        if self.section in ("school", "other", "skills"):
            return False
        return self.section != "project" or has_company(self.text) or title_in(self.text)


def is_school(line: str) -> bool:
    """Whether a line with a period is about being taught, not about work."""
    return bool(_SCHOOL.search(line)) and not _WORK_IN_SCHOOL.search(line)


def lines_of(text: str) -> list[Line]:
    """Every line that is not empty. Time is in step with the text's length."""
    found = iter(periods(text))
    period = next(found, None)
    section: Section = ""
    lines: list[Line] = []
    for raw, at in _raw(text):
        begun = heading(raw.strip())
        if begun:
            section = "" if begun == "title" else begun
        line = Line(raw, at, len(lines), section, is_heading=bool(begun), bulleted=bool(BULLET.match(raw)))
        while period is not None and period.at < at + len(raw):
            line.periods.append(period)
            period = next(found, None)
        if not begun and line.periods and section in ("", "about", "skills") and _begins_work(line):
            section = line.section = "work"
        if raw.strip():
            lines.append(line)
    return lines


def _begins_work(line: Line) -> bool:
    """A period beside a company or a position, where no heading said so."""
    if is_school(line.text) or _NO_WORK.search(line.text):
        return False
    return has_company(line.text) or title_in(line.text) or (line.section == "" and len(line.text) <= 60)


def _raw(text: str) -> Iterator[tuple[str, int]]:
    at = 0
    for line in text.split("\n"):
        yield line, at
        at += len(line) + 1
