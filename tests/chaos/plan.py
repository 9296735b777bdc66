"""What a run of the monkey does: which jobs are submitted when, and what is broken when. The same seed, the same plan."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.history import Planned
from tests.chaos.promises import expected
from tests.chaos.shapes import Order

OWNERS = ("ada", "bo", "cy", "dee", "가람")
SHAPES = {"line": 24, "fan": 16, "slow": 14, "maybe": 14, "both": 12, "flaky": 10, "broken": 4, "till": 6}
"""The pipelines, and how often each is taken."""

TROUBLES = {
    "kill worker": 6,
    "kill worker child": 2,
    "stop worker": 4,
    "kill api": 3,
    "kill relay": 3,
    "kill redis": 3,
    "flush redis": 2,
    "purge queues": 2,
    "kill oracle": 2,
    "vendor down": 1,
}
SERVER_TROUBLES = {
    "kill postgresql": 3,
    "kill mariadb": 3,
    "kill rabbitmq": 2,
    "freeze postgresql": 2,
    "freeze mariadb": 2,
    "freeze rabbitmq": 1,
    "refuse postgresql": 3,
}
"""Only where the backend has that server. Frozen, it takes connections and is silent; refusing, it is read-only."""

QUICK_TROUBLES = ("kill worker", "stop worker", "kill relay", "flush redis", "kill api", "kill worker")
"""Those of the short form, in this order."""

LEASE = (7.0, 9.0)
"""Seconds for which a worker is stopped: longer than its lease holds."""

CREDIT_FROM = 200.0
"""Runs that are at least this long see the vendor without credit once, since a stage then pauses for a minute."""


@dataclass(frozen=True)
class Submission:
    """A job and how its client behaves. `order` lacks what is only known when the run begins: ports and paths."""

    at: float
    job: Planned
    order: dict[str, Any]
    twice: bool = False
    """Sent twice at the same time, as a nervous client does."""
    cancel_after: float | None = None
    """Seconds after it was accepted."""


@dataclass(frozen=True)
class Trouble:
    """One disturbance."""

    at: float
    kind: str
    which: int = 0
    """Of the workers."""
    seconds: float = 0.0
    """How long it lasts."""


@dataclass(frozen=True)
class Plan:
    seed: int
    seconds: float
    submissions: Sequence[Submission] = field(default_factory=list)
    troubles: Sequence[Trouble] = field(default_factory=list)


def make_plan(seed: int, *, jobs: int, seconds: float, servers: Sequence[str], quick: bool = False) -> Plan:
    """The plan of this seed.

    Args:
        seconds: for how long things are broken; jobs are submitted in the first nine tenths of it.
        servers: those of the backend that can be killed.
        quick: the short form: each disturbance of `QUICK_TROUBLES` once.
    """
    submissions = _submissions(random.Random(f"{seed}/jobs"), jobs, seconds * 0.9)
    dice = random.Random(f"{seed}/troubles")
    troubles = _quick_troubles(dice, seconds) if quick else _troubles(dice, seconds, servers)
    return Plan(seed, seconds, submissions, troubles)


def _submissions(dice: random.Random, jobs: int, seconds: float) -> list[Submission]:
    times = sorted(dice.uniform(0, seconds) for _ in range(jobs))
    return [_submission(dice, number, at) for number, at in enumerate(times, 1)]


def _submission(dice: random.Random, number: int, at: float) -> Submission:
    (pipeline,) = dice.choices(list(SHAPES), list(SHAPES.values()))
    order = {
        "number": number,
        "text": f"t{number}.",
        "items": dice.choice((0, 1, 2, 3, 5, 8)),
        "fails": dice.randint(1, 3),
        "takes": round(dice.uniform(0, 4), 2),
        "extra": dice.random() < 0.5,
    }
    cancels = dice.random() < 0.08
    ends = expected(pipeline, Order(diary="", shop=0, **order))
    (owner,) = dice.choices(OWNERS, (8, 4, 2, 1, 1))
    return Submission(
        at=at,
        job=Planned(number, pipeline, owner, f"key-{number}", ends, cancels),
        order=order,
        twice=dice.random() < 0.15,
        cancel_after=round(dice.uniform(0, 3), 2) if cancels else None,
    )


def _troubles(dice: random.Random, seconds: float, servers: Sequence[str]) -> list[Trouble]:
    kinds = TROUBLES | {k: v for k, v in SERVER_TROUBLES.items() if k.partition(" ")[2] in servers}
    found = [Trouble(seconds * 0.4, "no credit", seconds=3.0)] if seconds >= CREDIT_FROM else []
    at = 3.0
    while at < seconds:
        (kind,) = dice.choices(list(kinds), list(kinds.values()))
        found.append(_trouble(dice, at, kind))
        at += dice.uniform(2, 5)
    return sorted(found, key=lambda trouble: trouble.at)


def _quick_troubles(dice: random.Random, seconds: float) -> list[Trouble]:
    step = seconds / len(QUICK_TROUBLES)
    return [_trouble(dice, (number + 0.3) * step, kind) for number, kind in enumerate(QUICK_TROUBLES)]


def _trouble(dice: random.Random, at: float, kind: str) -> Trouble:
    lasts = {"stop worker": LEASE, "kill api": (0.0, 1.0), "kill worker": (0.0, 1.0), "vendor down": (1.0, 4.0)}
    return Trouble(round(at, 2), kind, dice.randrange(100), round(dice.uniform(*lasts.get(kind, (0.0, 3.0))), 2))
