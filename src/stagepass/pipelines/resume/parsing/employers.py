"""Where a person worked, as what, and from when until when."""

from functools import cache

from stagepass.pipelines.resume import rulebook
from stagepass.pipelines.resume.models import Employer
from stagepass.pipelines.resume.parsing.acts import has_company, is_place
from stagepass.pipelines.resume.parsing.lines import Line
from stagepass.pipelines.resume.parsing.parts import Part, is_department, names_of, parts_of
from stagepass.pipelines.resume.parsing.periods import Month

FAR = 60
"""Characters of a line that can be a name above a period."""

MOST = 40
"""Employers that are kept."""


def employers(lines: list[Line]) -> list[Employer]:
    """One for each period of work, in the order of the text."""
    found: list[Employer] = []
    used: set[int] = set()
    for line in lines:
        if not line.periods or not line.of_work or line.is_heading or len(found) >= MOST:
            continue
        parts = [part for part in parts_of(line) if part.tag != "deed"]
        name, role = _name(parts), _role(parts)
        if not any(part.tag == "company" for part in parts) and (below := _company_below(lines, line, used)):
            name = below
        if not name:
            around = _around(lines, line, used)
            name, role = _name(around) or "", role or _role(around)
        role = role or _role_near(lines, line)
        if not name:
            name, role = _apart(role)
        for period in line.periods[: MOST - len(found)]:
            end = None if period.end is None else _written(period.end)
            if name or role:
                end = end if period.known else ""
                found.append(Employer(name=name, role=role, start=_written(period.start), end=end))
    return found


def _company_below(lines: list[Line], line: Line, used: set[int]) -> str:
    """The company that stands by itself in the line below a position and its period."""
    if line.number + 1 >= len(lines) or not _can_be_named(below := lines[line.number + 1]):
        return ""
    companies = [part.text for part in names_of(below.bare) if part.tag == "company"]
    if not companies:
        return ""
    used.add(below.number)
    return companies[0]


def _around(lines: list[Line], line: Line, used: set[int]) -> list[Part]:
    """The names in the lines above a period, else in the line below it."""
    above: list[Part] = []
    for number in range(line.number - 1, max(-1, line.number - 4), -1):
        other = lines[number]
        if not _can_be_named(other) or number in used:
            break
        names = [part for part in parts_of(other) if part.labelled and part.tag != "deed"] or names_of(other.bare)
        if not names:
            break
        above = [*names, *above]
        used.add(number)
        if _name(above) and any(part.tag == "company" for part in above):
            break
    if _name(above) or line.number + 1 >= len(lines):
        return above
    below = lines[line.number + 1]
    if _can_be_named(below) and (names := names_of(below.bare)):
        used.add(below.number)
        return [*above, *names]
    return above


def _role_near(lines: list[Line], line: Line) -> str:
    """A position that stands by itself, in the line below a company and its period or up to two lines above."""
    for number in (line.number + 1, line.number - 1, line.number - 2):
        if not 0 <= number < len(lines) or lines[number].section not in (line.section, ""):
            continue
        if _can_be_named(lines[number]) and (role := _role(names_of(lines[number].bare))):
            return role
    return ""


def _can_be_named(line: Line) -> bool:
    return not (
        line.is_heading or line.bulleted or line.periods or len(line.text) > FAR
    ) and not line.text.rstrip().endswith((".", "。", "!", "다", "음", "함"))


def _apart(role: str) -> tuple[str, str]:
    """A company and a position that stand side by side without a mark: (주)나루 개발자."""
    first, _, rest = role.partition(" ")
    known = "".join(role.split()) in _titles()
    alone = len(first) >= 4 and "가" <= first[0] <= "힣" and not is_department(first) and not is_place(first)
    if rest and not known and (has_company(first) or alone):
        return first, rest
    return "", role


@cache
def _titles() -> frozenset[str]:
    """Known positions, without their blanks."""
    return frozenset("".join(title.split()) for entry in rulebook.fields().values() for title in entry.titles)


def _name(parts: list[Part]) -> str:
    """A company by its word, else by its label, else what is neither a position, a place nor a department."""
    companies = [part.text for part in parts if part.tag == "company"]
    if companies:
        return companies[0]
    heads = [part.text for part in parts if part.tag == "head" and not is_place(part.text)]
    return next((head for head in heads if not is_department(head)), "")


def _role(parts: list[Part]) -> str:
    roles = [part.text for part in parts if part.tag == "role"]
    return roles[0] if roles else ""


def _written(month: Month) -> str:
    """YYYY-MM; only the year where no month is said."""
    return f"{month[0]}-{month[1]:02}" if month[1] else str(month[0])
