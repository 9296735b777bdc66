"""The monkey's short form, and that its plan is its seed's."""

import random
from typing import Any

import pytest

from tests.chaos.history import KINDS
from tests.chaos.monkey import run, show
from tests.chaos.plan import QUICK_TROUBLES, SERVER_TROUBLES, make_plan

JOBS = 150


@pytest.mark.timeout(180)
def test_nothing_is_lost_or_bought_twice_while_everything_is_killed() -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    report = run("sqlite+redis", jobs=JOBS, seconds=14, seed=seed, settle=60, quick=True)
    print(show(report))  # with the seed, for whoever reads a failure
    assert report.violations == []
    assert report.counts == dict.fromkeys(KINDS, 0)
    assert sum(report.ended.values()) == JOBS
    assert report.ended["completed"] > JOBS / 2
    assert sum(report.troubles.values()) == len(QUICK_TROUBLES), "all of it was done"
    assert report.seen["charges"] > JOBS / 2, "it was bought at the oracle"


def test_the_same_seed_gives_the_same_plan() -> None:
    options: dict[str, Any] = {"jobs": 300, "seconds": 120.0, "servers": ["postgresql", "rabbitmq"]}
    plan = make_plan(7, **options)
    assert plan == make_plan(7, **options)
    assert plan.submissions != make_plan(8, **options).submissions
    assert plan.troubles != make_plan(8, **options).troubles


def test_a_plan_breaks_only_servers_that_are_there() -> None:
    def broken(*servers: str) -> set[str]:
        plan = make_plan(1, jobs=1, seconds=3000.0, servers=servers)
        return {trouble.kind for trouble in plan.troubles} & SERVER_TROUBLES.keys()

    assert broken("redis") == set()
    assert broken("redis", "postgresql", "rabbitmq") == {
        kind for kind in SERVER_TROUBLES if kind.endswith(("postgresql", "rabbitmq"))
    }
