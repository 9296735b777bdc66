"""Korean names in Latin letters, for texts in other languages.

Revised Romanization of Korean (국어의 로마자 표기법, 2000), with the sound changes that place names
meet most: a final consonant before a vowel, before ㄴ and ㅁ, and before ㄹ.
"""


def _row(letters: str) -> tuple[str, ...]:
    return tuple(letters.split(" "))


# In the order of the Unicode block: leading consonants, vowels, final consonants ("" where none sounds).
_LEADS = _row("g kk n d tt r m b pp s ss  j jj ch k t p h")
_VOWELS = _row("a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i")
_TAILS = _row(" k k k n n n t l k m l l l p l m p p t t ng t t k t p t")
# What a final consonant becomes when it moves over to a vowel.
_OVER = _row(" g kk ks n nj n d r lg lm lb ls lt lp r m b ps s ss ng j ch k t p ")
_NASAL = {"k": "ng", "t": "n", "p": "m"}
_UNITS = "동구읍면리로길도시군"


def romanize(name: str) -> str:
    """``군산`` as ``Gunsan``, ``종로`` as ``Jongno``, ``연남동`` as ``Yeonnam-dong``; other letters stay."""
    return " ".join(_word(word) for word in name.split())


def _word(word: str) -> str:
    hangul = [char for char in word if "가" <= char <= "힣"]
    if len(hangul) != len(word):
        return word
    # The unit of an address is set off by a hyphen, and keeps its own sound (article 5 of the rules).
    stem, unit = (word[:-1], f"-{_letters(word[-1])}") if len(word) > 2 and word[-1] in _UNITS else (word, "")
    return f"{_letters(stem).capitalize()}{unit}"


def _letters(word: str) -> str:
    parts = [(code // 588, code % 588 // 28, code % 28) for code in (ord(char) - ord("가") for char in word)]
    written = ""
    before = 0
    for place, (lead, vowel, tail) in enumerate(parts):
        after = parts[place + 1][0] if place + 1 < len(parts) else None
        written += _lead(lead, before) + _VOWELS[vowel] + _tail(tail, after)
        before = tail
    return written


def _lead(lead: int, before: int) -> str:
    if _LEADS[lead] == "r" and before:
        return "l" if _TAILS[before] in ("l", "n") else "n"
    return _LEADS[lead]


def _tail(tail: int, after: int | None) -> str:
    if after is None or not tail:
        return _TAILS[tail]
    if _LEADS[after] == "":
        return _OVER[tail]
    if _LEADS[after] in ("n", "m", "r") and _TAILS[tail] in _NASAL:
        return _NASAL[_TAILS[tail]]
    return "l" if _TAILS[tail] == "n" and _LEADS[after] == "r" else _TAILS[tail]
