"""Ids sort by the time at which they were made, also within a millisecond."""

import re
from uuid import UUID

from stagepass.engine.model.ids import new_id


def test_ids_of_one_millisecond_sort_as_they_were_made() -> None:
    made = [new_id(1_700_000_000_000) for _ in range(2_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {UUID(one).version for one in made} == {7}
    assert all(re.fullmatch(r"018bcfe5-6800-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one) for one in made)


def test_ids_beyond_what_a_millisecond_counts_are_still_unique() -> None:
    made = {new_id(1_700_000_000_001) for _ in range(10_000)}
    assert len(made) == 10_000
