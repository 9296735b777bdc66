"""Pauses and limits that an operator sets: each claim obeys them at once, on every database, at no further statement."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from stagepass import Context, Pipeline, Retry
from stagepass.bus.provider_limits import OpenGate
from stagepass.engine.commit.claims import Claim
from stagepass.engine.commit.operations import Settle
from stagepass.engine.maintain.controls import OperatorControls
from stagepass.engine.model.actors import Actor, Role, set_actor
from stagepass.engine.model.controls import Scope
from stagepass.engine.model.filters import AuditFilter
from stagepass.engine.model.limits import Limit
from stagepass.engine.model.outcomes import Completed
from stagepass.errors import InvalidInput, NotFound
from stagepass.store import SqlStore
from stagepass.testing import Lab
from tests.support.processes import Process, at_once, processes
from tests.support.shapes import Word, chain

OTTO = Actor("otto", Role.OPERATOR, "test", "vendor maintenance")


@pytest.fixture(autouse=True)
def otto() -> Iterator[None]:
    set_actor(OTTO)
    yield
    set_actor(None)


def controls(process: Process | Lab) -> OperatorControls:
    engine = process.engine
    return OperatorControls(engine.store, engine.committer, engine.registry, engine.bell, OpenGate())


@pytest.mark.parametrize(
    ("scope", "name", "left"),
    [
        (Scope.QUEUE, "chain.one", ["b other.one", "a other.one"]),
        (Scope.PIPELINE, "chain", ["b other.one", "a other.one"]),
        (Scope.OWNER, "b", ["a other.one", "a chain.one"]),
        (Scope.ALL, "*", []),
        (Scope.PROVIDER, "suno", ["a other.one", "b other.one", "a chain.one", "b chain.one"]),
    ],
)
def test_a_pause_holds_what_it_names_from_the_next_claim_on(
    database_url: str, store: SqlStore, scope: Scope, name: str, left: list[str]
) -> None:
    with processes(database_url, 2, chain(), chain("other")) as (one, other):
        for pipeline in ("chain", "other"):
            for owner in "ab":
                one.engine.submit(pipeline, {"text": "a"}, owner=owner)
        controls(one).pause(scope, name)
        claimed = [f"{found.run.owner} {found.run.queue}" for found in other.claim(10)]
        assert sorted(claimed) == sorted(left)
        assert [(pause.scope, pause.name, pause.actor, pause.why) for pause in store.pauses()] == [
            (scope, name, "otto", "vendor maintenance")
        ]
        other.recorder.rung.clear()
        controls(other).resume(scope, name)
        assert bool(other.recorder.rung) is (scope is not Scope.PROVIDER), "workers hear of it at once"
        assert len(one.claim(10)) == 4 - len(left)
        assert store.pauses() == []


def test_what_runs_goes_on_and_its_next_stage_waits(database_url: str, store: SqlStore) -> None:
    with processes(database_url, 1, chain()) as (process,):
        process.engine.submit("chain", {"text": "a"})
        (running,) = process.claim()
        controls(process).pause(Scope.PIPELINE, "chain")
        process.settle(running)  # and claims nothing more in the same transaction
        assert process.claim(10) == []
        controls(process).resume(Scope.PIPELINE, "chain")
        assert [found.run.stage for found in process.claim(10)] == ["two"]


def test_a_paused_owner_with_a_backlog_holds_up_nobody(database_url: str, store: SqlStore) -> None:
    with processes(database_url, 1, chain()) as (process,):
        for _ in range(60):
            process.engine.submit("chain", {"text": "a"}, owner="many")
        controls(process).pause(Scope.OWNER, "many")
        process.engine.submit("chain", {"text": "a"}, owner="one")
        assert [found.run.owner for found in process.claim(5)] == ["one"]
        process.engine.submit("chain", {"text": "last"}, owner="many")
        controls(process).resume(Scope.OWNER, "many")
        order = [found.job.input for found in process.claim(100, "chain.one")]
        assert len(order) == 61
        assert "last" in order[-1], "what was submitted during the pause does not overtake what was there before"


def test_paused_and_full_queues_are_no_backlog(database_url: str, store: SqlStore) -> None:
    """The relay rings for no queue, and no worker is taken for stalled, because of what may not start."""
    with processes(database_url, 1, chain(), chain("other")) as (process,):
        for pipeline in ("chain", "other"):
            for _ in range(2):
                process.engine.submit(pipeline, {"text": "a"})
        late = process.clock.now() + 60_000
        assert dict(store.ready_since(late)) == {"chain.one": 2, "other.one": 2}
        controls(process).pause(Scope.QUEUE, "chain.one")
        assert dict(store.ready_since(late)) == {"other.one": 2}
        controls(process).limit(Scope.QUEUE, "other.one", Limit(concurrency=1))
        assert dict(store.ready_since(late)) == {"other.one": 2}
        assert len(process.claim(5)) == 1
        assert dict(store.ready_since(late)) == {}
        controls(process).pause(Scope.ALL, "*")
        controls(process).resume(Scope.QUEUE, "chain.one")
        assert dict(store.ready_since(late)) == {}


def test_a_queue_runs_no_more_than_its_limit_over_all_workers(database_url: str, store: SqlStore) -> None:
    with processes(database_url, 4, chain()) as workers:
        first = workers[0]
        for _ in range(20):
            first.engine.submit("chain", {"text": "a"})
        controls(first).limit(Scope.QUEUE, "chain.one", Limit(concurrency=3))
        claimed = [found for result in at_once([lambda w=w: w.claim(3) for w in workers]) for found in result]
        assert len(claimed) <= 3
        claimed += [found for worker in workers for found in worker.claim(3)]
        assert len(claimed) == 3
        first.settle(claimed[0])
        assert sorted(found.run.stage for found in first.claim(5)) == ["one", "two"], "a place became free"
        controls(first).limit(Scope.QUEUE, "chain.one", Limit(concurrency=5))
        assert len(workers[1].claim(10)) == 2
        controls(first).reset_limit(Scope.QUEUE, "chain.one")
        assert len(workers[2].claim(50)) == 14


def test_a_settle_makes_room_for_the_claim_of_its_own_transaction(database_url: str, store: SqlStore) -> None:
    with processes(database_url, 1, chain()) as (process,):
        for _ in range(3):
            process.engine.submit("chain", {"text": "a"})
        controls(process).limit(Scope.QUEUE, "chain.one", Limit(concurrency=1))
        (running,) = process.claim(5, "chain.one")
        settle, claim = Settle(running, Completed('{"text":"x"}')), Claim(("chain.one",), 1, process.worker)
        _, result = process.engine.committer.put(settle, claim)
        assert [found.run.stage for found in result.result().claimed] == ["one"]
        assert process.claim(5, "chain.one") == []


def test_a_batch_is_as_large_as_the_limit_lets_it_be(database_url: str, store: SqlStore) -> None:
    p = Pipeline("bulk", input=Word)

    @p.stage(batch=5, within="1s", retry=Retry(0))
    def many(request: list[Word]) -> list[Word]:
        return request

    with processes(database_url, 1, p) as (process,):
        for _ in range(9):
            process.engine.submit("bulk", {"text": "a"})
        controls(process).limit(Scope.QUEUE, "bulk.many", Limit(concurrency=3))
        assert [len(found.everyone()) for found in process.claim(4)] == [3]
        assert process.claim(4) == []


def test_a_claim_costs_no_statement_more_for_pauses_and_limits() -> None:
    with Lab(chain()) as lab:
        counts = []
        for paused in (False, True):
            lab.submit({"text": "a"})
            if paused:
                controls(lab).pause(Scope.OWNER, "somebody")
            counts.append(statements_of_a_claim(lab))
        assert counts[0] == counts[1] > 3


def statements_of_a_claim(lab: Lab) -> int:
    seen: list[str] = []

    def trace(connection: sa.Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.set_trace_callback(seen.append)

    sa.event.listen(lab.store._writes, "begin", trace)
    try:
        assert lab.engine.committer.do(Claim(("chain.one",), 1, lab.worker)).claimed
    finally:
        sa.event.remove(lab.store._writes, "begin", trace)
        with lab.store._writes.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.set_trace_callback(None)
    return len(seen)


def test_each_act_is_recorded_with_what_was_and_what_is(database_url: str, store: SqlStore) -> None:
    with processes(database_url, 1, chain()) as (process,):
        at = controls(process)
        at.pause(Scope.OWNER, "kim")
        since = store.pauses()[0].since
        process.clock.advance(5)
        at.pause(Scope.OWNER, "kim")
        assert store.pauses()[0].since == since, "it stands since then"
        at.resume(Scope.OWNER, "kim")
        at.limit(Scope.PROVIDER, "suno", Limit(3, 10, 10.0))
        at.limit(Scope.PROVIDER, "suno", Limit(2))
        at.reset_limit(Scope.PROVIDER, "suno")
        found = [(e.act, e.subject, e.before, e.after) for e in reversed(store.audit(AuditFilter(limit=10)))]
        old = {"concurrency": 3, "rate": 10, "per_seconds": 10.0}
        new = {"concurrency": 2, "rate": None, "per_seconds": 1.0}
        paused = {"paused": True}
        assert found == [
            ("pause", "owner:kim", None, paused),
            ("pause", "owner:kim", paused, paused),
            ("resume", "owner:kim", paused, None),
            ("limit", "provider:suno", None, old),
            ("limit", "provider:suno", old, new),
            ("limit", "provider:suno", new, None),
        ]
        assert {e.by for e in store.audit(AuditFilter())} == {OTTO}


@pytest.mark.parametrize(
    ("scope", "name", "says"),
    [
        (Scope.QUEUE, "chain.ona", "did you mean chain.one"),
        (Scope.PIPELINE, "x", "there is no pipeline x"),
        (Scope.ALL, "x", "there is no all x"),
        (Scope.OWNER, "", "there is no owner"),
        (Scope.PROVIDER, "a b", "there is no provider a b"),
    ],
)
def test_what_is_not_there_cannot_be_paused(scope: Scope, name: str, says: str) -> None:
    with Lab(chain()) as lab, pytest.raises(NotFound, match=says):
        controls(lab).pause(scope, name)


def test_wrong_limits_name_the_field() -> None:
    with Lab(chain()) as lab:
        for limit, scope, field in [
            (Limit(), Scope.QUEUE, "concurrency"),
            (Limit(rate=5), Scope.QUEUE, "rate"),
            (Limit(concurrency=0), Scope.PROVIDER, "concurrency"),
            (Limit(rate=2_000_000), Scope.PROVIDER, "rate"),
            (Limit(rate=1, per=0), Scope.PROVIDER, "per_seconds"),
        ]:
            with pytest.raises(InvalidInput) as refused:
                controls(lab).limit(scope, "chain.one", limit)
            assert refused.value.field == field
        with pytest.raises(NotFound, match="not paused"):
            controls(lab).resume(Scope.QUEUE, "chain.one")
        with pytest.raises(NotFound, match="no limit"):
            controls(lab).reset_limit(Scope.QUEUE, "chain.one")


def test_a_wait_looks_once_after_a_pause_that_outlived_it() -> None:
    """A paused stage asks nobody; the order that was ready meanwhile is found, and not given up for lateness."""
    ready = False

    def order(ctx: Context, _: str) -> None:
        ctx.wait(lambda: ready or None, every="10s", at_most="60s")

    with Lab(chain(acts={"one": order}, time_limit="5m")) as lab:
        job = lab.submit({"text": "a"})
        lab.step()
        controls(lab).pause(Scope.QUEUE, "chain.one")
        lab.clock.advance(500)
        lab.relay.promote()
        assert not lab.step()
        ready = True
        controls(lab).resume(Scope.QUEUE, "chain.one")
        assert lab.finish(job).state == "completed"
