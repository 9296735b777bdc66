"""The dictionary of names: what people call things, from `rules/names.json` and the vocabulary."""

import functools
import re
from dataclasses import dataclass

from stagepass.pipelines.scan.vocabulary import read, vocabulary


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Names to items (or ``@group``), by how they are looked up.

    Attributes:
        korean: names with Korean letters, in small letters and without spaces.
        english: other names as normal words (`normal`).
        heads: one-syllable heads of Korean compounds.
        materials: a name of a material to the material.
        forms: by name: what it is of which material.
        blocked: Korean words that only look like names, without spaces.
    """

    korean: dict[str, str]
    english: dict[tuple[str, ...], str]
    heads: dict[str, str]
    materials: dict[str, str]
    forms: dict[str, dict[str, str]]
    blocked: re.Pattern[str]
    longest: int
    most_words: int


@functools.cache
def dictionary() -> Dictionary:
    """The dictionary, read once."""
    facts = read("names")
    korean: dict[str, str] = {}
    english: dict[tuple[str, ...], str] = {}
    for name, item in _all_names(facts["names"]):
        if is_korean(name):
            korean.setdefault(flat(name), item)
        else:
            english.setdefault(normal(name), item)
    return Dictionary(
        korean=korean,
        english=english,
        heads=facts["heads"],
        materials={key(name): material for material, names in facts["materials"].items() for name in listed(names)},
        forms={key(name): form for form in facts["forms"] for name in listed(form["names"])},
        blocked=re.compile("|".join(re.escape(flat(word)) for word in listed(facts["blocked"]))),
        longest=max(map(len, korean)),
        most_words=max(map(len, english)),
    )


def _all_names(names: dict[str, str]) -> list[tuple[str, str]]:
    own = [
        (re.sub(r"\s*\(.*?\)", "", name).strip(), item)
        for group in vocabulary().groups.values()
        for item, english in group.items.items()
        for name in (item, english)
    ]
    return [(name, item) for item, others in names.items() for name in listed(others)] + own


def is_place(name: str) -> bool:
    """Whether it says where a thing might go, or what it is made of, rather than what it is (종이류, general waste)."""
    return name in dictionary().materials or name.endswith(("류", "쓰레기", "음식물", "waste", "garbage", "compost"))


def listed(names: str) -> list[str]:
    """Names that are written one after the other."""
    return [name.strip() for name in names.split(",") if name.strip()]


def is_korean(text: str) -> bool:
    """Whether it has Korean letters."""
    return bool(re.search("[가-힣]", text))


def flat(text: str) -> str:
    """A Korean name as it is looked up: spaces do not matter."""
    return re.sub(r"[\s·-]", "", text.lower())


def normal(text: str) -> tuple[str, ...]:
    """An English name as it is looked up: words in the singular."""
    return tuple(_singular(word) for word in re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.lower().replace("’", "'")))


def key(name: str) -> str:
    """A name as materials and forms are looked up."""
    return flat(name) if is_korean(name) else " ".join(normal(name))


_PLURAL = ((re.compile("ies$"), "y"), (re.compile("(?<=[sxz])es$|(?<=ch)es$|(?<=sh)es$"), ""), (re.compile("(?<![suiI])s$"), ""))  # fmt: skip


@functools.lru_cache(maxsize=4096)
def _singular(word: str) -> str:
    word = word.removesuffix("'s")
    if word in ("glasses", "sunglasses", "gas"):  # to read with; and no plural at all
        return word
    for ending, one in _PLURAL:
        if len(word) > 3 and ending.search(word):
            return ending.sub(one, word)
    return word
