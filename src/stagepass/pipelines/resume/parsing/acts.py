"""Recognises achievements among names, titles and lists, with their kind and figures (rules/acts.json)."""

import itertools
import re
from collections.abc import Iterable
from functools import cache

from stagepass.pipelines.resume import rulebook

_UNITS_KO = (
    r"%p|%|퍼센트|배(?!송|포|치)|만\s?(?:건|명|원|개|회|뷰|km)?|억\s?(?:원|건|뷰)?|천\s?(?:만\s?)?(?:원|건|명|개)?|건|명|개국|개교|개소|개사|개월|개|회|대(?!학|리|표)|곳"
    r"|병상|학급|종(?!료|합)|점(?!검|장)|편|권|쪽|페이지|장(?!애|비)|곡|컷|석|테이블|잔|그릇|판(?!매)|봉|매(?!출|니|장)|반(?!장)|위(?!험|생)|등(?!급|록)|차례|번|사(?!용|원)|층|량|척|노선|그루|마리|두(?=\s|,|$)|동(?!안)|호(?!텔)|세대|가구"
    r"|필지|인분|상자|박스|벌|켤레|㎡|㎞|km|kg|ha|ms|초(?!등)|분(?!기|석)|시간|일(?!본)|주(?!임|요|도|문)|원(?!칙|인|장)|톤|평(?!가|균)|팀(?!장)|인(?!사|터|력)"
)
_UNITS_EN = (
    r"percent|k\b|m\b|bn\b|rps|tps|qps|x\b|ms\b|s\b|h\b|min\b|am\b|pm\b|people|staff|children|women|men|(?:million|billion|thousand)(?:\s[a-z]{3,14})?|sq\s?m|sqm|sku"
    r"|seconds?|minutes?|hours?|days?|weeks?|months?|test cases?|[a-z]{3,14}s\b"
)
_NUMBER = re.compile(
    rf"(?<![\w.])(?<!\d,)(?:US)?[$€£₩]?\d[\d,]{{0,14}}(?:\.\d{{1,4}})?(?:\s?(?:{_UNITS_KO}|{_UNITS_EN})(?![A-Za-z])|-(?:[a-z]{{3,12}})\b|(?<=[$€£₩]\d)(?!\d)|\+)",
    re.IGNORECASE,
)
_MONEY = re.compile(r"(?:US)?[$€£₩]\s?\d[\d,]{0,14}(?:\.\d{1,4})?\s?(?:k|m|bn|million|billion)?(?![\w])", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d\b|\d{1,2}(?:\.\d)?\s?(?:years?|yrs?)", re.IGNORECASE)
_ARROW = re.compile(r"\s{0,3}(?:→|->|⇒|=>)\s{0,3}")
_FROM_TO_KO = re.compile(r"\s{0,2}에서\s{0,2}(?:약|월|연|주|하루)?\s{0,2}")
_TO_KO = re.compile(r"\s?(?:수준)?(?:으로|로|까지)")
_FROM_EN = re.compile(r"\bfrom (?:about )?([$€£]?\d[\d,.]{0,14}\s?%?(?: ?[a-zA-Z]{1,12})?) (?:down )?to (?:about )?$")
_BARE = re.compile(r"(?<![\w.])[$€£₩]?\d[\d,]{0,14}(?:\.\d{1,4})?\s?%?")

_KOREAN_VERB = re.compile(
    r"[가-힣](?:했|하였|었|았|였|렸|겼|쳤|켰|꼈|졌|냈|왔|줬|섰|뒀|췄|됐|섰|갔)(?:습니다|다|고|으며|으나|어요|음|던|는데|습|지만)"
    r"|[가-힣]{2}(?:하고|하며|하여|해서|하는\s|합니다|해요|한다|됩니다|된다)"
    r"|[가-힣](?:함|됨|춤|림|킴|냄|침|줌|름|짐|옴|움|눔|듦|끎|음|김|임)$"
)
_NOT_KOREAN_VERB = re.compile(
    r"(?:책임|선임|주임|전임|모임|경험|그림|요즘|처음|마음|믿음|싸움|기쁨|담임|게임|시스템|프로그램|팀|아침|지침|작품|이름)$"
)
_CERTIFICATE = re.compile(
    r"자격증|면허|취득|합격|수료|이수증|토익|TOEIC|TOEFL|TEPS|OPIc|JLPT|HSK|SQLD|정보처리기사|기능사|산업기사|\bcertifi(?:ed|cate|cation)\b|\blicen[cs]e[ds]?\b|\bdiploma\b|\bIELTS\b|급$|^score\b",
    re.IGNORECASE,
)
_AWARD = re.compile(
    r"수상|표창|우수상|대상$|최우수|감사장|\bawards?\b|\bprize\b|\bemployee of the (?:month|year)\b|\bdean'?s list\b|\bhono[u]?rs\b",
    re.I,
)


def kind_of(text: str) -> str:
    """What sort of act a text tells of: the most telling one; ``other`` where none is known."""
    return next((kind for kind, pattern in _kinds() if pattern.search(text)), "other")


def kinds() -> frozenset[str]:
    """Every kind."""
    return frozenset([*rulebook.acts().kinds, "other"])


def numbers(text: str) -> list[str]:
    """Figures with their units, word for word; no years."""
    found = {match.start(): match[0].strip() for pattern in (_MONEY, _NUMBER) for match in pattern.finditer(text)}
    return [found[at] for at in sorted(found) if not _YEAR.fullmatch(found[at])]


def change(text: str) -> tuple[str, str] | None:
    """The figure before and the figure after, of a text such as ‘800ms에서 200ms로’, “38%→31%” or "from 8 to 5 days"."""
    if len(text) > 400:
        return None
    for one, two in itertools.pairwise(_BARE.finditer(text)):
        before, after = _whole(text, one), _whole(text, two)
        if before is None or after is None or before[1] > after[0]:
            continue
        between = text[before[1] : after[0]]
        if _ARROW.fullmatch(between) or (_FROM_TO_KO.fullmatch(between) and _TO_KO.match(text[after[1] :])):
            return text[before[0] : before[1]].strip(), text[after[0] : after[1]].strip()
    for two in _NUMBER.finditer(text):
        if found := _FROM_EN.search(text[: two.start()]):
            return found[1].strip(), two[0].strip()
    for two in _BARE.finditer(text):
        if found := _FROM_EN.search(text[: two.start()]):
            return found[1].strip(), two[0].strip()
    return None


def _whole(text: str, bare: re.Match[str]) -> tuple[int, int] | None:
    """A figure with its unit, where it has one."""
    unit = _NUMBER.match(text, bare.start())
    return (bare.start(), unit.end()) if unit else bare.span()


def has_verb(text: str) -> bool:
    """Whether a text describes an action, by the form of its words."""
    last = text.rstrip(" .,!;:\"'”’)")
    korean = _KOREAN_VERB.search(last)
    if korean and not (korean.end() == len(last) and _NOT_KOREAN_VERB.search(last)):
        return True
    past, present, never = _verbs()
    before = ""
    for word in _LATIN_WORD.findall(text):
        plain = word.lower()
        formed = plain.endswith("ed") and len(plain) > 4 and plain not in never
        if (plain in past or formed) and (not before or word.islower()):
            return True
        if plain in present and before in ("", "i", "we", "and", "who", "to"):
            return True
        before = plain
    return bool(_PHRASES.search(text))


_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z'-]{0,30}")
_PHRASES = re.compile(
    r"\bresponsible for\b|\bin charge of\b|\bcare for\b|^\W{0,3}[A-Z]?[a-z]{2,12}ing (?:the |a |all |for |of |with |daily |and )",
    re.I,
)


def has_noun(text: str) -> bool:
    """Whether a Korean text ends in, or holds, the noun of an act."""
    return bool(_nouns().search(text))


def is_act(text: str) -> bool:
    """Whether a text tells of something done."""
    return kind_of(text) != "other" or has_verb(text) or has_noun(text) or change(text) is not None


def is_title(text: str) -> bool:
    """Whether a text is a position, with or without years and place."""
    bare = _AGE.sub("", _IN_BRACKETS.sub(" ", text)).strip(" .,·|-–—:/")
    if not bare:
        return bool(text.strip())
    if len(bare) > 70:
        return False
    words = bare.split()
    if any("가" <= char <= "힣" for char in words[-1]):  # also with what the person is like before it
        return bool(_korean_titles().search(words[-1])) and len(words) <= (4 if _counted(bare) else 9)
    return not has_verb(bare) and not _counted(bare) and len(words) <= 9 and bool(_english_titles().search(bare))


def title_in(text: str) -> bool:
    """Whether a position is named anywhere in a text."""
    return bool(_english_titles().search(text) or _korean_titles().search(text))


def has_company(text: str) -> bool:
    """Whether a text holds a word that companies and institutions are named by."""
    return bool(_companies().search(text))


def company_in(text: str) -> str:
    """The text up to the last word of a company's name in it; empty where there is none."""
    found = _companies().search(text)
    return text[: found.end()].strip() if found and found.end() <= 40 else ""


def is_place(text: str) -> bool:
    """Whether a text is a town or a form of employment."""
    return text.strip().lower() in _places()


def is_certificate(text: str) -> bool:
    """Whether a text names an exam or an award instead of an action."""
    if not (_CERTIFICATE.search(text) or _AWARD.search(text)):
        return False
    if len(text) > 60:
        return False
    counted = [n for n in numbers(text) if not n.endswith(("점", "급", "회", "등", "위", "points"))]
    return not counted and not re.search(
        r"(?:도입|개선|줄였|높였|운영|관리|교육|단축)|\b(?:introduced|led|built|cut|reduced|trained)\b", text, re.I
    )


_IN_BRACKETS = re.compile(r"[(\[（][^()\[\]]{0,30}[)\]）]")
_AGE = re.compile(
    r"(?:경력\s?:?\s?)?(?:총\s?)?\d{1,2}\s?년(?:\s?\d{1,2}\s?개월)?\s?(?:차|이상|경력)?(?:의)?|(?:with |over )?\d{1,2}\+?\s?(?:years?|yrs?)(?: of)?(?: experience)?|입니다$",
    re.IGNORECASE,
)


def _counted(text: str) -> bool:
    return bool(numbers(text))


@cache
def _kinds() -> list[tuple[str, re.Pattern[str]]]:
    return [(kind, _words(words)) for kind, words in rulebook.acts().kinds.items()]


def _words(words: Iterable[str]) -> re.Pattern[str]:
    """Latin words from their beginning, those with = as a whole; Korean ones wherever they stand."""
    korean = [re.escape(word) for word in words if not word.lstrip("=").isascii()]
    starts = [re.escape(word) for word in words if word.isascii() and not word.startswith("=")]
    wholes = [re.escape(word[1:]) for word in words if word.startswith("=")]
    parts = [*korean]
    if starts:
        parts.append(rf"(?<![A-Za-z])(?:{'|'.join(starts)})")
    if wholes:
        parts.append(rf"(?<![A-Za-z])(?:{'|'.join(wholes)})(?![A-Za-z])")
    return re.compile("|".join(parts), re.IGNORECASE)


@cache
def _verbs() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    rules = rulebook.acts()
    return frozenset(rules.verbs), frozenset(rules.present), frozenset(rules.not_verbs)


@cache
def _nouns() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, rulebook.acts().nouns)))


@cache
def _korean_titles() -> re.Pattern[str]:
    titles = sorted((t for t in rulebook.acts().titles if not t.isascii()), key=len, reverse=True)
    return re.compile(rf"(?:{'|'.join(map(re.escape, titles))})(?=$|[\s,/·)|]|로$|입니다$)")


@cache
def _english_titles() -> re.Pattern[str]:
    """A position at the end of a name, or before what it is a position of: “Head of sales”, not “Senior Living Inc”."""
    titles = sorted((t for t in rulebook.acts().titles if t.isascii()), key=len, reverse=True)
    words = "|".join(re.escape(title).replace("\\ ", "[ -]") for title in titles)
    return re.compile(
        rf"(?<![A-Za-z])(?:{words})(?=$|\s?[,.(/|&:;–-]|\s(?:of|for|in|at|to|with|and|on|who|I{{1,3}}|from|since)\b|\s\d)",
        re.I,
    )


@cache
def _companies() -> re.Pattern[str]:
    words = rulebook.acts().companies
    korean = [re.escape(word) for word in words if not word.isascii() and "é" not in word]
    latin = [re.escape(word) for word in words if (word.isascii() and word[0].isalpha()) or "é" in word]
    marks = [re.escape(word) for word in ("㈜", "(주)")]
    after = r"(?=$|[\s,·|()/:.-]|에서|의\s|[가-힣]{0,4}(?:점|지점|본점)(?:\s|$))"
    return re.compile(
        rf"(?:{'|'.join(marks)})\s?[^\s,|(]{{1,20}}|[^\s,|(]{{1,20}}\(주\)|(?:{'|'.join(korean)}){after}|(?<![A-Za-z])(?:{'|'.join(latin)})(?![A-Za-z])\.?"
    )


@cache
def _places() -> frozenset[str]:
    return frozenset(rulebook.acts().places)
