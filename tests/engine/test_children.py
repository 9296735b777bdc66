"""Nested jobs: a stage starts a job of another pipeline once, waits without a slot, and hears how it ended."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from stagepass import Again, Context, Permanent, Pipeline, Retry
from stagepass.engine.commit.child_jobs import cancel_orphans
from stagepass.engine.commit.committer import Committer
from stagepass.engine.commit.operation import Operation
from stagepass.engine.commit.operations import OnJob
from stagepass.engine.model.filters import JobFilter
from stagepass.engine.model.orders import Anew
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import JobState
from stagepass.engine.rules import stop
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.testing import Crash, Lab


class Text(BaseModel):
    text: str


class Word(BaseModel):
    word: str


shout = Pipeline("shout", input=Word)
story = Pipeline("story", input=Text)
brave = Pipeline("brave", input=Text)
both = Pipeline("both", input=Text)
broken: set[str] = set()
"""Words that fail for now."""


@shout.stage()
def upper(request: Word) -> str:
    if request.word in broken:
        raise Permanent("this word is broken", advice="mend it")
    return request.word.upper()


@shout.stage(after=upper)
def mark(upper: str) -> Word:
    return Word(word=f"{upper}!")


@story.stage()
def tell(ctx: Context, request: Text) -> str:
    said: Word = ctx.run("shout", Word(word=request.text), type=Word)
    return f"once {said.word}"


@brave.stage(
    time_limit="2h", run_limit="3h", retry=Retry(2, wait="1s", special={"child_failed": Again(times=1, wait="5s")})
)
def dare(ctx: Context, request: Text) -> str:
    return str(ctx.run("shout", {"word": request.text})["word"])


@both.stage()
def pair(ctx: Context, request: Text) -> list[str]:
    first = ctx.run("shout", {"word": request.text}, name="first")
    second = ctx.run("shout", {"word": first["word"]}, name="second")
    return [first["word"], second["word"]]


class Nothing(Operation):
    """The committer is at rest when this is done: what was put on it before is carried out."""

    def apply(self, uow: UnitOfWork) -> None:
        return None


ALL = (shout, story, brave, both)


@pytest.fixture(autouse=True)
def _mended() -> Any:
    broken.clear()
    yield
    broken.clear()


def children(lab: Lab) -> list[Job]:
    return lab.engine.jobs(JobFilter(None, pipeline="shout"))


def test_a_stage_runs_another_pipeline_and_gets_its_result() -> None:
    with Lab(ALL) as lab:
        job = lab.run({"text": "upon"}, pipeline="story", owner="ann", priority=7)
        assert lab.result(job) == "once UPON!"
        (child,) = children(lab)
        assert (child.parent, child.owner, child.priority) == (f"{job.id}.tell", "ann", 7)
        assert lab.events(job).count("stage.waiting tell") == 1
        assert lab.store.run(f"{job.id}.tell").attempts == 1  # type: ignore[union-attr]


def test_the_end_of_the_child_wakes_the_parent_before_its_own_look_is_due() -> None:
    with Lab(ALL) as lab:
        job = lab.submit({"text": "upon"}, pipeline="story")
        began = lab.clock.now()
        for _ in range(3):  # the parent, and the two stages of the child
            assert lab.step()
        lab.engine.committer.do(Nothing())  # what the last commit put on the committer is done before this
        assert lab.step()
        assert lab.job(job).state is JobState.COMPLETED
        assert lab.clock.now() == began


def test_where_nobody_told_the_parent_looks_by_itself() -> None:
    with Lab(ALL) as lab:
        job = lab.submit({"text": "upon"}, pipeline="story")
        lab.crash("settle.after_commit", times=3)  # the parent's pause, and the two stages of the child
        with pytest.raises(Crash):
            lab.finish(job)
        lab.recover()
        (child,) = children(lab)
        assert child.state is JobState.COMPLETED
        assert not lab.step(), "the parent was not woken"
        assert lab.finish(job).state is JobState.COMPLETED


def test_two_calls_have_two_children() -> None:
    with Lab(ALL) as lab:
        job = lab.run({"text": "a"}, pipeline="both")
        assert lab.result(job) == ["A!", "A!!"]
        assert len(children(lab)) == 2


@pytest.mark.parametrize("point", ["once.before_intent", "once.after_intent", "settle.before_commit"])
def test_a_crash_starts_no_second_child(point: str) -> None:
    with Lab(ALL) as lab:
        job = lab.submit({"text": "upon"}, pipeline="story")
        lab.crash(point)
        with pytest.raises(Crash):
            lab.step()
        lab.recover()
        lab.finish(job)
        assert lab.result(job) == "once UPON!"
        assert len(children(lab)) == 1


def test_the_child_s_failure_reaches_the_parent_as_a_typed_error() -> None:
    broken.add("upon")
    with Lab(ALL) as lab:
        job = lab.run({"text": "upon"}, pipeline="story")
        assert job.state is JobState.FAILED
        assert job.error is not None
        assert job.error["code"] == "child_failed"
        assert job.error["message"] == "shout: failed at upper: this word is broken"
        assert job.error["advice"] == "mend it"


def test_a_resumed_parent_sends_its_child_on_and_keeps_what_that_had() -> None:
    broken.add("upon")
    with Lab(ALL) as lab:
        job = lab.run({"text": "upon"}, pipeline="story")
        broken.clear()
        lab.engine.resume(job.id, None)
        assert lab.finish(job).state is JobState.COMPLETED
        assert lab.result(job) == "once UPON!"
        assert len(children(lab)) == 1


def test_a_retry_of_the_stage_is_a_retry_of_what_failed_in_it() -> None:
    broken.add("upon")
    with Lab(ALL) as lab:
        job = lab.run({"text": "upon"}, pipeline="brave")
        assert job.state is JobState.FAILED
        assert lab.ran.count("upper") == 2  # once more, since the stage says so
        assert len(children(lab)) == 1


def test_made_again_a_stage_has_a_new_child() -> None:
    with Lab(ALL) as lab:
        job = lab.run({"text": "upon"}, pipeline="story")
        lab.engine.retry(job.id, "tell", None)
        lab.finish(job)
        assert lab.job(job).state is JobState.COMPLETED
        assert len(children(lab)) == 2


@pytest.mark.parametrize("how", ["run", "begin"])
def test_a_retry_goes_on_with_what_a_child_has_bought(how: str) -> None:
    bought = []
    shop, trip = Pipeline("shop", input=Word), Pipeline("trip", input=Word)

    @shop.stage()
    def buy(ctx: Context, request: Word) -> str:
        return str(ctx.once("ticket", lambda: bought.append(1) or f"ticket{len(bought)}"))

    @trip.stage()
    def book(ctx: Context, request: Word) -> str:
        if how == "run":
            return str(ctx.run("shop", request))
        return str(ctx.gather([ctx.begin("shop", request)])[0])

    with Lab([shop, trip]) as lab:
        job = lab.run({"word": "x"}, pipeline="trip")
        lab.engine.retry(job.id, "book", None)
        assert lab.result(lab.finish(job)) == "ticket1"
        lab.engine.retry(job.id, "book", None, anew=Anew.YES)
        assert lab.result(lab.finish(job)) == "ticket2"


def test_cancel_goes_down() -> None:
    with Lab(ALL) as lab:
        job = lab.submit({"text": "upon"}, pipeline="story")
        assert lab.step()
        lab.engine.cancel(job.id, None)
        lab.engine.committer.do(Nothing())
        (child,) = children(lab)
        assert child.state is JobState.CANCELLED


def test_the_relay_cancels_a_child_that_nobody_waits_for() -> None:
    with Lab(ALL) as lab:
        job = lab.submit({"text": "upon"}, pipeline="story")
        assert lab.step()
        assert cancel_orphans(lab.store, lab.engine.committer) == 0
        dying = Committer(lab.store, lab.registry, lambda report: None, clock=lab.clock)  # dead after its commit
        dying.do(OnJob(job.id, None, stop.cancel))
        dying.close()
        assert children(lab)[0].state is JobState.QUEUED
        lab.relay.step()
        assert children(lab)[0].state is JobState.CANCELLED
        assert cancel_orphans(lab.store, lab.engine.committer) == 0


def test_a_cancelled_child_fails_its_parent() -> None:
    with Lab(ALL) as lab:
        job = lab.submit({"text": "upon"}, pipeline="story")
        assert lab.step()
        lab.engine.cancel(children(lab)[0].id, None)
        done = lab.finish(job)
        assert done.error is not None
        assert (done.error["code"], done.error["message"]) == ("child_failed", "shout: cancelled: it was cancelled")


def test_a_child_that_takes_too_long_is_cancelled() -> None:
    slow = Pipeline("slow", input=Text)

    @slow.stage(time_limit="3h", run_limit="4h")
    def never(ctx: Context, request: Text) -> str:
        ctx.sleep("2h", "sleeping")
        return "done"

    outer = Pipeline("outer", input=Text)

    @outer.stage(time_limit="1h", retry=Retry(0))
    def wait(ctx: Context, request: Text) -> str:
        return str(ctx.run("slow", request, at_most="10m"))

    with Lab((slow, outer)) as lab:
        job = lab.run({"text": "a"}, pipeline="outer")
        assert job.error is not None
        assert job.error["code"] == "timed_out"
        lab.engine.committer.do(Nothing())
        (child,) = lab.engine.jobs(JobFilter(None, pipeline="slow"))
        assert child.state is JobState.CANCELLED


def test_a_pipeline_that_runs_itself_comes_to_an_end() -> None:
    mirror = Pipeline("mirror", input=Text)

    @mirror.stage(time_limit="2h", run_limit="3h")
    def look(ctx: Context, request: Text) -> str:
        return str(ctx.run("mirror", request))

    with Lab(mirror) as lab:
        job = lab.run({"text": "a"})
        assert job.state is JobState.FAILED
        assert job.error is not None
        assert "nested more than 5 deep" in job.error["message"]
        assert len(lab.engine.jobs(JobFilter(None))) == 6


def test_a_wrong_input_is_told_by_its_field(tmp_path: Path) -> None:
    outer = Pipeline("outer", input=Text)

    @outer.stage()
    def ask(ctx: Context, request: Text) -> str:
        return str(ctx.run("shout", {"text": request.text}))

    with Lab((shout, outer)) as lab:
        job = lab.run({"text": "a"}, pipeline="outer")
        assert job.error is not None
        assert job.error["code"] == "permanent"
        assert "word" in job.error["message"]
        assert children(lab) == []


def test_made_again_while_it_waits_a_stage_leaves_its_child() -> None:
    with Lab(ALL) as lab:
        job = lab.submit({"text": "upon"}, pipeline="story")
        assert lab.step()
        (old,) = children(lab)
        lab.engine.retry(job.id, "tell", None)
        lab.engine.committer.do(Nothing())
        assert lab.job(old).state is JobState.CANCELLED
        assert lab.finish(job).state is JobState.COMPLETED
        assert len(children(lab)) == 2


def test_what_the_child_takes_is_not_the_stage_s_own_time() -> None:
    slow, patient = Pipeline("slow", input=Word), Pipeline("patient", input=Word)

    @slow.stage(time_limit="10h", run_limit="10h")
    def doze(ctx: Context, request: Word) -> str:
        ctx.sleep("5h")
        return request.word

    @patient.stage(time_limit="1m", run_limit="2m")
    def ask(ctx: Context, request: Word) -> str:
        return str(ctx.run("slow", request, at_most="9h"))

    with Lab([slow, patient]) as lab:
        job = lab.run({"word": "well"}, pipeline="patient")
        assert lab.result(job) == "well"
        run = lab.store.run(f"{job.id}.ask")
        assert run is not None
        assert run.attempts == 1
