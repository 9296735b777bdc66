"""The reward: decided here, the character asked for with a deadline, its ownership recorded once per user."""

import functools
from dataclasses import dataclass
from typing import Any

from stagepass import Context
from stagepass.errors import ChildFailed, Conflict, NotFound, Permanent, TimedOut
from stagepass.pipelines.scan.local.reply import say
from stagepass.pipelines.scan.models import Answer, Classified, Found, Reward, Rewarded, ScanRequest
from stagepass.pipelines.scan.vocabulary import read, vocabulary
from stagepass.sentences import sentence

PATIENCE = "10s"
"""How long a character is waited for; after that the scan is complete without one."""


@dataclass(frozen=True, slots=True)
class Character:
    """One of the catalogue. `middle` None is for a category without a character of its own."""

    code: str
    middle: str | None
    type: str
    name: dict[str, str]
    dialog: dict[str, str]


@functools.cache
def characters() -> dict[str, Character]:
    """The catalogue by code."""
    return {facts["code"]: Character(**facts) for facts in read("characters")["characters"]}


def by_code(code: str) -> Character:
    """Raises `NotFound`."""
    if code not in characters():
        raise NotFound(sentence("there is no character {code}", code=f"{code[:40]!r}"))
    return characters()[code]


def checked(code: str) -> str | Permanent:
    """The code, or that there is no such character: one entry of a batch."""
    return code if code in characters() else Permanent(f"there is no character {code[:40]!r}")


def character_for(middle: str) -> Character:
    """The character of a middle category, or the one for all others."""
    mine = (one for one in characters().values() if one.middle == middle)
    return next(mine, None) or next(one for one in characters().values() if one.middle is None)


def key_of(code: str) -> str:
    """The idempotency key of an ownership: the engine keeps one job per user and key, so one per character."""
    return f"character:{code}"


def decide(ctx: Context, request: ScanRequest, seen: Classified, found: Found, answer: Answer) -> Rewarded:
    """Whether there is a reward, and which."""
    if reason := _why_not(seen, found, answer):
        return Rewarded(reward=None, reason=reason)
    middle = seen.classification.middle_category
    try:
        found = ctx.run("character", {"middle_category": middle}, at_most=PATIENCE, saying="reward: matching")
    except TimedOut:
        return Rewarded(reward=None, reason="no_match_in_time")
    except ChildFailed:
        return Rewarded(reward=None, reason="no_match")
    code = found["match"] if isinstance(found, dict) else str(found)
    return Rewarded(reward=_reward(by_code(code), middle, request.speaks, received=_record(ctx, code, middle)))


def _why_not(seen: Classified, found: Found, answer: Answer) -> str | None:
    if seen.meta.unsure:
        return "unsure"
    if found.rule is None:
        return "no_rule"
    if vocabulary().groups[found.rule.group].major != vocabulary().recyclable:  # a broken bottle is not
        return "not_recyclable"
    return "insufficiencies" if answer.insufficiencies else None


def _record(ctx: Context, code: str, middle: str) -> bool:
    """Record the ownership without waiting for it; True if this very scan is the one that earned it."""
    owned: dict[str, Any] = {"character": code, "scan": ctx.job_id}
    try:
        ctx.start("users", owned, key=key_of(code))
        ctx.start("character", {"middle_category": middle, **owned}, key=f"ownership:{code}")
    except Conflict:  # another scan of this user was first
        return False
    return True


def _reward(one: Character, middle: str, language: str, *, received: bool) -> Reward:
    return Reward(
        name=one.name[language],
        dialog=one.dialog[language],
        match_reason=say("reward.reason", language, middle=_named(middle, language)),
        type=one.type,
        received=received,
    )


def _named(middle: str, language: str) -> str:
    group = next(group for group in vocabulary().groups.values() if group.middle == middle)
    return group.name(language)
