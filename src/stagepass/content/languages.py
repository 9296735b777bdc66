"""Languages as people name them, and their BCP 47 tags."""

import re

from stagepass.text import clean

# English name, own name, other names; the first is the one that forms suggest.
_NAMES = {
    "ko": ("Korean", "한국어", "한글", "한국말", "국어", "kor"),
    "en": ("English", "영어", "eng"),
    "ja": ("Japanese", "日本語", "일본어", "jpn"),
    "zh": ("Chinese", "中文", "汉语", "漢語", "중국어", "Mandarin", "zho", "chi"),
    "es": ("Spanish", "español", "스페인어", "castellano", "spa"),
    "fr": ("French", "français", "프랑스어", "불어", "fra", "fre"),
    "de": ("German", "Deutsch", "독일어", "deu", "ger"),
    "it": ("Italian", "italiano", "이탈리아어", "ita"),
    "pt": ("Portuguese", "português", "포르투갈어", "por"),
    "ru": ("Russian", "русский", "러시아어", "rus"),
    "vi": ("Vietnamese", "tiếng việt", "베트남어", "vie"),
    "th": ("Thai", "ไทย", "ภาษาไทย", "태국어", "tha"),
    "id": ("Indonesian", "bahasa indonesia", "인도네시아어", "ind"),
    "ms": ("Malay", "bahasa melayu", "말레이어", "msa"),
    "ar": ("Arabic", "العربية", "아랍어", "ara"),
    "he": ("Hebrew", "עברית", "히브리어", "heb"),
    "hi": ("Hindi", "हिन्दी", "힌디어", "hin"),
    "tr": ("Turkish", "türkçe", "터키어", "튀르키예어", "tur"),
    "nl": ("Dutch", "nederlands", "네덜란드어", "nld"),
    "pl": ("Polish", "polski", "폴란드어", "pol"),
    "uk": ("Ukrainian", "українська", "우크라이나어", "ukr"),
    "mn": ("Mongolian", "монгол", "몽골어", "mon"),
}

SUGGESTED = tuple(names[0] for names in _NAMES.values())
"""English names of the languages that are known by name; any other may be asked for."""


_LONGEST = 100
"""Characters of a name that are looked at."""


def _key(name: str) -> str:
    return clean(name, most=_LONGEST).casefold()


_TAGS = {_key(name): tag for tag, names in _NAMES.items() for name in (tag, *names)}


def language_tag(name: str) -> str:
    """The BCP 47 tag of a language as people write it.

    ``Korean``, ``한국어``, ``ko-KR`` and ``KO`` are all ``ko``; another well-formed tag stays (``sv``);
    what is not known is ``und``, which is BCP 47 for "undetermined".
    """
    key = _key(name)
    if key in _TAGS:
        return _TAGS[key]
    tag = re.fullmatch(r"([a-z]{2,3})(?:[-_][a-z0-9]{2,8})*", key)
    return _TAGS.get(tag[1], tag[1]) if tag else "und"
