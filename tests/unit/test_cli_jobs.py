"""What ``jobs show`` prints of a job with many items."""

from stagepass.cli.jobs import ITEMS, rows_of
from stagepass.engine.model.records import StageRun
from stagepass.engine.model.states import RunState


def run(stage: str, item: int | None, state: RunState) -> StageRun:
    made = StageRun(f"j.{stage}.{item}", "j", "p", 1, stage, f"p.{stage}", "kim", 0, item=item)
    made.state = state
    return made


def test_of_many_items_that_are_alike_a_few_are_shown_and_the_rest_counted() -> None:
    runs = [run("split", None, RunState.COMPLETED)]
    runs += [run("work", n, RunState.FAILED if n == 700 else RunState.COMPLETED) for n in range(1000)]
    runs.append(run("join", None, RunState.READY))
    rows = rows_of(runs, 0)
    names = ["split", *(f"work[{n}]" for n in range(ITEMS)), "work[…]", "work[700]", "join"]
    assert [row[0] for row in rows] == names
    assert rows[ITEMS + 1][4] == "989 more in this state"
