"""Korean sentences of a customer in the speech style of the lyric: 굽습니다 and 굽는다 become 구워요."""

import re

from stagepass.content.particles import attach, final

_L_DROPPED = {"만듭": "만들어", "엽": "열어", "팝": "팔아", "놉": "놀아", "겁": "걸어", "풉": "풀어", "깁": "길어"}
_P = {"굽": "구워", "덥": "더워", "춥": "추워", "깝": "까워", "쉽": "쉬워", "겁": "거워", "맙": "마워", "롭": "로워",
      "답": "다워", "맵": "매워", "눕": "누워", "돕": "도와", "럽": "러워", "곱": "고와", "볍": "벼워", "렵": "려워"}  # fmt: skip
_T = {"듣": "들어", "걷": "걸어", "싣": "실어", "짓": "지어", "낫": "나아", "붓": "부어", "잇": "이어", "젓": "저어"}
_OPEN = {
    "ㅏ": "ㅏ",
    "ㅐ": "ㅐ",
    "ㅓ": "ㅓ",
    "ㅔ": "ㅔ",
    "ㅕ": "ㅕ",
    "ㅖ": "ㅖ",
    "ㅣ": "ㅕ",
    "ㅗ": "ㅘ",
    "ㅜ": "ㅝ",
    "ㅡ": "ㅓ",
    "ㅚ": "ㅙ",
}
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_VERBS_IN_I = tuple(
    f"{stem}이"
    for stem in [
        "보",
        "높",
        "모",
        "먹",
        "쌓",
        "붙",
        "줄",
        "들",
        "녹",
        "끓",
        "기울",
        "움직",
        "반짝",
        "곁들",
        "선보",
        "섞",
    ]
)
_NOUNS_IN_DA = ("바다", "판다", "소다", "사이다", "캐나다", "아다", "람다")
_NOUNS_IN_HAN = ("무제한", "제한", "최대한", "권한", "북한", "남한", "보은", "수은", "기한", "시한", "이한")


def polite(sentence: str) -> str:
    """`sentence` with its last verb in 해요체; unchanged where it ends in a noun, or in a form that is not known."""
    if sentence.endswith(_NOUNS_IN_DA):
        return sentence
    if sentence.endswith("습니다"):
        return _closed(sentence[:-3]) or sentence
    if sentence.endswith("니다") and final(sentence[:-2]) == "ㅂ":
        return _open(sentence[:-2]) or sentence
    if sentence.endswith("이다"):
        return _is(sentence[:-2])
    if sentence.endswith("는다"):
        return _closed(sentence[:-2]) or sentence
    if sentence.endswith("다") and len(sentence) > 2:
        stem = sentence[:-1]
        if final(stem) == "ㄴ":
            return _open(_without_final(stem) or stem) or sentence
        return (_closed(stem) if final(stem) else _open(stem)) or sentence
    if sentence.endswith("함") and len(sentence) > 2:
        return f"{sentence[:-1]}해요"
    if sentence.endswith(("있음", "좋음", "많음")):
        return _closed(sentence[:-1]) or sentence
    if sentence.endswith("됨"):
        return f"{sentence[:-1]}돼요"
    if re.search(r"[가-힣](?:한|은|는)$", sentence) and not sentence.endswith(_NOUNS_IN_HAN) and len(sentence) > 2:
        return f"{sentence} 곳이에요"
    return sentence


def joins_next(sentence: str) -> bool:
    """Whether it ends in a connective (굽고, 구워서), so that the next one completes it."""
    return bool(
        re.search(
            r"(?:(?:하|되|있|없|내|쓰|굽|주|들|리|이)고|으며|하며|해서|워서|어서|아서|지만|는데|으면|하면)$",
            sentence,
        )
    )


def _closed(stem: str) -> str | None:
    """A stem with a final consonant, and its ending: 있 → 있어요, 굽 → 구워요."""
    last = stem[-1:]
    for table in (_P, _T):
        if last in table:
            return f"{stem[:-1]}{table[last]}요"
    vowel = _vowel(last)
    if vowel is None:
        return None
    return f"{stem}{'아요' if vowel in 'ㅏㅗ' and final(last) != 'ㅆ' else '어요'}"


def _open(stem: str) -> str | None:
    """A stem without a final consonant, which may still carry the ㅂ of its ending: 합 → 해요, 드립 → 드려요."""
    for dropped, whole in _L_DROPPED.items():
        if stem.endswith(dropped):
            return f"{stem.removesuffix(dropped)}{whole}요"
    bare = _without_final(stem) if final(stem) == "ㅂ" else stem
    if not bare:
        return None
    if bare.endswith("하"):
        return f"{bare[:-1]}해요"
    if bare.endswith("이") and not bare.endswith(_VERBS_IN_I):
        return _is(bare[:-1])
    if bare.endswith("르") and len(bare) > 1:
        return None  # 불러요 and 들러요 differ
    vowel = _vowel(bare[-1])
    if vowel not in _OPEN:
        return None
    bright = vowel == "ㅡ" and _vowel(bare[-2:-1]) in ("ㅏ", "ㅗ")  # 바쁘 → 바빠요, 예쁘 → 예뻐요
    code = ord(bare[-1]) - 0xAC00
    vowels = code // 588 * 588 + _VOWELS.index("ㅏ" if bright else _OPEN[vowel]) * 28
    return f"{bare[:-1]}{chr(0xAC00 + vowels)}요"


def _is(noun: str) -> str:
    return attach(noun, "이에요/예요") if noun else noun


def _vowel(letter: str) -> str | None:
    return _VOWELS[(ord(letter) - 0xAC00) % 588 // 28] if letter and "가" <= letter <= "힣" else None


def _without_final(word: str) -> str | None:
    last = word[-1:]
    if not "가" <= last <= "힣":
        return None
    return word[:-1] + chr(ord(last) - (ord(last) - 0xAC00) % 28)
