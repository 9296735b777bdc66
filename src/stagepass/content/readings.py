"""Final sounds of numbers and Latin letters read aloud in Korean, for `particles`.

Latin words follow the usual transcriptions of 외래어 표기법 by their spelling, with the words that
shops are called by and that break the rule listed by name. It is a guess, and a good one.
"""

import re

_DIGITS = dict(zip("0123456789", "ㅇㄹ ㅁ  ㄱㄹㄹ ", strict=True))
_LETTERS = {"l": "ㄹ", "m": "ㅁ", "n": "ㄴ", "r": "ㄹ"}

# By final consonant: words whose transcription does not follow from their ending, and short words
# that are read as words even in capitals (BAR is 바, not 비에이알).
_WORDS = {
    word: final
    for final, words in {
        "": """anime art ballet bar bidet bit bouquet box buffet cabaret cafe chalet chile dia eco gourmet
               hit hub kit mat recipe set sky spa tea ukulele zoo""",
        "ㄱ": "bag big",
        "ㄴ": "inn sun zen",
        "ㄹ": "ale all oil",
        "ㅁ": "gym jam",
        "ㅂ": "app club group lab map pop pub shop top",
        "ㅅ": "about cat dot fit foot good hot it out pet pot yacht",
    }.items()
    for word in words.split()
}

_ENDINGS = (
    (r"ng$", "ㅇ"),
    (r"l+e?$", "ㄹ"),
    (r"(m+|[aeiouy]m+e|mb|mn)$", "ㅁ"),
    (r"(n+|[aeiouy]n+e|gne)$", "ㄴ"),
    (r"(ck|[aeiou]c|ook|[^aeiou][aeiou]k)$", "ㄱ"),
    (r"((^|[^aeiou])[aeiou]p+|eep)$", "ㅂ"),
    (r"[^aeiou][aeiou]b$", "ㅂ"),
    (r"(^|[^aeiou])[aeiou]t+$", "ㅅ"),
)


def number_final(digits: str, *, decimals: bool = False) -> str:
    """The final consonant of a number: 10 is 십 (ㅂ), 100 백 (ㄱ), 7 칠 (ㄹ), 2 이 (none).

    Args:
        digits: its digits, without separators.
        decimals: they are the part behind the point, whose digits are read one by one.
    """
    zeros = len(digits) - len(digits.rstrip("0"))
    if decimals or zeros == 0 or zeros == len(digits):
        return _DIGITS[digits[-1]].strip()
    units = ((16, "ㅇ"), (12, ""), (8, "ㄱ"), (4, "ㄴ"), (3, "ㄴ"), (2, "ㄱ"), (1, "ㅂ"))
    return next(final for least, final in units if zeros >= least)


def latin_final(word: str) -> str:
    """The final consonant of a Latin word as it is read in Korean: hotel 호텔 (ㄹ), KBS 케이비에스 (none)."""
    low = word.lower()
    if low in _WORDS:
        return _WORDS[low]
    # Short capitals and words without a vowel are spelled out letter by letter.
    if len(word) == 1 or (word.isupper() and len(word) <= 3) or not re.search("[aeiouy]", low):
        return _LETTERS.get(low[-1], "")
    return next((final for ending, final in _ENDINGS if re.search(ending, low)), "")
