"""Children side by side: all of them, the first of them, and what becomes of the others."""

from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

from stagepass import Blocked, Context, Pipeline, Settled
from stagepass.engine.model.filters import JobFilter
from stagepass.engine.model.states import JobState
from stagepass.errors import ChildFailed, TimedOut
from stagepass.testing import Crash, Lab

LONG: dict[str, Any] = {"time_limit": "9d", "run_limit": "30d"}


class In(BaseModel):
    n: int = 0


class Square(BaseModel):
    n: int


def squares(fail: tuple[int, ...] = (), slow: bool = False) -> Pipeline:
    p = Pipeline("square", input=In)

    @p.stage(**LONG)
    def square(ctx: Context, request: In) -> Square:
        if request.n in fail:
            raise Blocked("no")
        if slow:
            ctx.sleep(request.n * 3600)
        return Square(n=request.n**2)

    return p


def parent(body: Any) -> Pipeline:
    p = Pipeline("parent", input=In)

    def go(ctx: Context, request: In) -> Any:
        return body(ctx, request.n)

    p.stage(**LONG)(go)
    return p


def states(lab: Lab) -> list[str]:
    return sorted(job.state.value for job in lab.engine.jobs(JobFilter(None, pipeline="square", limit=5000)))


def drain(lab: Lab) -> None:
    while lab.step():
        pass


def test_they_run_side_by_side_and_come_back_in_order() -> None:
    def body(ctx: Context, n: int) -> list[int]:
        begun = [ctx.begin("square", {"n": i}, type=Square) for i in range(n)]
        found = ctx.gather(begun)
        ctx.sleep("1m")
        return [one.n for one in found]

    with Lab([parent(body), squares()]) as lab:
        job = lab.submit({"n": 3})
        lab.step()
        assert len(states(lab)) == 3, "after the first pass all are there"
        assert lab.result(lab.finish(job)) == [0, 1, 4]
        assert len(states(lab)) == 3


def test_the_failure_of_some_is_a_value_or_an_error() -> None:
    def body(ctx: Context, n: int) -> list[Any]:
        begun = [ctx.begin("square", {"n": i}) for i in range(3)]
        if n:
            return [(one.output or one.error)["n" if one.output else "code"] for one in ctx.gather(begun, settled=True)]
        try:
            return ctx.gather(begun)
        except ChildFailed as problem:
            return [problem.message]

    with Lab([parent(body), squares(fail=(1,))]) as lab:
        assert lab.result(lab.run({"n": 1})) == [0, "blocked", 4]
        assert lab.result(lab.run({"n": 0})) == ["square#2: failed at square: no"]
        settled = Settled[int](item=0, output=1)
        assert settled.error is None


def test_an_uncaught_failure_is_tried_again_when_a_person_resumes() -> None:
    broken = [1]
    p = Pipeline("square", input=In)

    @p.stage(**LONG)
    def square(request: In) -> int:
        if broken and request.n == 1:
            raise Blocked("no")
        return request.n

    with Lab([parent(lambda ctx, n: ctx.gather([ctx.begin("square", {"n": i}) for i in range(3)])), p]) as lab:
        job = lab.run({})
        assert job.state is JobState.FAILED
        broken.clear()
        lab.engine.resume(job.id, None)
        assert lab.result(lab.finish(job)) == [0, 1, 2]
        assert states(lab) == ["completed"] * 3


@pytest.mark.parametrize("place", ["call.before_record", "call.after_record", "settle.before_commit"])
def test_the_first_wins_and_the_others_are_cancelled_before_it_returns(place: str) -> None:
    seen: list[list[str]] = []

    def body(ctx: Context, n: int) -> int:
        won = ctx.first([ctx.begin("square", {"n": i}) for i in (3, 1, 2)], at_most="1d")
        seen.append(states(lab))
        ctx.sleep("1d")
        return int(won["n"])

    with Lab([parent(body), squares(slow=True)]) as lab:
        job = lab.submit({})
        drain(lab)
        lab.crash(place, times=2)
        try:
            lab.finish(job, at_most=9e5)
        except Crash:
            lab.recover()
        assert lab.result(lab.finish(job, at_most=9e5)) == 1
        assert seen == [["cancelled", "cancelled", "completed"]] * len(seen)
        assert len(states(lab)) == 3


def test_a_deadline_cancels_those_that_still_run() -> None:
    def body(ctx: Context, n: int) -> str:
        begun = [ctx.begin("square", {"n": i}) for i in (0, 5, 6)]
        try:
            ctx.gather(begun, at_most="2h")
        except TimedOut:
            return ",".join(states(lab))
        return "in time"

    with Lab([parent(body), squares(slow=True)]) as lab:
        assert lab.result(lab.run({})) == "cancelled,cancelled,completed"


def test_a_cancel_goes_down_to_all() -> None:
    with Lab(
        [parent(lambda ctx, n: ctx.gather([ctx.begin("square", {"n": 9}) for _ in range(4)])), squares(slow=True)]
    ) as lab:
        job = lab.submit({})
        drain(lab)
        lab.engine.cancel(job.id, None)
        drain(lab)
        assert states(lab) == ["cancelled"] * 4


def test_of_many_only_the_last_wakes_the_parent() -> None:
    passes: list[int] = []

    def body(ctx: Context, n: int) -> int:
        passes.append(1)
        return sum(one["n"] for one in ctx.gather([ctx.begin("square", {"n": 2}) for _ in range(n)], at_most="1d"))

    with Lab([parent(body), squares()]) as lab:
        job = lab.submit({"n": 300})
        assert lab.result(lab.finish(job)) == 1200
        assert len(passes) <= 4
        run = lab.store.run(f"{job.id}.go")
        assert run is not None
        assert len(str(run.notes.children)) < 100, "they are found by their parent"


def test_a_cursor_is_moved_in_one_commit() -> None:
    for place, times in (("call.before_record", 2), ("call.after_record", 2), ("call.before_record", 4)):
        rows: list[int] = []

        def body(ctx: Context, n: int, rows: list[int] = rows) -> int:
            for row in range(ctx.remembered("cursor") or 0, 4):
                rows.append(row)
                ctx.keep("cursor", row + 1)
            return len(rows)

        with Lab(parent(body)) as lab:
            job = lab.submit({})
            lab.crash(place, times=times)
            with pytest.raises(Crash):
                lab.finish(job)
            lab.recover()
            lab.finish(job)
            assert sorted(set(rows)) == [0, 1, 2, 3]
            assert len(rows) <= 5, "one row at most is done again"
            with lab.store._reads.connect() as connection:
                assert connection.scalar(sa.text("SELECT count(*) FROM memos")) == 1
