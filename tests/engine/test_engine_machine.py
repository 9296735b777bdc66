"""Random lives of jobs against a small model: whatever is done in whatever order, the guarantees hold after each step.

`STAGEPASS_MACHINE_EXAMPLES=500` looks for longer.
"""

import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from stagepass import Context, Permanent, Pipeline, Retry, Transient
from stagepass.engine.commit.claims import Claim
from stagepass.engine.commit.operations import Settle
from stagepass.engine.model.failpoints import NAMES
from stagepass.engine.model.outcomes import LeaseLost, Released
from stagepass.engine.model.records import TERMINAL
from stagepass.engine.model.states import DONE, ENDED, OPEN, JobState, RunState
from stagepass.errors import Conflict, NotFound
from stagepass.testing import Crash, Lab
from tests.support.shapes import Word, Words

POINTS = [name for name in NAMES if name.split(".")[0] in ("claim", "body", "once", "settle")]
QUICK = Retry(1, wait="1s", jitter=0)

bought: Counter[tuple[str, str]] = Counter()
troubles: dict[str, list[str]] = {}
"""By job: what the next calls of its stages meet."""


def trouble(ctx: Context) -> None:
    left = troubles.get(ctx.job_id)
    match left.pop(0) if left else "":
        case "transient":
            raise Transient("x")
        case "permanent":
            raise Permanent("x")
        case "lost":
            ctx.once("lost", lambda: (_ for _ in ()).throw(Transient("no answer")))


def pay(ctx: Context) -> Any:
    key = (ctx.job_id, ctx.stage if ctx.item is None else f"{ctx.stage}.{ctx.item}")

    def buy() -> int:
        bought[key] += 1
        return bought[key]

    return ctx.once("song", buy)


def shapes() -> list[Pipeline]:
    straight, parted, many = (Pipeline(name, input=Word) for name in ("straight", "parted", "many"))

    @straight.stage(retry=QUICK)
    def one(ctx: Context, request: Word) -> Word:
        trouble(ctx)
        return Word(text=f"{request.text}1")

    @straight.stage(after=one, retry=QUICK)
    def two(ctx: Context, one: Word) -> Word:
        pay(ctx)
        trouble(ctx)
        ctx.wait(lambda: ctx.signal, every="5s", at_most="12s")
        return Word(text=f"{one.text}2")

    @two.on_cancel
    def stop(memos: dict[str, Any]) -> None: ...

    @straight.stage(after=two, retry=QUICK, when=lambda two: "x" not in two.text)
    def three(ctx: Context, two: Word) -> Word:
        return two

    @parted.stage(retry=QUICK)
    def top(ctx: Context, request: Word) -> Word:
        return request

    @parted.stage(after=top, retry=QUICK)
    def left(ctx: Context, top: Word) -> Word:
        pay(ctx)
        trouble(ctx)
        return top

    @parted.stage(after=top, retry=QUICK)
    def right(ctx: Context, top: Word) -> Word:
        trouble(ctx)
        return top

    @parted.stage(after=(left, right), retry=QUICK)
    def bottom(ctx: Context, left: Word, right: Word) -> Word:
        return left

    @many.stage(retry=QUICK)
    def split(ctx: Context, request: Word) -> Words:
        return Words(items=[Word(text=letter) for letter in request.text])

    @many.stage(after=split, each="split.items", collect="any", retry=QUICK)
    def each(ctx: Context, item: Word) -> Word:
        pay(ctx)
        trouble(ctx)
        return item

    @many.stage(after=each, retry=QUICK)
    def join(ctx: Context, each: list[Word]) -> Word:
        return Word(text="".join(word.text for word in each))

    return [straight, parted, many]


class Jobs(RuleBasedStateMachine):
    """One lab; each rule is something that happens to it."""

    jobs = Bundle("jobs")

    @initialize()
    def begin(self) -> None:
        for memory in (bought, troubles):
            memory.clear()
        self.lab = Lab(shapes())
        self.made: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self.held_back: list[Any] = []
        self.allowed: Counter[tuple[str, str]] = Counter()
        """How often a purchase may have been made: once, and once more for each word of a person."""
        self.last: dict[str, dict[str, RunState]] = {}
        self.remade: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "lab"):
            try:
                self.everything_comes_to_an_end()
            finally:
                self.lab.close()

    # ── what happens ──

    @rule(
        target=jobs,
        shape=st.sampled_from(["straight", "parted", "many"]),
        text=st.sampled_from(["a", "xy", "abc", ""]),
        key=st.sampled_from([None, None, "k1", "k2"]),
        stepwise=st.booleans(),
        owner=st.sampled_from(["kim", "lee"]),
        meets=st.lists(st.sampled_from(["", "transient", "permanent", "lost"]), max_size=4),
    )
    def submit(self, shape: str, text: str, key: str | None, stepwise: bool, owner: str, meets: list[str]) -> Any:
        try:
            accepted = self.lab.engine.submit(shape, {"text": text}, owner=owner, key=key, stepwise=stepwise)
        except Conflict:
            assert key
            assert f"{owner} {key}" in self.keys
            return multiple()
        known = self.keys.setdefault(f"{owner} {key}", accepted.job.id) if key else accepted.job.id
        assert accepted.job.id == known, "one job for one key"
        assert accepted.created == (known not in self.made)
        if accepted.created:
            self.made[known] = shape
            troubles[known] = list(meets)
        return known

    @rule(times=st.integers(1, 6))
    def work(self, times: int) -> None:
        for _ in range(times):
            if not self.lab.step():
                return

    @rule(limit=st.integers(1, 3))
    def claim_and_dawdle(self, limit: int) -> None:
        self.held_back += self.lab.engine.committer.do(
            Claim(tuple(self.lab.registry.queues()), limit, self.lab.worker)
        ).claimed

    @rule(how=st.sampled_from(["run", "release"]))
    def dawdler_ends(self, how: str) -> None:
        if self.held_back:
            claimed = self.held_back.pop(0)
            if how == "run":
                self.lab.attempt(claimed)
            elif how == "release":
                self.settle(claimed, Released())

    def settle(self, claimed: Any, outcome: Any) -> None:
        try:
            self.lab.engine.committer.do(Settle(claimed, outcome))
        except LeaseLost:
            run = self.lab.store.run(claimed.run.id)
            assert run is None or run.token != claimed.token

    @rule(point=st.sampled_from(POINTS), times=st.integers(1, 2))
    def crash(self, point: str, times: int) -> None:
        self.lab.crash(point, times=times)
        try:
            while self.lab.step():
                pass
        except Crash:
            pass
        self.lab.recover()  # the dawdlers are zombies now

    @rule(seconds=st.sampled_from([1, 5, 30, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.lab.clock.advance(seconds)
        self.lab.relay.promote()

    @rule(job=jobs)
    def cancel(self, job: str) -> None:
        self.ask(lambda: self.lab.engine.cancel(job, None))

    @rule(job=jobs)
    def resume(self, job: str) -> None:
        self.ask(lambda: self.lab.engine.resume(job, None))

    @rule(job=jobs, which=st.integers(0, 3))
    def retry(self, job: str, which: int) -> None:
        pipeline = self.lab.registry.latest(self.made[job])
        stage = list(pipeline.stages.values())[which % len(pipeline.stages)]
        if self.ask(lambda: self.lab.engine.retry(job, stage.name, None)):
            self.remade.add(job)
            again = {stage.name, *(other.name for other in pipeline.downstream(stage))}
            for key in bought:
                if key[0] == job and key[1].split(".")[0] in again:
                    self.allowed[key] = bought[key]

    @rule(job=jobs, payload=st.integers(1, 9))
    def signal(self, job: str, payload: int) -> None:
        for run in self.lab.store.runs_of(job):
            self.lab.engine.signal(run.id, payload)

    @rule(job=jobs, again=st.booleans())
    def decide(self, job: str, again: bool) -> None:
        for run in self.lab.store.runs_of(job):
            for memo in self.lab.store.memos(run.id):
                if memo.value is None and run.state is RunState.HELD:
                    key = (job, run.stage if run.item is None else f"{run.stage}.{run.item}")
                    value = None if again else 1
                    if (
                        self.ask(
                            lambda run=run, memo=memo, value=value: self.lab.engine.decide(  # type: ignore[misc]
                                run.id, None, name=memo.name, value=value, again=again
                            )
                        )
                        and again
                        and memo.name == "song"
                    ):
                        self.allowed[key] = bought[key]

    @rule(job=jobs)
    def discard(self, job: str) -> None:
        for run in self.lab.store.runs_of(job):
            self.ask(lambda run=run: self.lab.engine.discard(run.id, None))  # type: ignore[misc]

    def ask(self, act: Any) -> bool:
        try:
            act()
        except (Conflict, NotFound):
            return False
        return True

    # ── what always holds ──

    @invariant()
    def guarantees_hold(self) -> None:
        if not hasattr(self, "lab"):
            return
        for job_id in self.made:
            self.look_at(job_id)

    def look_at(self, job_id: str) -> None:
        lab = self.lab
        job, runs = lab.job(job_id), lab.store.runs_of(job_id)
        events = lab.engine.events(job_id, limit=10_000)
        assert [event.seq for event in events] == list(range(1, job.seq + 1)), "no gap"
        alive = True
        for event in events:
            if event.type in TERMINAL:
                assert alive, "one terminal event per life"
                alive = False
            elif event.type == "job.resumed":
                alive = True
            else:
                assert alive or event.type == "stage.discarded", f"{event.type} after the job's end"
        assert alive == (job.state not in ENDED)
        if not alive:
            last = [event.type for event in events if event.type in TERMINAL][-1]
            assert last == f"job.{job.state.value}", "the state is what the events say"
        rows: Counter[str] = Counter(run.stage for run in runs)
        done = Counter(run.stage for run in runs if run.state in DONE or run.notes.counted)
        for stage, tally in job.tally.items():
            assert (tally.total, tally.done) == (rows[stage], done[stage]), f"{stage}: the tally equals the rows"
        for run in runs:
            assert (run.token is not None) == (run.state is RunState.RUNNING) == (run.worker is not None)
        states = {run.id: run.state for run in runs}
        if job_id not in self.remade:
            for run_id, before in self.last.get(job_id, {}).items():
                if before in DONE:
                    assert states[run_id] is before, "what is done stays done"
        self.remade.discard(job_id)
        self.last[job_id] = states
        for key, count in bought.items():
            if key[0] == job_id:
                assert count <= self.allowed[key] + 1, f"{key} was bought twice"
        open_ = [run for run in runs if run.state in OPEN]
        if job.state in ENDED:
            assert all(run.state is RunState.RUNNING for run in open_), "nothing waits in a job that has ended"
        else:
            assert open_, "something can go on"
        if job.state is JobState.HELD:
            assert {run.state for run in open_} == {RunState.HELD}
        if {run.state for run in open_} == {RunState.HELD} and job.state not in ENDED:
            assert job.state is JobState.HELD, "a job of which nothing can go on says so"
        if job.state is JobState.COMPLETED:
            assert set(job.tally) == set(lab.registry.latest(job.pipeline).stages)

    def everything_comes_to_an_end(self) -> None:
        self.held_back.clear()
        self.lab.recover()
        for job_id in self.made:
            job = self.lab.finish(self.lab.job(job_id))
            assert job.state in ENDED or job.state is JobState.HELD
        self.guarantees_hold()


EXAMPLES = int(os.environ.get("STAGEPASS_MACHINE_EXAMPLES", "25"))

Jobs.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    derandomize=EXAMPLES <= 25,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestJobs = pytest.mark.timeout(3600)(Jobs.TestCase)
