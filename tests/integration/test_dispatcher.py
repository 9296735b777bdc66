"""A worker's threads, on a real store: slots, limits of time, leases, drains, and wakes that are never lost."""

import asyncio
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import pytest
from pydantic import BaseModel

from stagepass import Context, Pipeline, Retry
from stagepass.engine.commit.claims import Claim
from stagepass.engine.commit.operations import Settle
from stagepass.engine.maintain.relay import Relay
from stagepass.engine.model import failpoints
from stagepass.engine.model.filters import RunFilter
from stagepass.engine.model.machine import place
from stagepass.engine.model.outcomes import Unknown
from stagepass.engine.model.records import WorkerRow
from stagepass.engine.model.states import JobState, RunState
from stagepass.store import SqlStore
from stagepass.testing import HandClock
from tests.support.crew import Crew, crew
from tests.support.shapes import Word, chain, diamond, fan
from tests.support.waiting import wait_until


class Gatekeeper:
    """A stage waits here until the test opens it; the test sees who has arrived."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.inside = 0
        self._lock = threading.Lock()

    def come(self) -> None:
        with self._lock:
            self.inside += 1
        assert self.open.wait(60)

    def wait_for(self, count: int) -> None:
        wait_until(lambda: self.inside >= count, 20, f"{count} are inside")


def gated(gate: Gatekeeper, **options: object) -> Pipeline:
    return chain(acts={"one": lambda ctx, _: gate.come()}, **options)


def test_a_hundred_stages_run_at_once(tmp_path: Path) -> None:
    gate = Gatekeeper()
    with crew(tmp_path, 100, gated(gate)) as worker:
        jobs = [worker.submit() for _ in range(100)]
        worker.dispatcher.start()
        gate.wait_for(100)
        assert worker.dispatcher.free == 0
        gate.open.set()
        assert {worker.ended(job, 60).state for job in jobs} == {JobState.COMPLETED}


def test_a_hundred_async_stages_run_at_once_on_one_loop(tmp_path: Path) -> None:
    p = Pipeline("waits", input=Word)
    inside, everybody, threads = [0], asyncio.Event(), set()

    @p.stage()
    async def meet(ctx: Context, request: Word) -> Word:
        threads.add(threading.get_ident())
        inside[0] += 1
        if inside[0] == 100:
            everybody.set()
        await asyncio.wait_for(everybody.wait(), 30)
        return request

    with crew(tmp_path, 100, p) as worker:
        jobs = [worker.submit() for _ in range(100)]
        worker.dispatcher.start()
        assert {worker.ended(job, 60).state for job in jobs} == {JobState.COMPLETED}
    assert len(threads) == 1


def test_lesson_20_past_its_limit_an_attempt_is_over_and_the_late_threads_writes_are_refused(tmp_path: Path) -> None:
    late, told, seen = threading.Event(), threading.Event(), []

    def body(ctx: Context, stage: str) -> None:
        if ctx.attempt > 1:
            return
        assert late.wait(60)
        try:
            ctx.once("buy", lambda: seen.append("bought"))
        except BaseException as problem:
            seen.append(type(problem).__name__)
            raise
        finally:
            told.set()

    shape = chain(acts={"one": body}, time_limit="300ms", run_limit="30s", retry=Retry(1, wait="10ms"))
    with crew(tmp_path, 1, shape) as worker:
        job = worker.submit()
        worker.dispatcher.start()
        assert worker.ended(job).state is JobState.COMPLETED  # by the second attempt, in the only slot
        assert worker.dispatcher.stuck == 1
        late.set()
        assert told.wait(10)
        wait_until(lambda: worker.dispatcher.stuck == 0)
        assert seen == ["LeaseLost"]
        events = worker.events(job)
        assert events.count("stage.completed one") == 1
        assert "stage.failed one" not in events
        retried = [event for event in worker.engine.events(job) if event.type == "stage.retrying"]
        assert [event.data["code"] for event in retried] == ["timed_out"]


def test_an_async_stage_past_its_limit_is_interrupted(tmp_path: Path) -> None:
    p = Pipeline("stuck", input=Word)
    ended = threading.Event()

    @p.stage(time_limit="200ms", retry=Retry(0))
    async def forever(ctx: Context, request: Word) -> Word:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return request

    with crew(tmp_path, 1, p) as worker:
        job = worker.submit()
        worker.dispatcher.start()
        failed = worker.ended(job)
        assert failed.error is not None
        assert failed.error["code"] == "timed_out"
        assert ended.wait(10)
        wait_until(lambda: worker.dispatcher.stuck == 0)


@pytest.mark.parametrize("kind", ["exit", "cancel"])
def test_a_stage_that_ends_its_loop_or_itself_harms_no_other(tmp_path: Path, kind: str) -> None:
    p = Pipeline("bad", input=Word)

    @p.stage(retry=Retry(0))
    async def act(ctx: Context, request: Word) -> Word:
        if request.text == "exit":
            raise SystemExit(3)
        if request.text == "cancel":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)
        return request

    with crew(tmp_path, 1, p) as worker:
        worker.dispatcher.start()
        bad = worker.ended(worker.submit(kind))
        assert bad.error is not None
        assert bad.error["code"] == "permanent"
        assert worker.ended(worker.submit("good")).state is JobState.COMPLETED


def test_a_process_with_too_many_stuck_threads_asks_to_be_replaced(tmp_path: Path) -> None:
    release, replaced = threading.Event(), threading.Event()
    shape = chain(acts={"one": lambda ctx, _: release.wait(60)}, time_limit="50ms", retry=Retry(0))
    with crew(tmp_path, 4, shape, too_many_stuck=replaced.set) as worker:
        worker.dispatcher.start()
        for job in [worker.submit() for _ in range(2)]:
            worker.ended(job)
        assert not replaced.is_set()
        worker.submit()
        assert replaced.wait(10)
        release.set()


def test_a_process_ends_although_a_thread_of_it_never_does() -> None:
    import subprocess
    import sys

    code = """
import threading, sys, tempfile, pathlib
from stagepass import Retry
from tests.support.crew import Crew
from tests.support.shapes import chain
shape = chain(acts={"one": lambda ctx, _: threading.Event().wait()}, time_limit="50ms", retry=Retry(0))
folder = pathlib.Path(tempfile.mkdtemp())
worker = Crew(f"sqlite:///{folder / 'x.db'}", [shape], 1, folder)
worker.store.create_all()
worker.dispatcher.start()
worker.ended(worker.submit())
worker.close()
"""
    done = subprocess.run([sys.executable, "-c", code], timeout=30, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_cannot_be_stored_fails_instead_of_hanging(tmp_path: Path) -> None:
    p = Pipeline("odd", input=Word)

    @p.stage(retry=Retry(0))
    def one(ctx: Context, request: Word) -> Word:
        raise ValueError("half a character: \ud800 and a zero: \0")

    with crew(tmp_path, 1, p) as worker:
        worker.dispatcher.start()
        assert worker.ended(worker.submit()).state is JobState.FAILED


# ── leases ───────────────────────────────────────────────────────────────────────────────────────


def test_a_lost_lease_is_noticed_at_the_next_ctx_call_and_the_result_is_dropped(tmp_path: Path) -> None:
    gate, ends = Gatekeeper(), []

    def body(ctx: Context, stage: str) -> None:
        if ctx.attempt > 1:
            return
        gate.come()
        try:
            ctx.progress(0.5)
        except BaseException as problem:
            ends.append(type(problem).__name__)
            raise

    with crew(tmp_path, 2, chain(acts={"one": body})) as worker:
        worker.heartbeat._register()
        job = worker.submit()
        worker.dispatcher.start()
        gate.wait_for(1)
        assert worker.relay.rescue_worker(worker.dispatcher.worker) == 1
        worker.heartbeat.beat()  # brings the news, and registers again
        assert [row.id for row in worker.store.workers()] == [worker.dispatcher.worker]
        worker.dispatcher.wake()
        assert worker.ended(job).state is JobState.COMPLETED
        gate.open.set()
        wait_until(lambda: ends == ["LeaseLost"])
        assert worker.events(job).count("stage.completed one") == 1


def test_a_zombie_that_finished_is_refused(tmp_path: Path) -> None:
    gate = Gatekeeper()

    def body(ctx: Context, stage: str) -> None:
        if ctx.attempt == 1:
            gate.come()

    with crew(tmp_path, 2, chain(acts={"one": body})) as worker:
        worker.heartbeat._register()
        job = worker.submit()
        worker.dispatcher.start()
        gate.wait_for(1)
        worker.relay.rescue_worker(worker.dispatcher.worker)
        worker.dispatcher.wake()
        assert worker.ended(job).state is JobState.COMPLETED
        before = worker.engine.events(job)
        settled = worker.dispatcher.settled
        gate.open.set()  # without a beat, it does not know
        wait_until(lambda: worker.dispatcher.settled > settled)
        assert worker.engine.events(job) == before


def test_a_cancel_reaches_a_running_stage_by_the_next_beat(tmp_path: Path) -> None:
    gate = Gatekeeper()

    def body(ctx: Context, stage: str) -> None:
        gate.come()
        ctx.check()

    with crew(tmp_path, 1, chain(acts={"one": body})) as worker:
        worker.heartbeat._register()
        job = worker.submit()
        worker.dispatcher.start()
        gate.wait_for(1)
        worker.engine.cancel(job, None)
        worker.heartbeat.beat()
        gate.open.set()
        assert worker.ended(job).state is JobState.CANCELLED
        assert worker.events(job)[-3:] == ["job.cancelling", "stage.cancelled one", "job.cancelled"]


def test_a_claim_whose_answer_was_lost_is_given_back_by_the_heart(tmp_path: Path) -> None:
    with crew(tmp_path, 1, chain()) as worker:
        worker.heartbeat._register()
        job = worker.submit()
        claim = Claim(worker.dispatcher.queues, 1, worker.dispatcher.worker)
        (lost,) = worker.engine.committer.do(claim).claimed  # and nobody takes it
        worker.heartbeat.beat()
        run = worker.store.run(lost.run.id)
        assert run is not None
        assert run.state is RunState.RUNNING, "it may still be on its way to a slot"
        worker.heartbeat.beat()
        worker.dispatcher.start()
        assert worker.ended(job).state is JobState.COMPLETED
        assert [a.number for a in worker.store.attempts([lost.run.id])] == [1], "no attempt was spent"


def test_lesson_5_what_another_release_parked_is_fetched_by_who_knows_it(tmp_path: Path) -> None:
    """Nobody makes anything due, and no bell rings: the beat of the worker that knows it is enough."""
    url = f"sqlite:///{tmp_path / 'crew.db'}"
    with crew(tmp_path, 2, chain(version=2)) as new, crew(tmp_path, 2, chain(), url=url) as old:
        jobs = [old.submit() for _ in range(5)]
        new.dispatcher.start()
        wait_until(lambda: {run.state for job in jobs for run in old.store.runs_of(job)} == {RunState.PARKED})
        old.dispatcher.start()
        old.heartbeat.start()
        wait_until(lambda: {old.job(job).state for job in jobs} == {JobState.COMPLETED})
        old.heartbeat.stop()
        runs = [run for job in jobs for run in old.store.runs_of(job)]
        assert {(run.attempts, run.worker) for run in runs} == {(1, None)}
        assert old.events(jobs[0])[:3] == ["job.accepted", "stage.parked one", "stage.started one"]


def parked(worker: Crew) -> str:
    """A job whose first stage was claimed by a worker that does not know it."""
    job = worker.submit()
    (claimed,) = worker.engine.committer.do(Claim(worker.dispatcher.queues, 1, "of another release")).claimed
    worker.engine.committer.do(Settle(claimed, Unknown("x")))
    return job


@pytest.mark.parametrize(
    "elsewhere", [{"queues": ("chain.two",)}, {"pipelines": (chain(version=3),)}], ids=["other queues", "no version"]
)
def test_parked_work_is_left_to_those_who_serve_and_know_it(tmp_path: Path, elsewhere: dict[str, Any]) -> None:
    url, pipelines = f"sqlite:///{tmp_path / 'crew.db'}", elsewhere.pop("pipelines", (chain(),))
    with crew(tmp_path, 1, chain()) as here, crew(tmp_path, 1, *pipelines, url=url, **elsewhere) as other:
        job = parked(here)
        other.heartbeat._register()
        other.dispatcher.start()
        other.heartbeat.beat()
        assert other.dispatcher.wait_idle(time.monotonic() + 10)
        (run,) = here.store.runs_of(job)
        assert (run.state, run.notes.parked) == (RunState.PARKED, 1)


def test_one_beat_fetches_more_than_there_are_slots(tmp_path: Path) -> None:
    p = Pipeline("single", input=Word)  # with no next stage, whose bell would wake the worker

    @p.stage()
    def only(request: Word) -> Word:
        return request

    with crew(tmp_path, 1, p) as worker:
        jobs = [parked(worker) for _ in range(3)]
        worker.heartbeat._register()
        worker.dispatcher.start()
        worker.heartbeat.beat()
        wait_until(lambda: {worker.job(job).state for job in jobs} == {JobState.COMPLETED})


def test_what_was_parked_goes_before_what_is_ready(tmp_path: Path) -> None:
    gate, begun = Gatekeeper(), []

    def body(ctx: Context, stage: str) -> None:
        begun.append(ctx.job_id)
        gate.come()

    with crew(tmp_path, 1, chain(acts={"one": body})) as worker:
        first = parked(worker)
        ready = [worker.submit() for _ in range(3)]
        worker.heartbeat._register()
        worker.dispatcher.start()
        gate.wait_for(1)
        worker.heartbeat.beat()
        gate.open.set()
        wait_until(lambda: len(begun) == 4)
        assert begun[:2] == [ready[0], first]
        assert {worker.ended(job).state for job in (first, *ready)} == {JobState.COMPLETED}


def test_progress_reaches_the_store_with_the_beat(tmp_path: Path) -> None:
    gate = Gatekeeper()

    def body(ctx: Context, stage: str) -> None:
        ctx.progress(0.4, "near\0ly")
        gate.come()

    with crew(tmp_path, 1, chain(acts={"one": body})) as worker:
        worker.heartbeat._register()
        job = worker.submit()
        worker.dispatcher.start()
        gate.wait_for(1)
        worker.heartbeat.beat()
        (run,) = worker.store.runs_of(job)
        assert (run.progress, run.message) == (0.4, "nearly")
        gate.open.set()
        worker.ended(job)


def test_a_pause_of_the_relay_or_of_the_database_is_nobodys_death(tmp_path: Path) -> None:
    with crew(tmp_path, 1, chain()) as worker:
        clock = HandClock()
        relay = Relay(worker.store, worker.engine.committer, worker.recorder, clock)
        worker.store.add_worker(WorkerRow("far", "elsewhere", 1, ("chain.one",), 1, 7, 1, 1))
        relay.rescue()
        clock.advance(3600)  # nobody could look, and nobody could beat
        clock.jump(-7200)
        assert relay.rescue() == 0
        assert len(worker.store.workers()) == 1
        for _ in range(2):
            clock.advance(1)
            relay.rescue()
        worker.store.beat("far", 1, [])
        for _ in range(5):
            clock.advance(1)
            relay.rescue()
        assert len(worker.store.workers()) == 1
        clock.advance(1)
        relay.rescue()
        assert worker.store.workers() == [], "five seconds of silence that we watched are enough"


def test_a_worker_of_this_machine_whose_process_is_gone_is_dead_at_once(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait(30)
    with crew(tmp_path, 1, chain()) as worker:
        relay = Relay(worker.store, worker.engine.committer, worker.recorder, HandClock())
        rows = {"gone": (place(), gone.pid), "alive": (place(), os.getpid()), "elsewhere": ("elsewhere", gone.pid)}
        for name, (host, pid) in rows.items():
            worker.store.add_worker(WorkerRow(name, host, pid, ("chain.one",), 1, 7, 1, 1))
        relay.rescue()
        assert {row.id for row in worker.store.workers()} == {"alive", "elsewhere"}


@contextmanager
def signalled(act: Callable[[], None], *where: FunctionType, call: int = 1) -> Iterator[None]:
    """A signal comes, and its handler runs `act`, at the first call of these functions by this thread, or a later."""
    codes, calls = [function.__code__ for function in where], itertools.count(1)

    def trace(frame: FrameType, event: str, _: object) -> None:
        if frame.f_code in codes and next(calls) == call:
            sys.settrace(None)
            signal.raise_signal(signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, lambda *_: act())
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(None)
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.timeout(30)
def test_a_signal_in_the_middle_of_a_wait_stops_a_relay(tmp_path: Path) -> None:
    """An event's own wait is where its lock would be held."""
    where = (Relay.step, threading.Condition.wait)
    with crew(tmp_path, 1, chain()) as worker, signalled(worker.relay.stop, *where, call=2):
        worker.relay.run()


@pytest.mark.timeout(30)
def test_a_signal_in_the_middle_of_a_wake_makes_a_worker_claim_no_more(tmp_path: Path) -> None:
    with crew(tmp_path, 1, chain()) as worker:
        with signalled(worker.dispatcher.stop_claiming, threading.Condition.notify):
            worker.dispatcher.wake()
        job = worker.submit()
        worker.dispatcher.start()
        worker.dispatcher.drain(0)
        assert worker.job(job).state is JobState.QUEUED


def test_work_of_a_worker_without_a_row_is_rescued(tmp_path: Path) -> None:
    with crew(tmp_path, 1, chain()) as worker:
        clock = HandClock()
        relay = Relay(worker.store, worker.engine.committer, worker.recorder, clock)
        job = worker.submit()
        worker.engine.committer.do(Claim(worker.dispatcher.queues, 1, "nobody"))
        for _ in range(8):
            clock.advance(1)
            relay.rescue()
        assert worker.events(job)[-1] == "stage.rescued one"


# ── stopping ─────────────────────────────────────────────────────────────────────────────────────


def test_a_drain_lets_what_runs_end_and_begins_nothing_more(tmp_path: Path) -> None:
    gate = Gatekeeper()
    with crew(tmp_path, 1, gated(gate)) as worker:
        jobs = [worker.submit(), worker.submit()]
        worker.dispatcher.start()
        gate.wait_for(1)
        worker.dispatcher.stop_claiming()
        gate.open.set()
        worker.dispatcher.drain(10)
        states = sorted(run.state for job in jobs for run in worker.store.runs_of(job))
        assert states == [RunState.COMPLETED, RunState.READY, RunState.READY]


def test_a_drain_gives_back_what_does_not_end_without_spending_an_attempt(tmp_path: Path) -> None:
    gate = Gatekeeper()
    with crew(tmp_path, 1, gated(gate)) as worker:
        job = worker.submit()
        worker.dispatcher.start()
        gate.wait_for(1)
        worker.dispatcher.drain(0.05)
        (run,) = worker.store.runs_of(job)
        assert (run.state, run.token, run.worker) == (RunState.READY, None, None)
        gate.open.set()
        wait_until(lambda: worker.dispatcher.stuck == 0)
        with crew(tmp_path, 1, chain(), url=f"sqlite:///{tmp_path / 'crew.db'}") as other:
            other.dispatcher.start()
            assert other.ended(job).state is JobState.COMPLETED
        assert [attempt.number for attempt in worker.store.attempts([run.id])] == [1]
        assert worker.events(job).count("stage.started one") == 1


def test_a_drain_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'crew.db'}"
    dice = random.Random(4)
    with crew(tmp_path, 2, chain()) as client:
        client.engine.dispatcher = None
        jobs = [client.submit() for _ in range(60)]
        for _ in range(12):
            with crew(tmp_path, 3, chain(), url=url) as worker:
                worker.dispatcher.start()
                wait_until(
                    lambda goal=worker.dispatcher.settled + dice.randint(0, 12): worker.dispatcher.settled >= goal
                )  # type: ignore[misc]
            stuck = client.store.find_runs(RunFilter(None, (RunState.RUNNING,)))
            assert stuck == []
        with crew(tmp_path, 3, chain(), url=url) as worker:
            worker.dispatcher.start()
            for job in jobs:
                assert worker.ended(job).state is JobState.COMPLETED
                runs = [run.id for run in worker.store.runs_of(job)]
                assert [attempt.outcome for attempt in worker.store.attempts(runs)] == ["completed"] * 3


def test_a_drain_waits_for_what_is_being_stored(tmp_path: Path) -> None:
    at_the_door, go_on, drained = threading.Event(), threading.Event(), threading.Event()

    def hold() -> None:
        at_the_door.set()
        assert go_on.wait(20)

    with crew(tmp_path, 1, chain()) as worker:
        job = worker.submit()
        failpoints.arm("settle.before_commit", hold)
        worker.dispatcher.start()
        assert at_the_door.wait(10)
        drain = threading.Thread(target=lambda: (worker.dispatcher.drain(10), drained.set()))
        drain.start()
        assert not drained.wait(0.3)
        go_on.set()
        drain.join(10)
        (run, *_) = worker.store.runs_of(job)
        assert run.state is RunState.COMPLETED


# ── going on ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("make", [diamond, fan])
def test_what_ends_in_one_transaction_with_the_next_claim_is_handed_on(tmp_path: Path, make: object) -> None:
    shape = make()  # type: ignore[operator]
    with crew(tmp_path, 4, shape) as worker:
        jobs = {worker.submit(text): text for text in ("ab", "c", "-", "defghijk")}
        worker.dispatcher.start()
        for job, text in jobs.items():
            ended = worker.ended(job)
            assert ended.state is JobState.COMPLETED, ended.error
            result = worker.engine.result(ended)["text"]
            assert result == (f"{text}tl{text}trb" if shape.name == "diamond" else text.replace("-", "").upper())


def test_queues_of_one_worker_are_served_in_turn_also_while_one_has_a_backlog(tmp_path: Path) -> None:
    first, second = chain("aaa"), chain("bbb")
    with crew(tmp_path, 1, first, second, queues=("aaa.one", "bbb.one")) as worker:
        for _ in range(30):
            worker.engine.submit("aaa", {"text": "x"})
        for _ in range(3):
            worker.engine.submit("bbb", {"text": "x"})
        order: list[str] = []
        first.stages["one"].body = _noting(first.stages["one"].body, order, "a")
        second.stages["one"].body = _noting(second.stages["one"].body, order, "b")
        worker.dispatcher.start()
        wait_until(lambda: len(order) == 33)
        assert "".join(order[:8]).count("b") == 3, "".join(order)


def _noting(body: object, order: list[str], letter: str) -> object:
    def noted(**values: object) -> object:
        order.append(letter)
        return body(**values)  # type: ignore[operator]

    return noted


def test_no_wake_is_ever_lost(tmp_path: Path) -> None:
    """Without a heart, a relay or a broker, each job is begun at once while slots are free."""
    with crew(tmp_path, 4, chain()) as worker:
        worker.dispatcher.start()
        dice = random.Random(7)
        for _ in range(250):
            job = worker.submit()
            if dice.random() < 0.6:  # else the next one comes while this one runs
                wait_until(lambda job=job: worker.job(job).state is JobState.COMPLETED, 5)  # type: ignore[misc]
        wait_until(lambda: worker.dispatcher.wait_idle(time.monotonic()), 20)
        assert worker.store.find_runs(RunFilter(None, (RunState.READY, RunState.RUNNING))) == []


def test_a_wake_is_heard_while_other_slots_are_busy(tmp_path: Path) -> None:
    gate = Gatekeeper()
    with crew(tmp_path, 2, chain(acts={"one": lambda ctx, _: gate.come() if ctx.owner == "slow" else None})) as worker:
        worker.dispatcher.start()
        slow = worker.submit(owner="slow")
        gate.wait_for(1)
        for _ in range(20):
            assert worker.ended(worker.submit(), 5).state is JobState.COMPLETED
        gate.open.set()
        worker.ended(slow)


def test_a_wake_in_the_middle_of_a_look_makes_it_look_again(tmp_path: Path) -> None:
    looking, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        looking.set()
        assert go_on.wait(20)

    url = f"sqlite:///{tmp_path / 'crew.db'}"
    with crew(tmp_path, 1, chain()) as worker, crew(tmp_path, 1, chain(), url=url) as client:
        client.engine.dispatcher = None
        failpoints.arm("claim.after_commit", hold)  # it has found nothing
        worker.dispatcher.start()
        assert looking.wait(10)
        job = client.submit()
        worker.dispatcher.wake()
        go_on.set()
        assert worker.ended(job, 5).state is JobState.COMPLETED


def test_what_another_process_held_is_looked_at_again_without_a_bell(
    database_url: str, store: SqlStore, tmp_path: Path
) -> None:
    if store.dialect == "sqlite":
        pytest.skip("SQLite has one writer: nobody is left out")
    looked = threading.Event()
    with crew(tmp_path, 1, chain(), url=database_url) as worker:
        job = worker.submit()
        failpoints.arm("claim.after_commit", looked.set)
        with store.begin() as tx:
            tx.lock_jobs([job])
            worker.dispatcher.start()
            assert looked.wait(10)
        assert worker.ended(job, 5).state is JobState.COMPLETED


def test_two_workers_on_one_store_share_the_work_and_leave_none(
    database_url: str, store: SqlStore, tmp_path: Path
) -> None:
    """Neither has a heart; each rings the other, as the broker would."""
    shapes = [diamond(), diamond()]
    with (
        crew(tmp_path, 3, shapes[0], url=database_url) as one,
        crew(tmp_path, 3, shapes[1], url=database_url) as two,
    ):
        one.recorder.ring = lambda *_, **__: two.dispatcher.wake()  # type: ignore[method-assign, assignment]
        two.recorder.ring = lambda *_, **__: one.dispatcher.wake()  # type: ignore[method-assign, assignment]
        one.dispatcher._ring, two.dispatcher._ring = one.recorder.ring, two.recorder.ring
        one.dispatcher.start()
        two.dispatcher.start()
        jobs = [one.submit() for _ in range(60)]
        for job in jobs:
            assert one.ended(job, 30).state is JobState.COMPLETED
        assert len(shapes[0].calls) + len(shapes[1].calls) == 240  # type: ignore[attr-defined]
        assert min(len(shape.calls) for shape in shapes) > 24  # type: ignore[attr-defined]
        both = (RunState.READY, RunState.RUNNING)
        assert store.find_runs(RunFilter(None, both)) == []


def test_lesson_22_a_running_stage_holds_no_connection_to_the_database(tmp_path: Path) -> None:
    gate = Gatekeeper()
    with crew(tmp_path, 20, gated(gate)) as worker:
        jobs = [worker.submit() for _ in range(20)]
        worker.dispatcher.start()
        gate.wait_for(20)
        wait_until(lambda: worker.store._writes.pool.checkedout() == 0)  # type: ignore[attr-defined]
        assert worker.store._reads.pool.checkedout() == 0  # type: ignore[attr-defined]
        gate.open.set()
        for job in jobs:
            worker.ended(job)


class Big(BaseModel):
    text: str


def test_an_output_that_is_too_large_says_where_it_belongs(tmp_path: Path) -> None:
    p = Pipeline("big", input=Word)

    @p.stage()
    def make(ctx: Context, request: Word) -> Big:
        return Big(text="가" * 400_000)

    with crew(tmp_path, 1, p) as worker:
        worker.dispatcher.start()
        failed = worker.ended(worker.submit())
        assert failed.error is not None
        assert "ctx.files" in failed.error["message"]
