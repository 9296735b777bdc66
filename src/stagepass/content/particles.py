"""Korean particles (조사), chosen by how the word before them is read.

Used by messages, prompts and lyrics; nothing else in Stagepass decides between 을 and 를.
"""

import re
import unicodedata

from stagepass.content.readings import latin_final, number_final
from stagepass.text import composed

# (after a final consonant, after a vowel), Hangul orthography; 으로/로 treats ㄹ as a vowel.
_PAIRS: dict[str, tuple[str, str]] = {
    f"{closed}/{open_}": (closed, open_)
    for closed, open_ in (
        ("은", "는"),
        ("이", "가"),
        ("을", "를"),
        ("과", "와"),
        ("으로", "로"),
        ("이라", "라"),
        ("아", "야"),
        ("이에요", "예요"),
        ("이랑", "랑"),
        ("이나", "나"),
        ("이며", "며"),
        ("이여", "여"),
    )
}
PAIRS = frozenset(_PAIRS) | {"/".join(reversed(pair.split("/"))) for pair in _PAIRS}
"""The pairs that can be asked for, in either order: ``을/를`` and ``를/을``."""

_FINALS: tuple[str, ...] = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
_JAMO = {chr(0x1100 + i): final for i, final in enumerate("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ")}
_VOWELS = {chr(code): "" for code in range(0x1161, 0x1176)}
_SYMBOLS = {"%": "", "+": "", "&": "", "$": "", "€": "", "£": "", "₩": "ㄴ", "°": "", "#": "ㅂ", "@": ""}
# Characters that are read by themselves: letters by their names (ㅋ 키읔), symbols, the Japanese n.
_SINGLE = {**_JAMO, **_VOWELS, **_SYMBOLS, "ん": "ㄴ", "ン": "ㄴ"}
_LONGEST = 200
"""Characters of a word that are looked at, from its end."""

_CLOSERS = {")": "(", "]": "[", "}": "{", "〉": "〈", "》": "《", "】": "【"}


def particle(word: str, pair: str) -> str:
    """The particle of `pair` that fits after `word`.

    Args:
        word: what is read before it; quotes, brackets and spaces at its end are looked through.
        pair: one of `PAIRS`.

    Returns:
        One of the two; both, as in ``은(는)``, where the reading is not known.

    Raises:
        ValueError: `pair` is not one of `PAIRS`.
    """
    closed, open_ = _forms(pair)
    last = final(word)
    if last is None:
        return f"({closed.removesuffix(open_)}){open_}" if closed.endswith(open_) else f"{closed}({open_})"
    if last == "" or (last == "ㄹ" and closed == "으로"):
        return open_
    return closed


def attach(word: str, pair: str) -> str:
    """`word` followed by its particle; also the Jinja filter ``{{ name | particle("을/를") }}``."""
    return f"{word}{particle(word, pair)}"


def final(word: str) -> str | None:
    """The final consonant of the last syllable as `word` is read in Korean.

    Returns:
        A consonant (``ㄴ``), ``""`` after a vowel, or None where the reading is not known
        (Chinese characters, other scripts, nothing to read).
    """
    text = _tail(composed(word[-_LONGEST:], "NFKC"))
    if not text:
        return None
    last = text[-1]
    if "가" <= last <= "힣":
        return _FINALS[(ord(last) - ord("가")) % 28]
    if last in _SINGLE:
        return _SINGLE[last]
    if "ぁ" <= last <= "ヿ":
        return ""
    return _number(text) if last in "0123456789" else _latin(text)


def _forms(pair: str) -> tuple[str, str]:
    known = _PAIRS.get(pair) or _PAIRS.get("/".join(reversed(pair.split("/"))))
    if known is None:
        raise ValueError(f"no particles {pair!r}; known are {', '.join(sorted(_PAIRS))}")
    return known


def _tail(text: str) -> str:
    """`text` without what is not read at its end: marks, spaces, emoji, and a note in brackets."""
    while text and not (text[-1].isalnum() or text[-1] in _SINGLE):
        opener = text.rfind(_CLOSERS[text[-1]]) if text[-1] in _CLOSERS else -1
        # "카페(Cafe)는": a note in brackets is not read, unless it is all there is.
        note = opener > 0 and any(char.isalnum() for char in text[:opener])
        text = text[:opener] if note else text[:-1]
    return text


def _number(text: str) -> str:
    digits = re.findall(r"[0-9][0-9,]*|\.[0-9]+", text)[-1]
    # "3.10" ends in a fraction, "No.10" in a number behind a full stop.
    fraction = digits.startswith(".") and re.search(r"[0-9]\.[0-9]+$", text)
    return number_final(digits.lstrip(".").replace(",", ""), decimals=bool(fraction))


def _latin(text: str) -> str | None:
    bare = "".join(char for char in composed(text, "NFD") if not unicodedata.combining(char))
    letters = re.findall(r"[A-Za-z]+$", bare)
    return latin_final(letters[0]) if letters else None
