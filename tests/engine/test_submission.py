"""What is submitted, and when it is the same again."""

import itertools

import pytest
from pydantic import BaseModel, Field

from stagepass import Pipeline
from stagepass.errors import Conflict
from stagepass.testing import Lab

_numbers = itertools.count()


class Throw(BaseModel):
    """What a stage is given when nobody says: another number each time."""

    number: int = Field(default_factory=lambda: next(_numbers))
    tags: list[str] = Field(default_factory=list)
    sides: int = 6


dice = Pipeline("dice", input=Throw)


@dice.stage()
def throw(request: Throw) -> int:
    """The number it was submitted with, whenever it runs."""
    return request.number


def test_a_default_that_is_made_up_does_not_make_it_another_input() -> None:
    with Lab(dice) as lab:
        first = lab.engine.submit("dice", {}, key="k")
        for again in ({}, {"sides": 6}, {"tags": []}):
            accepted = lab.engine.submit("dice", again, key="k")
            assert (accepted.created, accepted.job.id) == (False, first.job.id)
        for other in ({"sides": 7}, {"tags": ["a"]}, {"number": 999}):
            with pytest.raises(Conflict):
                lab.engine.submit("dice", other, key="k")


def test_a_number_that_was_given_counts() -> None:
    with Lab(dice) as lab:
        first = lab.engine.submit("dice", {"number": 7}, key="k")
        assert lab.engine.submit("dice", {"number": 7}, key="k").job.id == first.job.id
        for other in ({"number": 8}, {}):
            with pytest.raises(Conflict):
                lab.engine.submit("dice", other, key="k")
