"""Random stages of up to eight calls, with crashes, retries, drains and messages between them.

Every pass sees what the passes before it have seen, the result is that of an undisturbed run, and so are the costs.
"""

import random
from collections.abc import Iterator

import pytest

from stagepass.testing import Lab
from tests.support import closings, plans

FAST, EACH = 300, 25
CHAOS = 10_000


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab([plans.plan, plans.child, closings.closing]) as made:
        yield made


def run(lab: Lab, seed: int) -> None:
    """One plan, undisturbed and disturbed."""
    dice = random.Random(seed)
    given = plans.make_plan(dice, f"{seed}")
    plain = plans.run_plan(lab, given.model_copy(update={"id": f"{seed}p", "weak": []}), None)
    disturbed = plans.run_plan(lab, given.model_copy(update={"id": f"{seed}d"}), dice)
    plans.check(given, disturbed, plain)


@pytest.mark.parametrize("start", range(0, FAST, EACH))
def test_a_stage_of_random_calls_gives_the_same_however_it_is_disturbed(lab: Lab, start: int) -> None:
    for seed in range(start, start + EACH):
        run(lab, seed)


def close(lab: Lab, seed: int) -> None:
    """A job that fails and cleans up, undisturbed and disturbed."""
    dice = random.Random(seed)
    given = closings.make(dice, f"c{seed}")
    plain = closings.run(lab, closings.renamed(given, "p", weak=[]), None)
    disturbed = closings.run(lab, closings.renamed(given, "d"), dice)
    for part in closings.PARTS:
        plans.check(getattr(given, part), disturbed[part], plain[part])


@pytest.mark.parametrize("start", range(0, 20, 10))
def test_so_do_an_undo_and_on_failure_and_each_runs_once(lab: Lab, start: int) -> None:
    for seed in range(start, start + 10):
        close(lab, seed)


@pytest.mark.chaos
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("start", range(20, 1020, 40))
def test_a_thousand_of_them(lab: Lab, start: int) -> None:
    for seed in range(start, start + 40):
        close(lab, seed)


@pytest.mark.chaos
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("start", range(FAST, CHAOS, 100))
def test_ten_thousand_of_them(lab: Lab, start: int) -> None:
    for seed in range(start, start + 100):
        run(lab, seed)
