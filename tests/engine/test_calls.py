"""Inside a stage: what a call gave or raised is given again, until that very call is tried again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

from stagepass import Blocked, Context, Permanent, Pipeline, Retry, Transient
from stagepass.engine.model.filters import JobFilter
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import JobState
from stagepass.errors import ChildFailed, TimedOut
from stagepass.store.tables import metadata
from stagepass.testing import Crash, Lab
from tests.support import flights

ROWS = Path(flights.__file__).with_name("flights.json")
LONG: dict[str, Any] = {"time_limit": "9d", "run_limit": "30d"}


class In(BaseModel):
    n: int = 0


class Song(BaseModel):
    title: str


def stage(body: Callable[[Context], Any], name: str = "p", **options: Any) -> Pipeline:
    """A pipeline of one stage."""
    p = Pipeline(name, input=In)

    async def later(ctx: Context) -> Any:
        return await body(ctx)

    def go(ctx: Context) -> Any:
        return body(ctx)

    import inspect

    made = later if inspect.iscoroutinefunction(body) else go
    made.__name__ = "go"
    p.stage(**{**LONG, **options})(made)
    return p


def drain(lab: Lab) -> None:
    while lab.step():
        pass


def children(lab: Lab, name: str = "child") -> list[Job]:
    return lab.engine.jobs(JobFilter(None, pipeline=name))


# ── by number ──


def test_a_name_used_again_is_a_call_of_its_own() -> None:
    child = stage(lambda ctx: ctx.now(), "child")
    seen: list[Any] = []

    def body(ctx: Context) -> list[Any]:
        onces = [ctx.once("call", lambda n=n: seen.append(n) or n) for n in range(3)]  # type: ignore[misc]
        waits = [ctx.wait(lambda n=n: n + 1, every=1, at_most=9) for n in range(3)]  # type: ignore[misc]
        for _ in range(3):
            ctx.sleep("1h")
        return [onces, waits, len({ctx.run("child", {"n": n}) for n in range(3)})]

    with Lab([stage(body), child]) as lab:
        began = lab.clock.now()
        assert lab.result(lab.run({})) == [[0, 1, 2], [1, 2, 3], 1]
        assert (seen, len(children(lab)), lab.clock.now() - began) == ([0, 1, 2], 3, 3 * 3_600_000)


def test_another_call_in_its_place_is_an_error_that_says_what_to_do() -> None:
    child = stage(lambda ctx: 1, "child")
    for kind in ("n", "sleep", "question"):
        changed: dict[str, Any] = {"n": 1, "sleep": "1h", "question": "Publish?"}

        def body(ctx: Context, kind: str = kind, changed: dict[str, Any] = changed) -> Any:
            if kind == "sleep":
                ctx.sleep(changed["sleep"], "a while")
            if kind == "question":
                return ctx.approval(changed["question"], who="mina", tell=lambda url: None).approved
            return ctx.run("child", {"n": changed["n"]})

        with Lab([stage(body), child]) as lab:
            job = lab.submit({})
            lab.step()
            changed.update(n=2, sleep="2h", question="Pay?")
            lab.clock.advance(7200)
            lab.relay.promote()
            drain(lab)
            job = lab.job(job)
            assert job.error is not None
            assert job.error["code"] == "call_changed", kind
            assert "version" in job.error["advice"]


def test_calls_inside_a_once_are_numbered_by_themselves() -> None:
    """Once the first is kept, its inner calls are not made any more: that must not shift the second's."""

    def body(ctx: Context) -> list[str]:
        found = []
        for n in range(2):
            found.append(ctx.once("outer", lambda n=n: ctx.wait(lambda: str(n), every=1, at_most=9)))  # type: ignore[misc]
            ctx.sleep("1m")
        return found

    with Lab(stage(body)) as lab:
        assert lab.result(lab.run({})) == ["0", "1"]


# ── what was raised ──


def test_a_caught_error_of_a_call_is_raised_again_and_the_call_is_not_made_again() -> None:
    tried: list[str] = []
    later: list[type] = []

    def failing(problem: Exception) -> Any:
        tried.append(type(problem).__name__)
        raise problem

    class Own(Permanent):
        code = "own"

    problems = (Blocked("no", provider="x"), Transient("503"), KeyError("k"), Own("mine"), ConnectionResetError("r"))

    def body(ctx: Context) -> list[str]:
        caught = []
        for number, problem in enumerate(problems):
            try:
                ctx.once(f"o{number}", lambda problem=problem: failing(problem), free=number % 2 == 1)  # type: ignore[misc]
            except Exception as again:
                caught.append(f"{type(again).__name__} {again}")
            try:
                ctx.wait(lambda problem=problem: failing(problem), every=1, at_most=5)  # type: ignore[misc]
            except Exception as again:
                later.append(type(again))
        ctx.sleep("1m")
        ctx.sleep("1m")
        return caught

    with Lab(stage(body)) as lab:
        job = lab.run({})
        assert lab.result(job) == [f"{type(p).__name__} {p}" for p in problems]
        assert len(tried) == 2 * len(problems), "each is called once in three passes"
        assert later == [type(p) for p in problems] * 3


def test_an_uncaught_error_lets_that_call_alone_be_tried_again() -> None:
    made: list[str] = []

    def body(ctx: Context) -> str:
        ctx.once("first", lambda: made.append("first") or 1)  # type: ignore[func-returns-value]
        ctx.sleep("1h", "once")

        def second() -> str:
            made.append("second")
            if made.count("second") < 3:
                raise Blocked("not now")
            return "done"

        return ctx.once("second", second)

    with Lab(stage(body)) as lab:
        job = lab.run({})
        for _ in range(2):
            assert job.state is JobState.FAILED
            lab.engine.resume(job.id, None)
            job = lab.finish(job)
        assert lab.result(job) == "done"
        assert made == ["first", "second", "second", "second"]


def test_of_a_group_of_errors_each_call_whose_error_left_the_stage_is_tried_again() -> None:
    import asyncio

    tries: list[str] = []

    async def body(ctx: Context) -> list[str]:
        async def one(name: str) -> str:
            async def call() -> str:
                tries.append(name)
                if tries.count(name) == 1:
                    raise Blocked(name)
                return name

            return await ctx.once_async(name, call)

        found = await asyncio.gather(one("a"), one("b"), return_exceptions=True)
        if problems := [one for one in found if isinstance(one, Exception)]:
            raise ExceptionGroup("both", problems)
        return [str(one) for one in found]

    with Lab(stage(body)) as lab:
        job = lab.run({})
        assert job.state is JobState.FAILED
        lab.engine.resume(job.id, None)
        assert lab.result(lab.finish(job)) == ["a", "b"]
        assert sorted(tries) == ["a", "a", "b", "b"]


# ── failures by call ──


def test_failures_count_by_call_and_a_good_look_ends_the_streak() -> None:
    looks: list[int] = []

    def body(ctx: Context) -> str:
        def look() -> str | None:
            looks.append(1)
            if len(looks) % 3:
                raise Transient("503")
            return "done" if len(looks) >= 30 else None

        return ctx.wait(look, every="1m", at_most="1d")

    with Lab(stage(body, retry=Retry(2, wait="1s"))) as lab:
        assert lab.result(lab.run({})) == "done"
    looks.clear()
    with Lab(stage(body, retry=Retry(1, wait="1s"))) as lab:
        assert lab.run({}).state is JobState.FAILED, "two in a row are one too many"
        assert len(looks) == 2


# ── what is over costs nothing ──


def test_a_wait_that_is_over_is_a_fact_with_its_class() -> None:
    looks: list[int] = []

    def body(ctx: Context) -> list[str]:
        song = ctx.wait(lambda: looks.append(1) or Song(title="a"), every=1, at_most=9, saying="song")  # type: ignore[func-returns-value]
        songs = ctx.wait(lambda: [Song(title="b")], every=1, at_most=9, saying="songs")
        ctx.sleep("1m")
        return [song.title, songs[0].title]

    with Lab(stage(body)) as lab:
        assert lab.result(lab.run({})) == ["a", "b"]
        assert len(looks) == 1


def test_a_stage_that_polls_reads_no_memos_as_long_as_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def body(ctx: Context) -> int:
        return ctx.wait(lambda: looks.append(1) or (len(looks) > 50 or None), every="1m", at_most="2h")  # type: ignore[func-returns-value]

    with Lab(stage(body)) as lab:
        reads: list[str] = []
        sa.event.listen(lab.store._reads, "before_cursor_execute", lambda *given: reads.append(given[2]), named=False)
        lab.run({})
        assert len(looks) == 51
        assert not [read for read in reads if "FROM memos" in read]


# ── promised ──


def test_a_child_that_took_too_long_is_cancelled_before_the_error_is_raised() -> None:
    slow = stage(lambda ctx: ctx.sleep("5h"), "child")
    seen: list[str] = []

    def body(ctx: Context) -> str:
        try:
            ctx.run("child", {}, at_most="10m")
        except TimedOut:
            seen.append(children(lab)[0].state.value)
        ctx.sleep("6h")
        return "went on"

    with Lab([stage(body), slow]) as lab:
        assert lab.result(lab.run({})) == "went on"
        assert seen == ["cancelled"] * 2


def test_a_retry_after_a_caught_failure_does_not_send_the_child_on() -> None:
    tries: list[int] = []

    def fails(ctx: Context) -> int:
        tries.append(1)
        raise Blocked("sold out")

    attempts: list[int] = []

    def body(ctx: Context) -> str:
        try:
            ctx.run("child", {})
        except ChildFailed:
            attempts.append(ctx.attempt)
            if ctx.attempt < 3:
                raise Transient("the undo did not work") from None
            return "undone"
        return "booked"

    with Lab([stage(body), stage(fails, "child")]) as lab:
        assert lab.result(lab.run({})) == "undone"
        assert (len(tries), attempts) == (1, [1, 2, 3])


def test_an_uncaught_failure_of_a_child_sends_it_on_when_a_person_resumes() -> None:
    tries: list[int] = []

    def second(ctx: Context) -> int:
        tries.append(1)
        if len(tries) == 1:
            raise Blocked("sold out")
        return 7

    with Lab([stage(lambda ctx: ctx.run("child", {})), stage(second, "child")]) as lab:
        job = lab.run({})
        assert job.state is JobState.FAILED
        lab.engine.resume(job.id, None)
        job = lab.finish(job)
        assert lab.result(job) == 7
        assert len(children(lab)) == 1


def test_a_failed_stage_has_no_output_and_a_started_job_says_by_whom() -> None:
    def body(ctx: Context) -> None:
        ctx.start("child", {}, key="k")
        raise Blocked("no")

    with Lab([stage(body), stage(lambda ctx: None, "child")]) as lab:
        job = lab.run({})
        drain(lab)
        assert lab.engine.outputs(job, every=True) == {}
        (child,) = children(lab)
        assert lab.engine.outputs(child, every=True) == {"go": None}
        assert lab.engine.events(child.id)[0].data["started_by"] == f"{job.id}.go"


# ── once ──


def test_a_bug_before_anything_was_asked_for_can_be_resumed_and_one_after_it_cannot() -> None:
    import time

    for waits, expected in ((False, JobState.COMPLETED), (True, JobState.HELD)):
        bugs = [True]

        def body(ctx: Context, waits: bool = waits, bugs: list[bool] = bugs) -> str:
            def call() -> str:
                if waits:
                    time.sleep(0.001)  # gives the processor away once, as a call to a shop does
                if bugs:
                    raise KeyError("city")
                return "ok"

            return ctx.once("tool", call)

        with Lab(stage(body)) as lab:
            job = lab.run({})
            assert job.state is JobState.FAILED
            bugs.clear()
            lab.engine.resume(job.id, None)
            assert lab.finish(job).state is expected


def test_a_wait_inside_once_does_not_hold_the_job_but_a_purchase_before_it_does() -> None:
    import time

    looks: list[int] = []
    bought: list[int] = []

    def body(ctx: Context) -> str:
        def call() -> str:
            if buys:
                bought.append(1)
                time.sleep(0.001)  # gives the processor away once, as a call to a shop does
            return ctx.wait(lambda: looks.append(1) or ((len(looks) > 2 and "x") or None), every="1m", at_most="9m")  # type: ignore[func-returns-value]

        return ctx.once("w", call)

    for buys, expected in ((False, JobState.COMPLETED), (True, JobState.HELD)):  # noqa: B007  (a cell of `body`)
        looks.clear()
        with Lab(stage(body)) as lab:
            assert lab.run({}).state is expected
    assert len(bought) == 1


# ── asynchronous ──


@pytest.mark.parametrize(
    "place", ["call.before_record", "call.after_record", "once.after_record", "settle.before_commit"]
)
@pytest.mark.parametrize("times", [1, 2, 3])
def test_the_async_forms_hold_over_crashes(place: str, times: int) -> None:
    counted: dict[str, int] = {}

    def count(name: str) -> int:
        counted[name] = counted.get(name, 0) + 1
        return counted[name]

    async def body(ctx: Context) -> list[Any]:
        async def ask() -> str:
            count("ask")
            return "answer"

        async def look() -> str | None:
            return "there" if count("look") > 2 else None

        asked = await ctx.once_async("ask", ask)
        found = await ctx.wait_async(look, every="1m", at_most="1h")
        child = await ctx.run_async("child", {"n": 2})
        try:
            await ctx.run_async("bad", {})
        except ChildFailed:
            child += 1
        await ctx.sleep_async("1h")
        async with ctx.using_async("maker"):
            await ctx.start_async("child", {"n": 3}, key=f"{ctx.job_id}")
        return [asked, found, child]

    def bad(ctx: Context) -> int:
        raise Blocked("never")

    with Lab([stage(body), stage(lambda ctx: count("child"), "child"), stage(bad, "bad")]) as lab:
        job = lab.submit({})
        lab.crash(place, times=times)
        try:
            lab.finish(job)
        except Crash:
            lab.recover()
        assert lab.result(lab.finish(job)) == ["answer", "there", 2]
        drain(lab)
        assert counted["ask"] == 1
        assert len(children(lab, "bad")) == 1
        assert len(children(lab)) == 2
        assert counted["look"] <= 4, "a look whose value was not kept yet is looked at again"


# ── jobs of the release before ──


def test_jobs_of_the_release_before_go_on() -> None:
    """Rows as that release wrote them: waits under way, a sleep, a child, a question, two failures, a signal."""
    rows = json.loads(ROWS.read_text("utf-8"))
    with Lab([flights.flight, flights.child]) as lab:
        with lab.store._writing() as connection:
            for table in ("jobs", "stage_runs", "events", "attempts", "memos"):
                connection.execute(sa.insert(metadata.tables[table]), rows[table])
        lab.clock.advance((rows["at"] - lab.clock.now()) / 1000)
        (job,) = [row["id"] for row in rows["jobs"] if row["pipeline"] == "flight"]
        flights.BATCH["ready"] = False
        ends: dict[str, float] = {}
        began = rows["jobs"][0]["created_at"]
        ask = rows["url"].rsplit("/", 1)[1]
        lab.engine.answer(f"{job}.asks", name="approval", ask=ask, approved=True)
        while lab.job(job).state is JobState.RUNNING:
            drain(lab)
            for run in lab.store.runs_of(job):
                if run.finished_at is not None:
                    ends.setdefault(run.stage, (run.finished_at - began) / 60_000)
            if lab.clock.now() - began >= 60 * 60_000:
                flights.BATCH["ready"] = True
            lab.clock.advance(60)
            lab.relay.promote()
        assert lab.engine.outputs(lab.job(job)) == {
            "polls": "order-1 done",
            "sleeps": "slept",
            "nests": 40,
            "asks": True,
            "retries": 4,
            "signals": "hello",
        }
        assert ends["sleeps"] == 90, "it began before"
        assert (ends["asks"], ends["signals"], ends["nests"]) == (10, 10, 60)
        assert len(children(lab)) == 1


def test_memos_whose_names_differ_in_a_blank_at_the_end_are_two() -> None:
    """MySQL compares texts as if they ended in blanks; what was kept with them by an older release is found."""
    p = Pipeline("pads", input=In)
    bought: list[str] = []

    @p.stage()
    def keep(ctx: Context, request: In) -> list[str]:
        return [ctx.once(name, lambda name=name: bought.append(name) or name) for name in ("song", "song ", "song  ")]

    with Lab(p) as lab:
        job = lab.run({})
        assert lab.result(job) == bought == ["song", "song ", "song  "]
        assert {memo.name for memo in lab.store.memos(f"{job.id}.keep")} >= {"song", "song\u2423", "song\u2423\u2423"}
