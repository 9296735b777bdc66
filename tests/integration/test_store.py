"""One behaviour suite for the store, on SQLite, PostgreSQL and MariaDB."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pymysql
import pytest
import sqlalchemy as sa

from stagepass.declare.registry import Registry
from stagepass.declare.values import File
from stagepass.engine.commit.call_operations import Intend, Remember
from stagepass.engine.commit.claims import Claim
from stagepass.engine.commit.operations import OnRuns, Settle, Submit
from stagepass.engine.model.filters import JobFilter, RunFilter
from stagepass.engine.model.ids import new_id, run_id
from stagepass.engine.model.outcomes import Completed, Failure, LeaseLost, Waiting
from stagepass.engine.model.records import UNREAD, Job, Memo, Spend, StageRun, Tally, WorkerRow
from stagepass.engine.model.run_notes import RunNotes
from stagepass.engine.model.states import ENDED, JobState, RunState
from stagepass.engine.model.store import Parked
from stagepass.engine.model.transaction import Changes, Stale, Taken
from stagepass.engine.rules import attempt
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.errors import Conflict, InvalidInput, Permanent, StoreUnavailable, TooLarge, Transient
from stagepass.store import SqlStore
from stagepass.testing import HandClock
from stagepass.text import clean
from tests.support.databases import connections
from tests.support.processes import Process, at_once, processes, raised
from tests.support.shapes import chain, diamond, fan
from tests.support.waiting import wait_until

HARD = "한글 🎵 \u0000 \ud7ff \u200b \\ \" ' % :x ?"


def a_job(**changes: Any) -> Job:
    return replace(Job(new_id(), "p", 1, "kim", "{}", 1, 1), **changes)


def a_run(job: Job, stage: str = "s", **changes: Any) -> StageRun:
    item = changes.get("item")
    run = StageRun(run_id(job.id, stage, item), job.id, "p", 1, stage, f"p.{stage}", job.owner, 1)
    return replace(run, **changes)


def put(store: SqlStore, *records: Job | StageRun) -> None:
    jobs = [record for record in records if isinstance(record, Job)]
    runs = [record for record in records if isinstance(record, StageRun)]
    with store.begin() as tx:
        tx.save(Changes(new_jobs=jobs, new_runs=runs))


# ── rows come back as they were written ──────────────────────────────────────────────────────────


def test_records_come_back_as_they_were_written(store: SqlStore) -> None:
    job = a_job(
        input=f'{{"a":"{"가" * 300_000}"}}',
        key="Key-1",
        tally={"s": Tally(3, 1), "t": Tally(1, 0, None), "u": Tally(2, 1, 3)},
        error={"message": HARD},
        stepwise=True,
        cancel_requested=True,
        priority=-7,
        state=JobState.HELD,
        finished_at=2**41,
    )
    run = a_run(
        job,
        item=7,
        output='"' + "🎵" * 250_000 + '"',
        notes=RunNotes(signal=HARD, busy="\ud800", waits={"w": 2}, unknown={"of another release": [1]}),
        error={"code": "x", "message": "\ud83d"},
        message="saying 한글",
        progress=0.25,
        token="t" * 24,
        worker=new_id(),
        state=RunState.RUNNING,
        started_at=5,
        attempt_at=6,
        item_input='{"text":"한"}',
        turn=2**40,
    )
    put(store, job, run)
    assert store.job(job.id) == job
    assert store.run(run.id) == run
    assert store.runs_of(job.id) == [run]
    with store.begin() as tx:
        lean = replace(run, item_input=UNREAD, output=UNREAD)
        assert tx.lock_jobs([job.id, "nothing"]) == [replace(job, input=UNREAD)]
        assert tx.inputs([job.id, "nothing"]) == {job.id: job.input}
        assert tx.runs([run.id]) == tx.runs_of(job.id, {RunState.RUNNING}) == [lean]
        assert tx.runs_of(job.id, {RunState.READY}) == []
        assert tx.item_inputs([run.id]) == {run.id: run.item_input}
        assert tx.job_by_key("kim", "Key-1") == job


def test_what_is_parked_is_found_in_the_order_in_which_it_is_due(store: SqlStore) -> None:
    job = a_job()
    parked = [a_run(job, f"s{due}", state=RunState.PARKED, due_at=due) for due in (3, 1, 2)]
    others = [a_run(job, state, state=RunState(state)) for state in ("waiting", "retrying", "ready", "running", "held")]
    put(store, job, *parked, *others)
    assert [run.stage for run in store.parked(2)] == ["s1", "s2"]
    first = store.parked(1)[0]
    assert first == Parked(run_id(job.id, "s1", None), job.id, "p.s1", "p", 1, "s1")


def test_a_message_that_no_database_takes_is_stored_without_what_it_cannot_take(store: SqlStore) -> None:
    job = a_job()
    put(store, job, a_run(job, message="a\0b\ud800c" + "x" * 1000))
    found = store.runs_of(job.id)[0].message
    assert found is not None
    assert found.startswith("a\ufffdb?c")
    assert len(found) == 500


def test_owners_and_keys_that_differ_in_case_or_accent_are_different(store: SqlStore) -> None:
    jobs = [a_job(owner=owner, key=key) for owner in ("kim", "Kim", "kím") for key in ("k", "K", "ḱ")]
    put(store, *jobs)
    for job in jobs:
        assert store.job_by_key(job.owner, str(job.key)) == job
        with store.begin() as tx:
            assert tx.job_by_key(job.owner, str(job.key)) == job
    assert {job.owner for job in store.jobs(JobFilter(owner="Kim"))} == {"Kim"}


def test_the_same_key_of_one_owner_twice_is_refused_by_the_database(store: SqlStore) -> None:
    put(store, a_job(key="k"), a_job(key=None), a_job(key=None))
    with pytest.raises(Taken):
        put(store, a_job(key="k"))


# ── guarded writes ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("theirs", [{"token": "other"}, {"token": None}, {"state": RunState.CANCELLED}])
def test_a_run_that_changed_since_it_was_read_is_not_written(store: SqlStore, theirs: dict[str, Any]) -> None:
    job = a_job()
    run = a_run(job, state=RunState.RUNNING, token="mine")
    put(store, job, run)
    with store.begin() as tx:
        tx.save(Changes(runs=[(replace(run, **theirs), RunState.RUNNING, "mine")]))
    with pytest.raises(Stale), store.begin() as tx:  # noqa: PT012  (the whole transaction is refused)
        event = UnitOfWork(tx, HandClock(), Registry()).emit(job, "stage.completed")
        done = replace(run, state=RunState.COMPLETED, output="late", token=None)
        tx.save(Changes(events=[event], runs=[(done, RunState.RUNNING, "mine")]))
    found = store.run(run.id)
    assert found is not None
    assert found.output is None
    assert store.events(job.id) == [], "nothing else of that transaction may stay either"


def test_a_memos_value_is_only_written_where_its_own_intent_stands(store: SqlStore) -> None:
    job = a_job()
    run = a_run(job)
    put(store, job, run)
    intent = Memo(run.id, "buy", "t1", None, 1)
    with store.begin() as tx:
        tx.save(Changes(intents=[intent]))
    with store.begin() as tx:
        assert tx.memo(run.id, "buy") == intent
        assert tx.memo(run.id, "Buy") is None
        tx.save(Changes(memos=[replace(intent, token="t2", value='"theirs"')]))
    assert store.memos(run.id) == [intent]
    with store.begin() as tx:
        tx.save(Changes(memos=[replace(intent, value='"mine"')]))
    assert store.memos(run.id) == [replace(intent, value='"mine"')]
    with store.begin() as tx:
        tx.save(Changes(forgotten=[(run.id, "buy", "t2")]))
    assert len(store.memos(run.id)) == 1, "a memo of another attempt is not forgotten"
    with store.begin() as tx:
        tx.save(Changes(forgotten=[(run.id, "buy", "t1")]))
    assert store.memos(run.id) == []


def test_an_open_call_is_one_without_a_value(store: SqlStore) -> None:
    job = a_job()
    run, other = a_run(job), a_run(job, "t")
    put(store, job, run, other)
    with store.begin() as tx:
        tx.save(Changes(intents=[Memo(run.id, "a", "t", None, 1), Memo(run.id, "b", "t", "1", 1)]))
        assert tx.open_calls([run.id, other.id]) == [(run.id, "a")]
        assert tx.open_calls([other.id]) == []


# ── the line ─────────────────────────────────────────────────────────────────────────────────────


def test_candidates_go_by_priority_then_turn_then_age(store: SqlStore) -> None:
    job = a_job()
    wanted = []
    for number, (priority, turn, due) in enumerate([(5, 9, 9), (0, 1, 1), (0, 2, 1), (0, 2, 2), (-1, 0, 0)]):
        wanted.append(a_run(job, item=number, priority=priority, turn=turn, due_at=due))
    others = [
        a_run(job, item=8, state=RunState.RUNNING),
        a_run(job, item=9, state=RunState.WAITING),
        a_run(job, "other", priority=100),
    ]
    shuffled = random.Random(1).sample([*wanted, *others], len(wanted) + len(others))
    put(store, job, *shuffled)
    with store.begin() as tx:
        assert [c.run_id for c in tx.candidates(["p.s"], 50).candidates] == [run.id for run in wanted]
        assert [c.run_id for c in tx.candidates(["p.s"], 1).candidates][:2] == [run.id for run in wanted[:2]]
        assert {c.queue for c in tx.candidates(["p.s", "p.other", "p.none"], 50).candidates} == {"p.s", "p.other"}
        assert list(tx.candidates([], 50).candidates) == []


def test_the_line_says_where_an_owner_ends_and_where_it_begins(store: SqlStore) -> None:
    kim, lee = a_job(owner="kim"), a_job(owner="lee")
    put(store, kim, lee, *(a_run(kim, item=n, turn=100 + n) for n in range(5)), a_run(lee, turn=103))
    put(store, a_job(), a_run(kim, item=9, turn=1, state=RunState.RUNNING), a_run(kim, item=10, turn=7, priority=3))
    put(store, a_run(kim, item=11, turn=101, urgency=5))
    asked = [
        ("p.s", 0, "kim", 0),
        ("p.s", 0, "lee", 0),
        ("p.s", 0, "cho", 0),
        ("p.s", 3, "kim", 0),
        ("p.t", 0, "kim", 0),
    ]
    asked += [("p.s", 0, "kim", 5), ("p.s", 0, "kim", 9), ("p.s", 0, "kim", -1)]
    found = [(104, 100), (103, 100), (None, 100), (7, 7), (None, None), (101, 100), (None, 100), (104, 100)]
    with store.begin() as tx:
        assert tx.line_up(asked) == found
        assert tx.line_up(asked * 30) == found * 30


def test_what_one_connection_holds_another_leaves_out_without_waiting(store: SqlStore) -> None:
    if store.dialect == "sqlite":
        pytest.skip("SQLite has one writer: there is nothing to leave out")
    first, second = a_job(), a_job()
    runs = [a_run(first, item=0), a_run(first, item=1), a_run(second, item=0)]
    put(store, first, second, *runs)
    ids = [run.id for run in runs]
    with store.begin() as mine, store.begin() as theirs:
        assert [run.id for run, _ in mine.take(ids[:1], 1)] == ids[:1]
        # the second run of the first job is free, but its job is held
        assert [run.id for run, _ in theirs.take(ids, 3)] == ids[2:]


@pytest.mark.parametrize("each", [1, 4])
def test_claims_of_many_processes_at_once_never_give_a_run_twice(database_url: str, store: SqlStore, each: int) -> None:
    with processes(database_url, 4, chain()) as workers:
        for number in range(60):
            workers[0].engine.submit("chain", {"text": str(number)}, owner=f"o{number % 3}")

        def claim_all(process: Process) -> list[str]:
            mine: list[str] = []
            while True:
                claim_result = process.claim_result(each, "chain.one")
                mine += [claimed.run.id for claimed in claim_result.claimed]
                if not claim_result.claimed and not claim_result.missed:
                    return mine

        results = at_once([lambda process=process: claim_all(process) for process in workers for _ in range(2)])
        assert raised(results) == []
        taken = [run for result in results for run in result]
        assert len(taken) == len(set(taken)) == 60
        tokens = {run.token for run in store.find_runs(RunFilter(None, (RunState.RUNNING,), limit=100))}
        assert len(tokens) == 60


def test_claims_settles_cancels_and_rescues_at_once_keep_every_job_whole(database_url: str, store: SqlStore) -> None:
    shape = diamond()
    with processes(database_url, 4, shape) as workers:
        jobs = [workers[0].engine.submit("diamond", {"text": "x"}, owner=f"o{n % 2}").job.id for n in range(24)]
        end = threading.Event()

        def work(process: Process, seed: int) -> None:
            dice = random.Random(seed)
            while not end.is_set():
                claimed = process.claim(dice.randint(1, 4))
                for one in claimed:
                    outcome = dice.choice([Completed('{"text":"x"}')] * 5 + [Waiting(0.0), Failure(Transient("no"))])
                    try:
                        process.settle(one, outcome)
                    except LeaseLost:
                        continue

        def disturb(process: Process, seed: int) -> None:
            dice = random.Random(seed)
            for _ in range(60):
                process.clock.advance(1)
                due = process.store.due(process.clock.now(), 100)
                victim = dice.choice(workers).worker
                held = process.store.running_of(victim)
                process.engine.committer.do(OnRuns(due, attempt.promote))
                if dice.random() < 0.3 and held:
                    process.engine.committer.do(OnRuns(held, rescue_from(victim)))
                if dice.random() < 0.3:
                    try:
                        process.engine.cancel(dice.choice(jobs), None)
                    except Conflict:
                        continue

        def rescue_from(victim: str) -> Any:
            def act(uow: UnitOfWork, run: StageRun, job: Job) -> bool:
                if run.worker != victim or run.state is not RunState.RUNNING:
                    return False
                attempt.rescue(uow, run, job)
                return True

            return act

        def disturb_all() -> None:
            try:
                for seed in range(2):
                    disturb(workers[3], seed)
                wait_until(lambda: disturb_once() or all_ended(), 30, "every job ends")
            finally:
                end.set()

        def disturb_once() -> bool:
            workers[3].clock.advance(5)
            due = store.due(workers[3].clock.now(), 100)
            if due:
                workers[3].engine.committer.do(OnRuns(due, attempt.promote))
            return False

        def all_ended() -> bool:
            return all(job.state in ENDED for job in store.jobs(JobFilter(None, limit=100)))

        acts: list[Any] = [lambda p=p, n=n: work(p, n) for n, p in enumerate(workers[:3])]
        assert raised(at_once([*acts, disturb_all])) == []
        for job_id in jobs:
            check_whole(store, job_id)


def test_a_closed_store_leaves_no_connection_behind(database_url: str) -> None:
    store = SqlStore(database_url)
    began, go_on = threading.Event(), threading.Event()

    def slow() -> Any:
        with store._reads.connect() as db:
            began.set()
            assert go_on.wait(10)
            return db.scalar(sa.select(sa.literal(7)))

    with ThreadPoolExecutor(1) as thread:
        late = thread.submit(slow)
        assert began.wait(10)
        store.close()
        go_on.set()
        assert late.result(10) == 7, "what was under way comes to its end"
    if store.dialect != "sqlite":
        name = str(sa.make_url(database_url).database)
        kind = database_url.partition(":")[0]
        wait_until(lambda: connections(kind, name) == 0, 10, "the server shows none")
    with pytest.raises(StoreUnavailable, match="closed"):
        store.job("x")


def check_whole(store: SqlStore, job_id: str) -> None:
    """Events without gaps, one terminal one, and a tally that equals the rows."""
    job = store.job(job_id)
    assert job is not None
    events = store.events(job_id)
    assert [event.seq for event in events] == list(range(1, job.seq + 1))
    terminal = [event.type for event in events if event.type in ("job.completed", "job.failed", "job.cancelled")]
    assert terminal == [f"job.{job.state.value}"]
    done: dict[str, int] = {}
    for run in store.runs_of(job_id):
        done[run.stage] = done.get(run.stage, 0) + (run.state in (RunState.COMPLETED, RunState.SKIPPED))
    assert {stage: tally.done for stage, tally in job.tally.items()} == done


def test_fifty_submits_of_one_key_at_once_make_one_job(database_url: str, store: SqlStore) -> None:
    with processes(database_url, 5, chain()) as hosts:

        def submit(process: Process) -> tuple[str, bool]:
            accepted = process.engine.submit("chain", {"text": "x"}, owner="kim", key="once")
            return accepted.job.id, accepted.created

        results = at_once([lambda p=p: submit(p) for p in hosts for _ in range(10)])
        assert raised(results) == []
        assert len({job for job, _ in results}) == 1
        assert sum(created for _, created in results) == 1
        assert len(store.jobs(JobFilter(None))) == 1
        assert len(store.runs_of(results[0][0])) == 1
        assert [event.seq for event in store.events(results[0][0])] == [1]


def test_many_keys_from_many_processes_at_once_never_dead_lock(database_url: str, store: SqlStore) -> None:
    with processes(database_url, 4, chain()) as hosts:

        def submit(process: Process, seed: int) -> list[str]:
            keys = random.Random(seed).sample(range(12), 12)
            return [process.engine.submit("chain", {"text": "x"}, key=f"k{key}").job.id for key in keys]

        results = at_once([lambda p=p, n=n: submit(p, n) for n in range(3) for p in hosts])
        assert raised(results) == []
        assert len({job for jobs in results for job in jobs}) == 12
        assert len(store.jobs(JobFilter(None, limit=100))) == 12


def test_another_input_under_the_same_key_is_a_conflict(database_url: str, store: SqlStore) -> None:
    with processes(database_url, 1, chain()) as (host,):
        first = host.engine.submit("chain", {"text": "x"}, key="k").job.id
        with pytest.raises(Conflict) as problem:
            host.engine.submit("chain", {"text": "y"}, key="k")
        assert problem.value.details["job_id"] == first
        assert host.engine.submit("chain", {"text": "y"}, key="k", owner="other").created


@pytest.mark.parametrize("name", [" kim", "kim ", "ki\0m", "kim\n"])
def test_names_that_databases_compare_in_their_own_ways_are_refused(
    database_url: str, store: SqlStore, name: str
) -> None:
    with processes(database_url, 1, chain()) as (host,):
        with pytest.raises(InvalidInput) as problem:
            host.engine.submit("chain", {"text": "x"}, owner=name)
        assert problem.value.field == "owner"
        with pytest.raises(InvalidInput) as problem:
            host.engine.submit("chain", {"text": "x"}, key=name)
        assert problem.value.field == "idempotency_key"


# ── fan-out and fan-in ───────────────────────────────────────────────────────────────────────────


def test_items_that_many_processes_settle_at_once_are_counted_and_numbered_once(
    database_url: str, store: SqlStore
) -> None:
    with processes(database_url, 4, fan()) as hosts:
        job = hosts[0].engine.submit("fan", {"text": "abcdefghijklmnopqrstuvwx"}).job
        (split,) = hosts[0].claim()
        words = ",".join(f'{{"text":"{letter}"}}' for letter in "abcdefghijklmnopqrstuvwx")
        hosts[0].settle(split, Completed(f'{{"items":[{words}]}}'))
        lots = [(host, claimed) for host in hosts for claimed in host.claim(6, "fan.each")]
        assert len(lots) == 24

        def settle(host: Process, claimed: Any) -> None:
            host.settle(claimed, Completed(f'{{"text":"{claimed.run.item}"}}'))

        assert raised(at_once([lambda lot=lot: settle(*lot) for lot in lots])) == []
        (join,) = hosts[1].claim(5)
        assert join.run.stage == "join"
        assert join.outputs["each"] == {n: (f'{{"text":"{n}"}}', None) for n in range(24)}
        hosts[1].settle(join)
        check_whole(store, job.id)


def test_a_claim_in_the_transaction_that_ends_the_last_item_has_its_output(database_url: str, store: SqlStore) -> None:
    with processes(database_url, 1, fan()) as (host,):
        host.engine.submit("fan", {"text": "ab"})
        (split,) = host.claim()
        host.settle(split, Completed('{"items":[{"text":"a"},{"text":"b"}]}'))
        first, last = host.claim(2)
        host.settle(first, Completed('{"text":"A"}'))
        _, claim = host.engine.committer.put(
            Settle(last, Completed('{"text":"B"}')), Claim(host.queues, 1, host.worker)
        )
        (join,) = claim.result().claimed
        assert {item: output for item, (output, _) in join.outputs["each"].items()} == {
            0: '{"text":"A"}',
            1: '{"text":"B"}',
        }


def test_a_claim_in_the_transaction_that_ends_two_branches_has_both_outputs(database_url: str, store: SqlStore) -> None:
    with processes(database_url, 1, diamond()) as (host,):
        host.engine.submit("diamond", {"text": "x"})
        (top,) = host.claim()
        host.settle(top)
        branches = host.claim(2)
        *_, claim = host.engine.committer.put(
            *(Settle(branch, Completed(f'{{"text":"{branch.run.stage}"}}')) for branch in branches),
            Claim(host.queues, 1, host.worker),
        )
        (bottom,) = claim.result().claimed
        assert bottom.outputs["left"] == {None: ('{"text":"left"}', None)}
        assert bottom.outputs["right"] == {None: ('{"text":"right"}', None)}


# ── lists ────────────────────────────────────────────────────────────────────────────────────────


def test_lists_are_filtered_by_owner_pipeline_state_and_code_and_go_in_pages(store: SqlStore) -> None:
    states = (JobState.QUEUED, JobState.FAILED)
    facts = [(owner, state) for owner in ("kim", "lee") for state in states]
    ids = sorted(new_id() for _ in facts)
    jobs = [a_job(id=i, owner=owner, state=state) for i, (owner, state) in zip(ids, facts, strict=True)]
    put(store, *jobs)
    for job, code in zip(jobs, ("a_b", "axb", "a_b", "other"), strict=True):
        put(store, a_run(job, state=RunState.FAILED, error={"code": code, "message": "m"}))
    assert [job.id for job in store.jobs(JobFilter(None))] == ids[::-1]
    assert [job.id for job in store.jobs(JobFilter("kim"))] == [ids[1], ids[0]]
    assert [job.id for job in store.jobs(JobFilter(None, states=(JobState.FAILED,), limit=1))] == [ids[3]]
    assert [job.id for job in store.jobs(JobFilter(None, before=ids[2], limit=1))] == [ids[1]]
    assert store.jobs(JobFilter(None, pipeline="q")) == []
    dead = (RunState.FAILED,)
    assert [run.job_id for run in store.find_runs(RunFilter(None, dead))] == ids[::-1]
    assert [run.job_id for run in store.find_runs(RunFilter("lee", dead))] == [ids[3], ids[2]]
    assert [run.job_id for run in store.find_runs(RunFilter(None, dead, code="a_b"))] == [ids[2], ids[0]]
    assert [run.job_id for run in store.find_runs(RunFilter(None, dead, before=run_id(ids[1], "s")))] == [ids[0]]
    assert store.find_runs(RunFilter(None, (RunState.HELD,))) == []
    assert store.find_runs(RunFilter(None, dead, stage="t")) == []
    assert store.stage_states(ids[0]) == [("s", RunState.FAILED, 1)]
    assert store.last_events(ids) == dict.fromkeys(ids, 0)


def test_ready_runs_are_counted_by_queue_and_age(store: SqlStore) -> None:
    job = a_job()
    put(store, job, *(a_run(job, item=n, due_at=100 + n) for n in range(3)), a_run(job, "t", due_at=50))
    put(store, a_run(job, "u", due_at=1, state=RunState.RUNNING))
    assert dict(store.ready_since(101)) == {"p.s": 2, "p.t": 1}
    assert store.ready_since(10) == []


def test_due_gives_what_has_waited_long_enough_the_most_overdue_first(store: SqlStore) -> None:
    job = a_job()
    waits = (RunState.WAITING, RunState.RETRYING, RunState.PARKED)
    runs = [a_run(job, item=n, state=state, due_at=30 - n) for n, state in enumerate(waits)]
    put(
        store,
        job,
        *runs,
        a_run(job, "held", state=RunState.HELD),
        a_run(job, "late", state=RunState.WAITING, due_at=99),
    )
    assert store.due(30, 10) == [(run.id, job.id) for run in reversed(runs)]
    assert store.due(30, 1) == [(runs[2].id, job.id)]
    assert store.due(27, 10) == []
    assert store.next_due() == 28


# ── workers ──────────────────────────────────────────────────────────────────────────────────────


def test_a_beat_tells_which_leases_hold_and_which_jobs_were_cancelled(store: SqlStore) -> None:
    worker = WorkerRow("w1", "host", 7, ("p.s", "p.t"), 4, 0, 1, 1)
    store.add_worker(worker)
    job, cancelled = a_job(), a_job(cancel_requested=True)
    mine = a_run(job, state=RunState.RUNNING, token="t1", worker="w1")
    stopped = a_run(cancelled, state=RunState.RUNNING, token="t2", worker="w1")
    put(store, job, cancelled, mine, stopped, a_run(job, "t", state=RunState.RUNNING, token="t3", worker="w2"))
    progress = [(mine.id, "t1", 0.5, "half"), (stopped.id, "not-its-token", 0.9, "no")]
    stands, held = store.beat("w1", 99, progress)
    assert stands
    assert sorted(held) == sorted([(mine.id, "t1", False), (stopped.id, "t2", True)])
    assert store.workers() == [replace(worker, beat=1, beat_at=99)]
    assert [(run.progress, run.message) for run in store.runs_of(job.id) if run.id == mine.id] == [(0.5, "half")]
    assert [run.progress for run in store.runs_of(cancelled.id)] == [0.0]
    assert store.lost_workers() == ["w2"]
    assert set(store.running_of("w1")) == {(mine.id, job.id), (stopped.id, cancelled.id)}
    with store.begin() as tx:
        assert tx.holds_leases("w1")
        assert not tx.holds_leases("w3")
        tx.drop_worker("w1")
    assert store.beat("w1", 100, [])[0] is False
    assert sorted(store.lost_workers()) == ["w1", "w2"]


# ── what belongs to a job ────────────────────────────────────────────────────────────────────────


def test_attempts_spends_and_files_are_kept_in_order(database_url: str, store: SqlStore) -> None:
    with processes(database_url, 1, chain()) as (host,):
        job = host.engine.submit("chain", {"text": "x"}).job
        (first,) = host.claim()
        host.settle(first, Failure(Transient("again"), "file.py:1 f"))
        host.clock.advance(60)
        due = store.due(host.clock.now(), 9)
        host.engine.committer.do(OnRuns(due, attempt.promote))
        (second,) = host.claim()
        host.settle(second)
        run = first.run.id
        found = store.attempts([run])
        assert [(attempt.number, attempt.outcome) for attempt in found] == [(1, "retrying"), (2, "completed")]
        assert found[0].error is not None
        assert found[0].error["trace"] == "file.py:1 f"
        spend = Spend(run, job.id, 1, "suno", "v5", 1, 2, 0.125, 3)
        with store.begin() as tx:
            tx.save(Changes(spends=[spend, replace(spend, attempt=2)]))
        assert [kept.attempt for kept in store.spends(job.id)] == [1, 2]
        file = File(uri="local://a", sha256="0" * 64, size=3, type="audio/mpeg", name="노래" * 200)
        store.keep_file(file, job.id, run, "kim", 1)
        assert store.files_of([job.id, "x"]) == ["local://a"]
        assert store.files_of([]) == []


def test_events_are_forgotten_and_jobs_deleted_by_age_and_pipeline(database_url: str, store: SqlStore) -> None:
    with processes(database_url, 1, chain(), chain("other")) as (host,):
        ended = host.engine.submit("chain", {"text": "x"}, owner="kim").job
        host.engine.cancel(ended.id, None)
        now = host.clock.now()
        open_ = host.engine.submit("chain", {"text": "x"}, owner="kim").job
        other = host.engine.submit("other", {"text": "x"}, owner="lee").job
        host.engine.cancel(other.id, None)
        run = store.runs_of(ended.id)[0]
        with store.begin() as tx:
            tx.save(Changes(intents=[Memo(run.id, "m", "t", None, 1)]))
        assert store.ended_jobs("chain", now, 10) == []
        assert store.forget_events("chain", now, 10) == 0
        assert store.forget_events("chain", now + 1, 10) == 1
        assert store.forget_events("chain", now + 1, 10) == 0
        assert store.events(ended.id) == []
        assert len(store.events(other.id)) > 0
        assert store.ended_jobs("chain", now + 1, 10) == [ended.id]
        store.delete_jobs([ended.id])
        assert store.job(ended.id) is None
        assert store.runs_of(ended.id) == []
        assert store.memos(run.id) == []
        assert store.job(open_.id) is not None
        assert store.owner_jobs("kim", 10) == [open_.id]
        store.delete_jobs(store.owner_jobs("kim", 10))
        assert store.owner_jobs("kim", 10) == []
        assert store.owner_jobs("lee", 10) == [other.id]


def test_deleting_jobs_while_they_are_settled_harms_nobody(database_url: str, store: SqlStore) -> None:
    with processes(database_url, 2, chain()) as (worker, cleaner):
        for round_ in range(5):
            ids = [worker.engine.submit("chain", {"text": "x"}, owner=f"gone{round_}").job.id for _ in range(8)]
            claimed = worker.claim(8)
            results = at_once(
                [
                    *(lambda one=one: worker.settle(one) for one in claimed),
                    lambda ids=ids: cleaner.store.delete_jobs(ids),  # type: ignore[misc]
                ]
            )
            assert all(isinstance(problem, LeaseLost) for problem in raised(results)), raised(results)
            cleaner.store.delete_jobs(ids)


def test_a_megabyte_output_and_its_owners_language_survive(database_url: str, store: SqlStore) -> None:
    with processes(database_url, 1, chain()) as (host,):
        job = host.engine.submit("chain", {"text": HARD}).job
        (one,) = host.claim()
        assert one.job.input == store.job(job.id).input  # type: ignore[union-attr]
        output = '{"text":"' + "가🎵" * 140_000 + '"}'
        host.settle(one, Completed(output))
        (two,) = host.claim()
        assert two.outputs["one"][None] == (output, None)
        host.settle(two, Failure(Permanent(HARD + "\ud800" + "x" * 100_000)))
        failed = host.engine.job(job.id, None)
        assert failed.state is JobState.FAILED
        assert failed.error is not None
        assert failed.error["message"].startswith(clean(HARD, lines=True) + "x")
        assert store.events(job.id)[-1].data["message"].startswith(clean(HARD, lines=True))
        (run,) = [run for run in store.runs_of(job.id) if run.stage == "two"]
        with pytest.raises(TooLarge):
            host.engine.signal(run.id, "x" * 40_000)


# ── the database goes away ───────────────────────────────────────────────────────────────────────


def cut_connections(url: str) -> int:
    """End every connection to a database of our own."""
    name = url.rsplit("/", 1)[1]
    if url.startswith("postgresql"):
        with psycopg.connect("postgresql://postgres@127.0.0.1/postgres", autocommit=True) as db:
            query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s"
            return db.execute(query, (name,)).fetchone()[0]  # type: ignore[index]
    with pymysql.connect(host="127.0.0.1", user="root") as db, db.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (name,))
        ids = [row[0] for row in cursor.fetchall()]
        for connection in ids:
            cursor.execute(f"KILL {connection}")
        return len(ids)


def test_a_lost_connection_is_store_unavailable_and_the_next_one_works(database_url: str, store: SqlStore) -> None:
    if store.dialect == "sqlite":
        pytest.skip("SQLite is a file: there is no connection to lose")
    job = a_job()
    put(store, job)
    with pytest.raises(StoreUnavailable), store.begin() as tx:  # noqa: PT012  (it is lost in the middle)
        tx.lock_jobs([job.id])
        assert cut_connections(database_url) > 0
        tx.save(Changes(jobs=[job]))
    assert store.job(job.id) == job
    put(store, a_job())


def test_a_connection_that_is_lost_while_it_is_made_ready_is_store_unavailable(
    database_url: str, store: SqlStore
) -> None:
    """Between the pool's ping and the first statement SQLAlchemy sets the isolation level, and lets errors through."""
    if store.dialect == "sqlite":
        pytest.skip("SQLite is a file: there is no connection to lose")
    job = a_job()
    put(store, job)
    pool = store._reads.pool

    def cut(*_: Any) -> None:
        assert cut_connections(database_url) > 0

    sa.event.listen(pool, "checkout", cut)
    try:
        with pytest.raises(StoreUnavailable):
            store.job(job.id)
    finally:
        sa.event.remove(pool, "checkout", cut)
    assert store.job(job.id) == job


def test_work_goes_on_while_its_connections_are_cut(database_url: str, store: SqlStore) -> None:
    if store.dialect == "sqlite":
        pytest.skip("SQLite is a file: there is no connection to lose")
    with processes(database_url, 1, chain()) as (host,):
        end = threading.Event()

        def submit() -> int:
            count = 0
            while not end.is_set():
                host.engine.submit("chain", {"text": "x"}, key=f"k{count}")
                count += 1
            return count

        def cut() -> None:
            try:
                for _ in range(3):
                    seen = len(store_jobs())
                    wait_until(lambda seen=seen: len(store_jobs()) > seen, 20)  # type: ignore[misc]
                    cut_connections(database_url)
            finally:
                end.set()

        def store_jobs() -> list[Job]:
            return store.jobs(JobFilter(None, limit=1000))

        count, problem = at_once([submit, cut])
        assert problem is None
        jobs = store_jobs()
        assert len(jobs) == len({job.key for job in jobs}) == count
        assert all([event.seq for event in store.events(job.id)] == [1] for job in jobs)


def test_an_intent_whose_commit_was_answered_too_late_is_not_made_twice(database_url: str, store: SqlStore) -> None:
    with processes(database_url, 1, chain()) as (host,):
        host.engine.submit("chain", {"text": "x"})
        (one,) = host.claim()
        memo = Memo(one.run.id, "buy", "tok", None, 1)
        assert host.engine.committer.do(Intend(one, memo)) is False
        intend = Intend(one, memo)
        intend.again = True  # as the committer asks after a lost answer
        assert host.engine.committer.do(intend) is False
        host.engine.committer.do(Remember(replace(memo, value="1")))
        assert [kept.value for kept in store.memos(one.run.id)] == ["1"]


def test_a_submit_whose_commit_was_answered_too_late_is_the_same_job(database_url: str, store: SqlStore) -> None:
    shape = chain()
    with processes(database_url, 1, shape) as (host,):
        job = host.engine.submit("chain", {"text": "x"}, key="k").job
        submit = Submit(shape, job)
        submit.again = True
        again = host.engine.committer.do(submit)
        assert again.created
        assert again.job.id == job.id
        assert len(store.events(job.id)) == 1


def test_work_goes_on_behind_a_pool_that_knows_no_prepared_statements(database_url: str, store: SqlStore) -> None:
    if store.dialect != "postgresql":
        pytest.skip("only PostgreSQL's statements are prepared")
    with processes(database_url, 1, chain()) as (host,):
        for text in "abc":
            host.engine.submit("chain", {"text": text})
            with host.store._batches.connect() as connection:  # as if the next transaction had another session
                connection.exec_driver_sql("DEALLOCATE ALL")
                connection.commit()
        assert len(host.claim(3)) == 3
        with host.store._batches.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar() == 0
