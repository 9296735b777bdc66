"""Short noun phrases out of a customer's own text, safe to be quoted in a song.

Careful rather than complete: a phrase is taken only where its end is surely a noun, and a wrong one
would be sung aloud; what is left out is merely not quoted.
"""

import re
from collections.abc import Iterator

from stagepass.content.particles import particle
from stagepass.content.syllables import syllables
from stagepass.pipelines.promo.lyric_rules import Phrases, Words

_MOST = 5
_CHUNKS = re.compile(r"[,.!?;:\n·/|~()\[\]{}<>\"“”…—–]+|\s(?:그리고|및|and|with|plus)\s", re.IGNORECASE)
_HANGUL = re.compile(r"[가-힣]+")
_LATIN = re.compile(r"[A-Za-z][a-z]+(?:[-'’][a-z]+)*")


def phrases(text: str, rules: Words) -> list[str]:
    """Up to five phrases in the script of the rules' language, in the order of the text."""
    find = _korean if rules.language == "ko" else _english
    chunks = (chunk.split() for chunk in _CHUNKS.split(text))
    found = dict.fromkeys(phrase for tokens in chunks if tokens for phrase in find(tokens, rules.phrases))
    return list(found)[:_MOST]


def _korean(tokens: list[str], rules: Phrases) -> Iterator[str]:
    """A list entry or its end (``노을이 보이는 옥상 테라스``), or a sentence's object (``갓 구운 소금빵을``)."""
    if _is_noun(tokens[-1], rules):
        plain = len(tokens) - next(
            (i for i, token in enumerate(reversed(tokens)) if not _plain(token, rules)), len(tokens)
        )
        whole = " ".join(tokens) if len(tokens) <= 4 else ""
        yield from [phrase for phrase in (whole, " ".join(tokens[plain:])) if _quotable_korean(phrase, rules)][:1]
        return
    for place, token in enumerate(tokens):
        stem = token[:-1]
        # 를 only follows a vowel and 을 a consonant; elsewhere the syllable is a part of the word (가을).
        if token[-1] not in "을를" or not stem or particle(stem, "을/를") != token[-1]:
            continue
        start = place
        if start and tokens[start - 1] in rules.modifiers:
            start -= 1
            start -= bool(start and tokens[start - 1] in rules.adverbs)
        phrase = " ".join([*tokens[start:place], stem])
        specific = len(stem) >= 3 or (start < place and len(stem) > 1)
        if specific and _quotable_korean(phrase, rules):
            yield phrase


def _plain(token: str, rules: Phrases) -> bool:
    return token in rules.modifiers or _is_noun(token, rules)


def _is_noun(token: str, rules: Phrases) -> bool:
    return token.endswith(tuple(rules.keep)) or not rules.endings.search(token)


def _quotable_korean(phrase: str, rules: Phrases) -> bool:
    bare = phrase.replace(" ", "")
    return bool(_HANGUL.fullmatch(bare) and 3 <= len(bare) <= 9 and not any(word in phrase for word in rules.stop))


def _english(tokens: list[str], rules: Phrases) -> Iterator[str]:
    """A whole list entry of one to three words (``home-baked bread``)."""
    words = list(tokens)
    while words and words[0].lower() in rules.leads:
        words.pop(0)
    phrase = " ".join(words)
    plain = all(_LATIN.fullmatch(word) and word.lower() not in rules.stop for word in words)
    if not plain or not 1 <= len(words) <= 3 or not 2 <= syllables(phrase, "en") <= 5 or len(phrase) < 6:
        return
    if words[-1].lower().endswith(("ly", "ed")):
        return
    # A list entry may begin with a capital; a name (Hanok Village) has them throughout.
    yield phrase if all(word[0].isupper() for word in words) and len(words) > 1 else phrase[0].lower() + phrase[1:]
