"""Counts the syllables of a sung line, for lyrics and caption timing.

Hangul is exact, one letter one syllable. English is counted by its vowels, with the silent e and the
common exceptions: right for most words, and off by one for some.
"""

import re
import unicodedata

from stagepass.text import composed

_EXCEPTIONS = {
    word: count
    for count, words in {
        1: """fire hour our flour tired wired smiled walked talked stopped cleaned turned loved lived called
              rolled filled warmed danced cheers change changed place space grace page stage""",
        2: """cafe every evening quiet being seeing going doing poem create lion riot dial trial diner
              people table little gentle simple candle purple apple someone something sometimes somewhere
              homemade handmade lonely lovely hopeful careful rarely barely surely timeless
              boarding welcome outside inside beside besides awesome barefoot warehouse movement""",
        3: """idea area radio studio piano memory everyone everything everywhere anyone beautiful
              library family evergreen melody coffeehouse somebody everyday video barista
              champion flowering violin serious poetry customer""",
        4: "january february ukulele community ceremony",
    }.items()
    for word in words.split()
}
_DIGIT_SYLLABLES = {"en": {"0": 2, "7": 2}}


def syllables(line: str, language: str = "ko") -> int:
    """The syllables of `line`, numbers read digit by digit; marks and section tags do not count."""
    bare = re.sub(r"\[[^\]]*\]", " ", composed(line))
    count = 0
    for word in re.findall(r"[가-힣]|[0-9]|[^\W\d_가-힣]+(?:'[^\W\d_]+)*", bare.replace("’", "'")):
        if "가" <= word[0] <= "힣":
            count += 1
        elif word[0].isdigit():
            count += _DIGIT_SYLLABLES.get(language, {}).get(word, 1)
        else:
            count += _latin(word)
    return count


def _latin(word: str) -> int:
    decomposed = composed(word.lower(), "NFD")
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    plain = re.sub(r"'(s|d|ll|re|ve|t|m)$", "", plain)
    if plain in _EXCEPTIONS:
        return _EXCEPTIONS[plain]
    if not re.match(r"[a-z]", plain):
        # Kana, Chinese characters and the like: about one syllable a letter.
        return len(plain)
    if not re.search(r"[aeiouy]", plain):
        return len(plain)
    stem = re.sub(r"(?<=[^aeiouylr])e$|(?<=[aeiouy][lr])e$|(?<=[^aeiouytd])ed$|(?<=[^aeiouysxzcgh])es$", "", plain)
    stem = re.sub(r"(?<=[a-z][^aeiouylt])e(?=(ly|ful|less|ness|ment)$)", "", stem)
    groups = re.findall(r"[aeiouy]+", stem)
    # Vowels that meet in the middle of a word and are sung apart.
    apart = len(re.findall(r"ia|io(?!u)|eo|iu|ua(?!r)|(?<=[aeiou])ing", re.sub(r"[tscg]io|tia|cia", "", stem)))
    return max(1, len(groups) + apart)
