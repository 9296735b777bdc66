"""`run_now`: a whole job in the process that accepts it, with the records that it has anywhere else."""

import signal
import threading
from pathlib import Path

import pytest
from pydantic import BaseModel

from stagepass import Context, Pipeline, Retry
from stagepass.engine.execute.event_loop import EventLoop
from stagepass.engine.execute.fastlane import FastLane
from stagepass.engine.model.states import JobState, RunState
from stagepass.errors import Conflict, Permanent, Transient
from tests.support.crew import Crew, crew
from tests.support.site import site
from tests.support.waiting import wait_until


class Text(BaseModel):
    text: str


def chain() -> Pipeline:
    pipeline = Pipeline("chain", input=Text)

    @pipeline.stage()
    def one(request: Text) -> Text:
        return Text(text=request.text + "1")

    @pipeline.stage(after=one)
    def two(one: Text) -> Text:
        return Text(text=one.text + "2")

    return pipeline


def with_lane(made: Crew, slots: int = 4) -> FastLane:
    """Gives the crew's engine a fast lane; no dispatcher of the crew is started."""
    made.engine.dispatcher = None
    lane = FastLane(made.store, made.engine.committer, made.runner, EventLoop(), slots, clock=made.engine.clock)
    made.engine._make_lane = lambda: lane
    return lane


def test_a_job_runs_where_it_was_accepted_and_no_bell_rings(tmp_path: Path, database_url: str, store: object) -> None:
    with crew(tmp_path, 1, chain(), url=database_url) as made:
        with_lane(made)
        accepted = made.engine.run_now("chain", {"text": "a"}, budget=20)
        assert accepted.created
        assert accepted.job.state is JobState.COMPLETED
        assert made.engine.result(accepted.job) == {"text": "a12"}
        assert made.recorder.rung == []
        assert made.events(accepted.job.id) == [
            "job.accepted",
            "stage.started one",
            "stage.completed one",
            "stage.started two",
            "stage.completed two",
            "job.completed",
        ]
        assert made.engine.look(accepted.job.id, None)[0].state is JobState.COMPLETED, "it is kept"


def test_stages_side_by_side_run_side_by_side(tmp_path: Path) -> None:
    pipeline = Pipeline("diamond", input=Text)
    both = threading.Barrier(2)

    @pipeline.stage()
    def begin(request: Text) -> Text:
        return request

    @pipeline.stage(after=begin)
    def left(begin: Text) -> Text:
        both.wait(10)
        return Text(text=begin.text + "l")

    @pipeline.stage(after=begin)
    def right(begin: Text) -> Text:
        both.wait(10)
        return Text(text=begin.text + "r")

    @pipeline.stage(after=(left, right))
    def end(left: Text, right: Text) -> Text:
        return Text(text=left.text + right.text)

    with crew(tmp_path, 1, pipeline) as made:
        lane = with_lane(made)
        job = made.engine.run_now("diamond", {"text": "a"}, budget=20).job
        assert job.state is JobState.COMPLETED
        assert made.engine.result(job) == {"text": "alar"}
        wait_until(lambda: lane._dispatcher.free == 4, saying="each slot was given back")


def test_past_its_budget_the_workers_go_on(tmp_path: Path) -> None:
    pipeline = Pipeline("slow", input=Text)
    go_on, begun = threading.Event(), []

    @pipeline.stage()
    def first(request: Text) -> Text:
        begun.append("first")
        go_on.wait(20)
        return request

    @pipeline.stage(after=first)
    def second(first: Text) -> Text:
        begun.append(threading.current_thread().name)
        return first

    with crew(tmp_path, 1, pipeline) as made:
        with_lane(made)
        job = made.engine.run_now("slow", {"text": "a"}, budget=0.2).job
        assert job.state is JobState.RUNNING
        go_on.set()
        wait_until(lambda: made.recorder.rung == ["slow.second"], saying="the next stage is for the workers")
        assert begun == ["first"]
        made.engine.dispatcher = made.dispatcher
        made.dispatcher.start()
        assert made.ended(job.id).state is JobState.COMPLETED
        assert len(begun) == 2, "and the first is not run again"


@pytest.mark.parametrize("how", ["wait", "retry"])
def test_what_has_to_wait_does_not_hold_up_the_caller(tmp_path: Path, how: str) -> None:
    pipeline = Pipeline("waits", input=Text)
    looks = []

    @pipeline.stage()
    def remote(ctx: Context, request: Text) -> Text:
        looks.append(1)
        if how == "retry" and len(looks) == 1:
            raise Transient("busy", retry_after=0.05)
        ctx.wait(lambda: len(looks) > 1 or None, every=0.05, at_most=20)
        return request

    with crew(tmp_path, 1, pipeline) as made:
        with_lane(made)
        job = made.engine.run_now("waits", {"text": "a"}, budget=30).job
        assert job.state is JobState.RUNNING
        assert len(looks) == 1
        made.engine.dispatcher = made.dispatcher
        made.dispatcher.start()
        assert made.ended(job.id).state is JobState.COMPLETED


def test_a_failure_is_told_at_once(tmp_path: Path) -> None:
    pipeline = Pipeline("fails", input=Text)

    @pipeline.stage()
    def refuse(request: Text) -> Text:
        raise Permanent("no such thing")

    with crew(tmp_path, 1, pipeline) as made:
        with_lane(made)
        job = made.engine.run_now("fails", {"text": "a"}, budget=20).job
        assert job.state is JobState.FAILED
        assert job.error is not None
        assert (job.error["code"], job.error["stage"]) == ("permanent", "refuse")


def test_a_stage_past_its_limit_frees_its_caller(tmp_path: Path) -> None:
    pipeline = Pipeline("stuck", input=Text)
    go_on = threading.Event()

    @pipeline.stage(time_limit="200ms", retry=Retry(0))
    def hang(request: Text) -> Text:
        go_on.wait(20)
        return request

    with crew(tmp_path, 1, pipeline) as made:
        lane = with_lane(made)
        job = made.engine.run_now("stuck", {"text": "a"}, budget=20).job
        assert job.state is JobState.FAILED
        assert job.error is not None
        assert job.error["code"] == "timed_out"
        assert lane._dispatcher.free == 4
        go_on.set()
        wait_until(lambda: lane._dispatcher.stuck == 0)


def test_without_room_it_goes_the_ordinary_way(tmp_path: Path) -> None:
    with crew(tmp_path, 1, chain()) as made:
        with_lane(made, slots=1)._dispatcher._free = 0
        job = made.engine.run_now("chain", {"text": "a"}, budget=20).job
        assert job.state is JobState.QUEUED
        assert made.recorder.rung == ["chain.one"]
        made.engine._lane._dispatcher._free = 1  # type: ignore[union-attr]


def test_one_key_is_one_job(tmp_path: Path) -> None:
    with crew(tmp_path, 1, chain()) as made:
        lane = with_lane(made)
        first = made.engine.run_now("chain", {"text": "a"}, budget=20, key="k")
        again = made.engine.run_now("chain", {"text": "a"}, budget=20, key="k")
        assert (again.created, again.job.id, again.job.state) == (False, first.job.id, JobState.COMPLETED)
        with pytest.raises(Conflict):
            made.engine.run_now("chain", {"text": "b"}, budget=20, key="k")
        assert lane._dispatcher.free == 4


def test_who_closes_gives_back_what_did_not_end(tmp_path: Path) -> None:
    pipeline = Pipeline("slow", input=Text)
    inside, go_on = threading.Event(), threading.Event()

    @pipeline.stage()
    def first(request: Text) -> Text:
        inside.set()
        go_on.wait(20)
        return request

    with crew(tmp_path, 1, pipeline) as made:
        lane = with_lane(made)
        answers = []
        caller = threading.Thread(
            target=lambda: answers.append(made.engine.run_now("slow", {"text": "a"}, budget=60).job)
        )
        caller.start()
        assert inside.wait(10)
        lane.close(0.05)
        caller.join(10)
        (job,) = answers
        (run,) = made.engine.runs(job)
        assert (run.state, run.notes.resumes) == (RunState.READY, True), "the same attempt goes on elsewhere"
        assert made.recorder.rung == ["slow.first"]
        go_on.set()


@pytest.mark.parametrize("point", ["claim.after_commit", "body.after", "settle.after_commit"])
def test_when_the_process_dies_the_workers_go_on(point: str) -> None:
    with site() as here:
        died = here.run_elsewhere(here.order("a"), "key", f"{point}=kill")
        died.join(20)
        assert died.exitcode == -signal.SIGKILL
        here.serve()
        job = here.settled(here.system.engine.job_by_key("key", "local").id)
        assert job.state is JobState.COMPLETED
        assert here.system.engine.result(job) == {"text": "a12song3"}
        assert len(here.lines("bought")) == 1
        done = [event.stage for event in here.system.engine.events(job.id) if event.type == "stage.completed"]
        assert done == ["one", "two", "three"]
