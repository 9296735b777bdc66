"""The facts in a customer's own text: one by one, as lines that can be sung, or with the reason why not.

Careful rather than complete: nothing is invented, and what turns guests away is left to the shop's own pages.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from stagepass.content.syllables import syllables
from stagepass.pipelines.promo.lyric_inflect import joins_next, polite
from stagepass.pipelines.promo.lyric_rules import Words, spotting
from stagepass.text import clean

_SPLIT = re.compile(
    r"(?<!\d),(?!\d)|,(?=\s)|(?<!\bSt)(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\bNo)(?<!\bMrs)\.(?=\s|$)|[!?;\n\r•·|…—–\"“”()\[\]{}<>「」『』【】]"
    r"|\s[-/*]\s|^[-*]\s|(?<=[가-힣])/(?=[가-힣])|(?<=[가-힣])\.(?=[가-힣])|\s(?:그리고|및)\s",
    re.MULTILINE,
)
_MERIDIEM = re.compile(r"\b([ap])\.?\s?m\b\.?", re.IGNORECASE)
_KEPT = " '’&.,%+:~-/₩$€£°#"
_LEADS = re.compile(r"^(?:and|also|plus|또한?|그리고|및|with)\s+", re.IGNORECASE)
_LONGEST_WORD = 24
_LINES_OF_ONE = 2

Reason = Literal["refusal", "withheld", "language", "length", "room"]
"""Why a fact is not sung: it turns guests away; it is a contact or no fact; it is in another language; it is too long;
there was no room for it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact.

    Attributes:
        text: as the customer wrote it.
        lines: as it is sung; empty where it is not.
        form: a key of the rules' `forms`, or ``""``.
        topics: keys of the rules' `topics` that it names.
        sentence: whether it ends in a verb, so that nothing can be added to it.
        reason: why it is not sung.
    """

    text: str
    lines: tuple[str, ...]
    form: str = ""
    topics: tuple[str, ...] = ()
    sentence: bool = False
    reason: Reason | None = None


def facts(text: str, rules: Words) -> list[Fact]:
    """The facts of `text` in its order, each once, for a lyric in the language of `rules`."""
    return [_fact(chunk, rules) for chunk in dict.fromkeys(_chunks(clean(text, lines=True)))]


def _chunks(text: str) -> Iterator[str]:
    parts = [_tidy(part) for part in _SPLIT.split(_MERIDIEM.sub(r"\1m", text))]
    held = ""
    for part in parts:
        if not any(letter.isalnum() for letter in part):
            continue
        if joins_next(part) and not held:
            held = part
            continue
        yield f"{held} {part}".strip()
        held = ""
    if held:
        yield held


def _tidy(part: str) -> str:
    plain = "".join(letter if letter.isalnum() or letter in _KEPT or _mark(letter) else " " for letter in part)
    plain = re.sub(r":\s|(?<!\d)\s?~\s?(?!\d)", " ", plain)  # a label, a long vowel of joy
    return _LEADS.sub("", " ".join(plain.split()).strip(" '’&.,:~-/+#"))


def _mark(letter: str) -> bool:
    return "\u0300" <= letter <= "\u036f"


def _fact(text: str, rules: Words) -> Fact:
    found = spotting()
    topics = tuple(key for key, patterns in found.topics.items() if _names(patterns, text))
    form = next((key for key, pattern in found.forms.items() if pattern.search(text)), "")
    if found.withheld.search(text):
        return Fact(text, (), form, topics, reason="withheld")
    if found.refused.search(text) and not found.welcome.search(text):
        return Fact(text, (), form, topics, reason="refusal")
    if not _in_language(text, rules.language):
        noun = next((noun for key in topics if (noun := rules.topics[key].noun)), None)
        return Fact(text, (_capital(noun),) if noun else (), form, topics, reason=None if noun else "language")
    sentence = polite(text) if rules.language == "ko" else text
    lines = _broken(_capital(_closed_hours(sentence)), rules)
    return Fact(text, lines, form, topics, _is_sentence(text, sentence, rules), None if lines else "length")


def _names(patterns: list[re.Pattern[str]], text: str) -> bool:
    rules = spotting()
    return any(not rules.negation.holds(text, *met.span()) for pattern in patterns for met in pattern.finditer(text))


def _in_language(text: str, language: str) -> bool:
    hangul, latin = len(re.findall("[가-힣]", text)), len(re.findall("[A-Za-zÀ-ɏ]", text))
    other = sum(letter.isalpha() for letter in text) - hangul - latin
    if not any(letter.isalpha() for letter in text):
        return True  # 24/7
    if language == "ko":
        return other == 0 and (hangul > 0 or (0 < len(text) <= 8 and latin <= 5))
    return other == 0 and hangul == 0 and latin > 0


def _closed_hours(text: str) -> str:
    """Korean opening and closing times are no noun: ``새벽 5시부터`` waits for its verb."""
    if re.search(r"(?:\d시|새벽|아침|오전|오후|저녁)(?: ?반)?부터$", text):
        return f"{text} 문을 열어요"
    if re.search(r"(?:\d시|새벽|밤|저녁|늦게)(?: ?반)?까지$", text):
        return f"{text} 열려 있어요"
    return text


def _is_sentence(text: str, sung: str, rules: Words) -> bool:
    if rules.language == "ko":
        return sung != text or bool(re.search(r"(?:요|죠|부터|까지|에서|으로|하게|에|의)$", sung))
    return bool(
        re.search(r"\b(?:we|you|our|is|are|was|were|has|have|i|they|it|he|she|can|will|since|runs?|open)\b", text, re.I)
    )


def _capital(line: str) -> str:
    return line[:1].upper() + line[1:]


def _broken(line: str, rules: Words) -> tuple[str, ...]:
    """One line, or two of nearly one length; none where it cannot be sung even so."""
    least, most = rules.syllables
    if any(len(word) > _LONGEST_WORD for word in line.split()):
        return ()
    if syllables(line, rules.language) <= most:
        return (line,)
    words = line.split()
    halves = [(" ".join(words[:place]), " ".join(words[place:])) for place in range(1, len(words))]
    fitting = [half for half in halves if all(least <= syllables(part, rules.language) <= most for part in half)]
    if not fitting:
        return ()
    return min(fitting, key=lambda half: abs(len(half[0]) - len(half[1])) + _seam(half[0]))


DANGLING = frozenset("a an the our your of in at on to for from by with and or as is are".split())  # noqa: SIM905  (as it is read)
"""Small words that belong to what follows them."""


def _seam(part: str) -> int:
    """What a break after `part` costs: little after a clause, much after a small word that belongs to the next line."""
    last = part.split()[-1].lower()
    if re.search(r"[가-힣](?:고|며|서|지만)$", last):
        return -8
    dangling = last in DANGLING or re.search(r"[가-힣](?:의|한|은|는|된|을|를)$|^(?:갓|더|잘|안|직접)$", last)
    return 6 if dangling else 0
