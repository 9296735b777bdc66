"""Fair within a stage: by priority, then in turn between owners, at a price that does not grow with the backlog."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from stagepass.engine.commit.claims import Claim
from stagepass.engine.commit.operations import Submit
from stagepass.engine.model.ids import new_id
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import JobState
from stagepass.store import SqlStore
from stagepass.store.statements import first_ready, last_turns
from stagepass.store.tables import stage_runs
from stagepass.testing import Lab
from tests.support.processes import Process, processes
from tests.support.shapes import chain
from tests.support.work import work


def flood(process: Process, count: int, owner: str, priority: int = 0) -> None:
    """Submit this many jobs of one owner, many per transaction."""
    pipeline = process.registry.latest("chain")
    now = process.clock.now()
    operations = [
        Submit(pipeline, Job(new_id(), "chain", 1, owner, '{"text":"a"}', now, now, priority=priority))
        for _ in range(count)
    ]
    for future in process.engine.committer.put(*operations):
        future.result()


def owners(process: Process, count: int) -> str:
    return "".join(process.claim(1, "chain.one")[0].run.owner for _ in range(count))


@pytest.mark.parametrize("backlog", [10_000])
def test_ten_thousand_jobs_of_one_owner_do_not_make_anothers_wait(
    database_url: str, store: SqlStore, backlog: int
) -> None:
    with processes(database_url, 1, chain()) as (process,):
        flood(process, 100, "a")
        few = cost(process, store)
        flood(process, backlog - 100, "a")
        many = cost(process, store)
        process.engine.submit("chain", {"text": "a"}, owner="b")
        assert "b" in owners(process, 3)
        process.engine.submit("chain", {"text": "a"}, owner="c", priority=1)
        assert owners(process, 1) == "c"
        flood(process, 3, "d")
        flood(process, 3, "e")
        turns = owners(process, 10)
        assert turns.count("d") == 3, turns
        assert turns.count("e") == 3, turns
        assert many < few * 1.5, f"a claim and a submit cost {few} with 100 ready, and {many} with 10,000"
        if store.dialect != "mysql":
            assert_uses_the_index(store)


def cost(process: Process, store: SqlStore) -> int:
    """What the database reads for a claim and a submit, the least of several."""
    with store._writes.begin() as db:
        if db.dialect.name == "postgresql":
            db.exec_driver_sql("ANALYZE stage_runs")
    costs = []
    for _ in range(5):
        with work(process.store) as counted:
            assert process.claim(1, "chain.one")
            process.engine.submit("chain", {"text": "a"}, owner="z", priority=-5)
        costs.append(counted.done)
    assert min(costs) > 0
    return min(costs)


def assert_uses_the_index(store: SqlStore) -> None:
    """No look at what is ready sorts, or reads the whole table."""
    for statement in (first_ready(2), last_turns(2)):
        values: dict[str, Any] = {"more": 5}
        for number in range(2):
            values |= {f"queue{number}": "chain.one", f"priority{number}": 0, f"owner{number}": "a"}
            values[f"urgency{number}"] = 0
        explain = "EXPLAIN QUERY PLAN " if store.dialect == "sqlite" else "EXPLAIN "
        with store._reads.connect() as db:
            compiled = statement._for(db.dialect)
            bound = compiled.arguments(values)
            found = db.exec_driver_sql(explain + compiled.sql, tuple(bound) if isinstance(bound, list) else bound)
            plan = "\n".join(str(row) for row in found)
        assert "Seq Scan on stage_runs" not in plan, plan
        assert "SCAN stage_runs" not in plan.replace("SCAN stage_runs USING", ""), plan
        assert "Sort" not in plan, plan
        assert "USE TEMP B-TREE FOR ORDER BY" not in plan, plan


def test_an_owner_who_always_has_one_job_does_not_overtake_who_waits() -> None:
    with Lab(chain()) as lab:
        for _ in range(6):
            lab.submit({"text": "a"}, owner="a")
        order = ""
        for _ in range(12):
            lab.clock.advance(0.01)
            if "b" not in [run.owner for run in ready(lab)]:
                lab.submit({"text": "a"}, owner="b")
            (claimed,) = claim_one(lab)
            order += claimed.run.owner
        assert order.count("a") == 6, order


def test_owners_take_turns_also_after_a_line_was_empty() -> None:
    with Lab(chain()) as lab:
        for owner in "aaaabbc":
            lab.submit({"text": "a"}, owner=owner)
        order = "".join(claim_one(lab)[0].run.owner for _ in range(7))
        assert sorted(order[:3]) == ["a", "b", "c"]
        assert sorted(order[3:5]) == ["a", "b"]
        assert order[5:] == "aa"


def submitted(lab: Lab, owner: str, count: int, **options: Any) -> None:
    for _ in range(count):
        lab.clock.advance(0.01)
        lab.submit({"text": "a"}, owner=owner, **options)


def claimed_in_order(lab: Lab) -> list[tuple[str, int]]:
    found = []
    while claimed := claim_one(lab):
        found.append((claimed[0].run.owner, claimed[0].job.priority))
    return found


def test_priority_orders_an_owners_own_work_and_no_other_owners() -> None:
    with Lab(chain()) as lab:
        submitted(lab, "a", 6)
        submitted(lab, "a", 4, priority=100)
        submitted(lab, "b", 1)
        order = claimed_in_order(lab)
        assert [priority for owner, priority in order if owner == "a"] == [100] * 4 + [0] * 6
        assert order.index(("b", 0)) <= 2


def test_every_level_of_priority_does_not_make_anothers_job_wait_for_the_flood() -> None:
    with Lab(chain()) as lab:
        for priority in (0, 1, 2):
            submitted(lab, "a", 30, priority=priority)
        submitted(lab, "b", 1)
        assert claimed_in_order(lab).index(("b", 0)) <= 4


def test_across_owners_it_holds_for_a_caller_who_may() -> None:
    with Lab(chain()) as lab:
        submitted(lab, "a", 5)
        submitted(lab, "b", 3, priority=10, across=True)
        assert claimed_in_order(lab)[:3] == [("b", 10)] * 3


def test_a_later_stage_and_a_child_keep_whether_it_holds_across() -> None:
    with Lab(chain()) as lab:
        submitted(lab, "b", 1, priority=10, across=True)
        lab.step()
        (run,) = [run for run in lab.store.runs_of(lab.store.owner_jobs("b", 1)[0]) if run.stage == "two"]
        assert (run.priority, run.urgency) == (10, 10)
        submitted(lab, "c", 1, priority=10)
        (run,) = lab.store.runs_of(lab.store.owner_jobs("c", 1)[0])
        assert (run.priority, run.urgency) == (0, 10)


def test_priority_goes_before_turns_and_never_before_a_hundred() -> None:
    with Lab(chain()) as lab:
        jobs = {priority: lab.submit({"text": "a"}, priority=priority) for priority in (0, -100, 5, 100, -1)}
        order = [claim_one(lab)[0].job.priority for _ in jobs]
        assert order == [100, 5, 0, -1, -100]


def test_a_later_stage_keeps_its_jobs_priority() -> None:
    with Lab(chain()) as lab:
        low = lab.submit({"text": "a"})
        lab.step()
        high = lab.submit({"text": "b"}, priority=9)
        for _ in range(3):
            lab.step()
        assert lab.job(high).state is JobState.COMPLETED
        assert lab.job(low).state is JobState.RUNNING


def ready(lab: Lab) -> list[Any]:
    with lab.store._reads.connect() as db:
        return list(db.execute(sa.select(stage_runs.c.owner).where(stage_runs.c.state == "ready")))


def claim_one(lab: Lab) -> Any:
    return lab.engine.committer.do(Claim(("chain.one",), 1, lab.worker)).claimed


def test_the_folder_of_a_lab_is_removed() -> None:
    with Lab(chain()) as lab:
        folder = Path(lab.folder)
        assert folder.exists()
    assert not folder.exists()
