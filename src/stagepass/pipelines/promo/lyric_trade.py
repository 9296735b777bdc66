"""Recognises a business's trade from its name and its details, with confidence.

The trade decides how the business is sung of. A wrong one embarrasses its owner, so that what is not sure
is `unknown`, and gets a plain lyric.
"""

import re
from dataclasses import dataclass

from stagepass.pipelines.promo.lyric_rules import Family, TradeFinds, spotting, trades

_GENERAL = frozenset({"shop", "npo"})

SURE = 0.5
"""Confidence from which a trade is believed."""


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade: a key of the rules, or ``unknown``; its family's key and rules; and how sure it is, 0…1."""

    key: str
    family: str
    rules: Family
    confidence: float


def recognise(name: str, details: str) -> Trade:
    """The trade of a business.

    Args:
        name: as it is written; the last word that names a trade counts, as in ``Bread & Butter Law``.
        details: what the business says of itself.
    """
    rules = trades()
    named, in_text = _by_name(name), _by_text(details)
    hints = {key: _hints(finds, f"{name}\n{details}") for key, finds in rules.trades.items()}
    if named:
        key, strong = named
        also = key == in_text or hints[key] > 0
        confidence = (0.95 if also else 0.85) if strong else (0.75 if also else 0.55)
        return _trade(key, confidence) if strong else _guarded(_trade(key, confidence), details)
    if in_text:
        return _guarded(_trade(in_text, 0.75 if hints[in_text] else 0.65), details)
    ranked = sorted(hints.items(), key=lambda item: -item[1])
    (key, most), (_, second) = ranked[0], ranked[1]
    confidence = 0.0 if most == 0 else min(0.7, 0.3 * most) * (1.0 if most > second else 0.5)
    return _guarded(_trade(key, confidence), details)


def _trade(key: str, confidence: float) -> Trade:
    rules = trades()
    family = rules.trades[key].family if confidence >= SURE else "any"
    return Trade(key if confidence >= SURE else "unknown", family, rules.families[family], confidence)


def _guarded(trade: Trade, details: str) -> Trade:
    """A treat whose details speak of a court, an illness or a loss is probably no treat."""
    if not trade.rules.sober and trades().sober_words.search(details):
        return _trade(trade.key, 0.4)
    return trade


def _by_name(name: str) -> tuple[str, bool] | None:
    """The trade whose word stands last in the name, and whether that word names a trade for sure.

    Of words that end together the longer one counts; ``shop`` and ``association`` only where nothing tells more.
    """
    found = [
        ((key not in _GENERAL, strong, met.end(), met.end() - met.start()), key)
        for key, finds in trades().trades.items()
        for pattern, strong in ((finds.is_, True), (finds.name, False))
        if pattern is not None
        for met in pattern.finditer(name)
    ]
    if not found:
        return None
    (_, strong, _, _), key = max(found)
    return key, strong


def _by_text(details: str) -> str | None:
    """The trade that the details name first, not counting one that is denied or stands next door."""
    rules = spotting()
    found: list[tuple[int, int, str]] = []
    for key, finds in trades().trades.items():
        for met in finds.is_.finditer(details):
            if not any(around.holds(details, *met.span()) for around in (rules.negation, rules.nearby)):
                found.append((met.start(), -len(met[0]), key))
                break
    return min(found)[2] if found else None


def _hints(finds: TradeFinds, text: str) -> int:
    return 0 if finds.hints is None else len({re.sub(r"\s", "", met[0].lower()) for met in finds.hints.finditer(text)})
