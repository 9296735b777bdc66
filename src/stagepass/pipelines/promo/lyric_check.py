"""What a finished lyric is held to, also a model's: the facts it uses, and what its trade's owner cannot post."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stagepass.pipelines.promo.lyric_facts import DANGLING, Fact, facts
from stagepass.pipelines.promo.lyric_rules import spotting, words
from stagepass.pipelines.promo.lyric_trade import Trade

_STEM = {"ko": 2, "en": 5}
_SMALL = DANGLING | {"we", "you", "it", "its"}


@dataclass(frozen=True, slots=True)
class Findings:
    """What a lyric says.

    Attributes:
        used: the customer's facts that are in it, word for word or inflected.
        unused: the others.
        forbidden: words in it that this trade's owner cannot post.
    """

    used: list[str]
    unused: list[str]
    forbidden: list[str]

    @property
    def poor(self) -> bool:
        """Whether fewer than half of the facts are in it."""
        return len(self.used) < len(self.unused)


def check(lyric: str, details: str, trade: Trade, language: str) -> Findings:
    """Read a lyric as its owner would.

    Args:
        lyric: with its section tags.
        details: the customer's own text.
        trade: of the business.
        language: of the lyric, ``ko`` or ``en``.
    """
    given = facts(details, words(language))
    sung = "\n".join(line for line in lyric.splitlines() if not line.startswith("["))
    used = [fact for fact in given if _told(fact, sung, language)]
    own = details.casefold()
    forbidden = [word for word in _forbidden(sung, trade, language) if word.casefold() not in own]
    return Findings([fact.text for fact in used], [fact.text for fact in given if fact not in used], forbidden)


def _told(fact: Fact, sung: str, language: str) -> bool:
    if fact.lines and fact.reason is None and " ".join(fact.lines).casefold() in sung.replace("\n", " ").casefold():
        return True
    stems, heard = _stems(fact.text, language), _stems(sung, language)
    return bool(stems) and 2 * len(stems & heard) >= len(stems) and _numbers(fact.text) <= _numbers(sung)


def _numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+", text))


def _stems(text: str, language: str) -> set[str]:
    found = re.findall(r"[가-힣]+|[^\W_가-힣]+", text.casefold())
    return {word[: _STEM[language]] if not word.isdigit() else word for word in found if word not in _SMALL}


def _forbidden(sung: str, trade: Trade, language: str) -> Sequence[str]:
    rules = spotting()
    patterns = [rules.longing[language]] if trade.rules.sober and trade.key != "unknown" else []
    patterns += [rules.claims[language]] if trade.rules.notice else []
    return list(dict.fromkeys(met[0] for pattern in patterns for met in pattern.finditer(sung)))
