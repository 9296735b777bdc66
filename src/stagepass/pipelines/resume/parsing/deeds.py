"""Finds what a person did: pieces of the résumé, word for word, with the figures in them."""

import itertools
import re
from collections.abc import Iterator

from stagepass.pipelines.resume.models import Deed
from stagepass.pipelines.resume.parsing.periods import is_school, periods
from stagepass.pipelines.resume.parsing.sections import Section, heading
from stagepass.pipelines.resume.parsing.skills import find

MOST = 12
"""Deeds that are kept: more than a conversation has room for."""

LONGEST = 140
"""Characters of a piece that can still be quoted in a question."""

_KINDS = {  # the first that fits; the more telling come first
    "migrate": r"전환|이관|마이그레이션|도입|교체|내재화|자동화|디지털화|이전|분리하|migrat|introduc|adopt|automat|replac|moved .* to|switch|rolled out",
    "improve": r"개선|단축|절감|향상|최적화|줄[였이여]|감소|높[였이여]|올[렸리려]|증가|늘[렸리려]|낮[췄추춰]|improv|reduc|cut |cutting|optimi[sz]|increas|decreas|lower|\brose\b|\bfell\b|\bgrow|rais(?:ed|ing)|sped|faster|grew|boost|halved|doubled",
    "lead": r"스터디|연구회|동아리|리드|팀장|이끌|총괄|멘토|멘토링|조율|온보딩|파트장|수간호사|프리셉터|\bled |\blead(?:ing)? |managed a team|mentor|coach|coordinat|precept|supervis|headed",
    "teach": r"수업|지도|강의|교육|학생|담임|teach|taught|lesson|student|trained \d|training|curriculum|workshop",
    "build": r"개발|구축|구현|설계|제작|디자인|기획|작성|출시|런칭|연동|동기화|적용|재작성|만들|develop|buil[dt]|implement|design|creat|launch|wrote|ship|plan|establish|deliver|produc",
    "sell": r"매출|계약|수주|신규 고객|거래처|영업|판매|목표 달성|sales|revenue|contract|quota|\bwon |\bclos(?:ed|ing) |account",
    "analyze": r"분석|리서치|조사|모델링|예측|진단|대시보드|검증|analy[sz]|research|model|forecast|dashboard|measur|audit|interview",
    "care": r"간호|환자|응대|상담|투약|보호자|고객|손님|클레임|patient|care|customer|guest|complaint|triage",
    "operate": r"운영|대응|모니터링|유지보수|배포|장애|관리|결산|정산|신고|처리|점검|operat|maintain|monitor|on-call|deploy|incident|handl|process|reconcil|manag|\bran |filed|prepared",
}
_KIND = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _KINDS.items()}
KINDS = frozenset([*_KINDS, "other"])
_NUMBER = re.compile(
    r"(?<![\w.])[$€£₩]?\d[\d,]*(?:\.\d+)?\s?"
    r"(?:%p|%|퍼센트|percent|배|만\s?(?:건|명|원|개|회|뷰)?|억\s?(?:원|건|뷰)?|천\s?(?:만\s?)?(?:원|건|명|개)?|건|명|개국|개교|개소|개|회|대|곳|병상|학급|종|점"
    r"|ms|초|분(?!기)|시간|일(?!본)|주(?!임|요|도|문)|원|톤|평|팀|인|k\b|m\b|bn\b|rps|tps|qps|x\b|seconds?|minutes?|hours?|days?|weeks?|people|students?"
    r"|patients?|beds?|users?|customers?|orders?|requests?|engineers?|stores?|sites?|suppliers?|skus?|accounts?|million|billion|countries|units?|tickets?|calls?|guests?|covers?|services?|screens?|vehicles?|nurses?|members?|languages?|rooms?|machines?|stations?|deals?|hires?|employees?|campaigns?|subscribers?|tests?|test cases?)"
    r"(?![A-Za-z])",
    re.IGNORECASE,
)  # fmt: skip
_PRIVATE = re.compile(
    r"@|https?://|www\.|(?:전화|연락처|휴대폰|핸드폰|이메일|주소|생년월일|성명|이름|성별|주민|phone|e-?mail|address|date of birth|linkedin)\s*[:：]"
    r"|01[016789][-. ]?\d{3,4}[-. ]?\d{4}|\+\d{1,3}[\d -]{8,}",
    re.IGNORECASE,
)
_SKILL_LINE = re.compile(r"^\W*(?:기술(?:\s?스택)?|보유\s?기술|사용\s?기술|스킬|자격증?|어학|languages?|(?:technical )?skills?|tech stack|tools?|stack|certifications?|licen[cs]es?)\s*[:：|]", re.I)  # fmt: skip
_SENTENCE = re.compile(r"(?<=[.!?。])\s+(?=\S)")
_BULLET = re.compile(r"^[\s•●○▪■◆◇▶►※·ㆍ*\-–—>+✓]+(?=\S)|^\s*\(?\d{1,2}[.)]\s+")
_COMMA = re.compile(r",\s+(?!\d{3}\b)|\s[|/]\s|\s*;\s+")
_SHORTEST = 11
"""Characters of a part of a list that can stand by itself."""
_TITLE = re.compile(
    r"\d\s*년\s*차|(?:개발자|엔지니어|디자이너|마케터|간호사|교사|담당자|매니저)(?:입니다)?$|경력\s*:?\s*(?:총\s*)?\d|\byears?\b[^,]{0,30}\bexperience|^\W*\w+(?: \w+){0,3} with [\w-]+ years"
    r"|^(?:[\w/-]+ ){0,4}(?:engineer|developer|designer|analyst|manager|nurse|teacher|executive|generalist|programmer|consultant|accountant|marketer)(?:,|\.|$)",
    re.IGNORECASE,
)  # fmt: skip
_WISH = re.compile(
    r"싶습니다|싶다|하겠습니다|관심이\s?(?:있|많)|지원합니다|want to|would like to|hope to|looking for|interested in|^\W*$",
    re.I,
)
_FROM_TO_KO = re.compile(r"\s*에서\s*(?:약|월|연|주|하루)?\s*")
_TO_KO = re.compile(r"\s?(?:수준)?(?:으로|로|까지)")
_FROM_EN = re.compile(r"\bfrom ([$€£]?\d[\d,.]*\s?%?(?: ?[a-zA-Z]{1,12})?) to (?:about )?$")
_ENDS = " .,;·。"


def deeds(text: str) -> list[Deed]:
    """What was done, the most telling first, and each only once."""
    found = [(_deed(piece), section) for piece, section in _pieces(text)]
    ranked = sorted(
        (
            (3 * (section == "about") - _weight(deed), number, deed)
            for number, (deed, section) in enumerate(found)
            if deed.kind != "other" or deed.skills
        ),
        key=lambda entry: entry[:2],
    )
    kept: list[Deed] = []
    for _, _, deed in ranked:
        if not any(deed.text in other.text or other.text in deed.text for other in kept):
            kept.append(deed)
    done = [deed for deed in kept if not _TITLE.search(deed.text)]  # who somebody is, is not what they did
    told = [deed for deed in done if deed.kind != "other" or deed.numbers]  # nor is a tool by itself
    return next((found for found in (told, done) if len(found) >= 2), kept)[:MOST]


def change(text: str) -> tuple[str, str] | None:
    """The figure before and the figure after, of a text such as ‘800ms에서 200ms로’ or "from 8 to 5 days"."""
    found = [*_NUMBER.finditer(text)]
    for one, two in itertools.pairwise(found):
        if _FROM_TO_KO.fullmatch(text[one.end() : two.start()]) and _TO_KO.match(text[two.end() :]):
            return one[0].strip(), two[0].strip()
    for two in found:
        if before := _FROM_EN.search(text[: two.start()]):
            return before[1].strip(), two[0].strip()
    return None


def numbers(text: str) -> list[str]:
    """Figures with their units, word for word."""
    return [match[0].strip() for match in _NUMBER.finditer(text)]


def _pieces(text: str) -> Iterator[tuple[str, Section]]:
    """Pieces that can be quoted, each with the section that it stands in."""
    section: Section = ""
    for line in text.splitlines():
        section = heading(line.strip()) or section
        bare = _BULLET.sub("", line).strip()
        if not bare or heading(line.strip()) or section in ("skills", "school"):
            continue
        if _PRIVATE.search(bare) or _SKILL_LINE.match(bare):
            continue
        for sentence in _SENTENCE.split(bare):
            if is_school(sentence):
                continue
            for piece in _parts(sentence):
                piece = piece.strip(_ENDS)
                if 6 <= len(piece) <= LONGEST and not periods(piece) and not _WISH.search(piece):
                    yield piece, section


def _parts(sentence: str) -> list[str]:
    """The sentence; its parts between commas where it is a line about everything, or longer than can be quoted.

    A result stands behind a comma as often as another deed does, so a sentence is taken apart only where it must be.
    """
    title = bool(_TITLE.search(sentence.split(",")[0]))
    if len(sentence) <= LONGEST and not title:
        return [sentence]
    parts: list[str] = []
    begun = 0
    for comma in [*_COMMA.finditer(sentence), None]:
        part = sentence[begun : comma.start() if comma else None]
        if len(part.strip()) >= _SHORTEST or comma is None:  # what is short stays with what it belongs to
            parts.append(part)
            begun = comma.end() if comma else 0
    telling = [part for part in parts if _kind(part) != "other" or numbers(part)]
    return telling if telling or title else parts


def _deed(piece: str) -> Deed:
    kind = _kind(piece)
    if kind == "other" and change(piece):
        kind = "improve"
    return Deed(text=piece, kind=kind, numbers=numbers(piece)[:4], skills=[f.skill.id for f in find(piece)])


def _kind(piece: str) -> str:
    return next((kind for kind, pattern in _KIND.items() if pattern.search(piece)), "other")


def _weight(deed: Deed) -> float:
    title = bool(_TITLE.search(deed.text))
    known = deed.kind != "other"
    length = 0.5 if 15 <= len(deed.text) <= 90 else 0.0
    return 3 * bool(deed.numbers) + 2 * known + min(2, len(deed.skills)) * 0.75 + length - 3 * title
