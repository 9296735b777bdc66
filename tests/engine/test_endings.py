"""Jobs that clean up before they end: `@stage.undo` in reverse order, `@pipeline.on_failure` last."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from pydantic import BaseModel

from stagepass import Blocked, Cancel, Context, NotDone, Pipeline, Retry, Transient
from stagepass.engine.commit.claims import Claim
from stagepass.engine.commit.operations import Settle
from stagepass.engine.engine import OPERATOR
from stagepass.engine.execute.classify import classify
from stagepass.engine.model.outcomes import Completed, Failure
from stagepass.engine.model.states import JobState
from stagepass.errors import ChildFailed, Conflict, DeclarationError
from stagepass.testing import Crash, Lab


class Trip(BaseModel):
    to: str = "Jeju"
    names: list[str] = ["a", "b", "c"]
    fails: str = "pay"
    undo_fails: int = 0


class Booking(BaseModel):
    id: str


class World:
    """What was asked of the world outside."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.tries: dict[str, int] = {}

    def buy(self, ctx: Context, what: str) -> Booking:
        return ctx.once(what, lambda: self.note(what), type=Booking)

    def note(self, what: str) -> Booking:
        self.done.append(what)
        return Booking(id=what)


def make_trip(world: World, undo_on: Any = ("failed", "cancelled")) -> Pipeline:
    """A car, seats for several, an insurance for some, and a payment that fails."""
    trip = Pipeline("trip", input=Trip, undo_on=undo_on)

    @trip.stage(retry=Retry(0))
    def car(ctx: Context, request: Trip) -> Booking:
        if request.fails == "car":
            raise Blocked("no car")
        return world.buy(ctx, "car")

    @car.undo(retry=Retry(1, wait="1s"))
    def give_back(ctx: Context, request: Trip, car: Booking) -> str:
        world.tries["car"] = world.tries.get("car", 0) + 1
        if world.tries["car"] <= request.undo_fails:
            raise Transient("the office is closed")
        return world.buy(ctx, f"{car.id} back").id

    @trip.stage(after=car)
    def people(ctx: Context, request: Trip) -> Trip:
        return request

    @trip.stage(after=people, each="people.names", retry=Retry(0))
    def seat(ctx: Context, name: str, request: Trip) -> Booking:
        if name == request.fails:
            raise Blocked("sold out")
        return world.buy(ctx, f"seat {name}")

    @seat.undo
    def free(ctx: Context, name: str, seat: Booking, car: Booking) -> None:
        world.buy(ctx, f"{seat.id} of {name} free")

    @trip.stage(after=seat, when=lambda request: request.to != "Jeju")
    def visa(ctx: Context, request: Trip) -> Booking:
        return world.buy(ctx, "visa")

    @visa.undo
    def revoke(ctx: Context, visa: Booking) -> None:
        world.buy(ctx, "visa revoked")

    @trip.stage(after=visa, retry=Retry(0))
    def pay(ctx: Context, request: Trip) -> Booking:
        ctx.sleep("1m", "the bank")
        if request.fails == "pay":
            raise Blocked("declined")
        return world.buy(ctx, "pay")

    @trip.on_failure
    def apologise(ctx: Context, request: Trip, car: Booking | None, pay: Booking | None, seat: list[Booking]) -> None:
        assert ctx.failure is not None
        world.buy(ctx, f"sorry: {ctx.failure.stage} {ctx.failure.code}, car {car and car.id}, {len(seat)} seats, {pay}")

    return trip


SORRY = "sorry: pay blocked, car car, 3 seats, None"
UNDONE = [f"seat {name} of {name} free" for name in "abc"] + ["car back"]
WHOLE = ["car", "seat a", "seat b", "seat c", *UNDONE, SORRY]


# ── undo, and on_failure after it ──


def test_finished_stages_are_undone_in_reverse_order_before_the_failure_is_reported() -> None:
    world = World()
    with Lab(make_trip(world)) as lab:
        job = lab.run({})
        assert world.done == WHOLE
        assert (job.state, job.ending, job.error and job.error["code"]) == ("failed", None, "blocked")
        events = lab.events(job)
        assert events.index("job.ending") < events.index("stage.started free") < events.index("stage.started give_back")
        assert events[-2:] == ["stage.completed apologise", "job.failed"]
        assert not any("revoke" in event for event in events)  # the visa was skipped
        last = lab.engine.events(job.id)[-1].data
        assert (last["undone"], last["code"], last["stage"]) == (["seat", "car"], "blocked", "pay")
        for act in (lab.engine.resume, lambda job_id, owner: lab.engine.retry(job_id, "car", owner)):
            with pytest.raises(Conflict, match="undone, so it cannot continue"):
                act(job.id, OPERATOR)
        with pytest.raises(Conflict, match="undone, so it cannot continue"):
            lab.engine.redrive(f"{job.id}.pay", OPERATOR)


PLACES = (
    *("claim.before_commit", "claim.after_commit", "body.before", "once.before_intent", "once.after_record"),
    *("call.after_record", "body.after", "settle.before_commit", "settle.after_commit"),
)


@pytest.mark.parametrize("place", PLACES)
def test_a_crash_at_any_boundary_undoes_each_thing_once(place: str) -> None:
    world = World()
    with Lab(make_trip(world)) as lab:
        for times in range(1, 19):
            world.done.clear()
            job = lab.submit({})
            lab.crash(place, times=times)
            with suppress(Crash):
                lab.finish(job)
            lab.recover()
            job = lab.finish(job)
            assert (job.state, world.done) == ("failed", WHOLE), (place, times)
            events = lab.events(job)
            assert events.count("job.ending") == events.count("job.failed") == 1
            assert [event.seq for event in lab.engine.events(job.id)] == list(range(1, len(events) + 1))


@pytest.mark.parametrize("place", ["once.after_intent", "once.after_call"])
def test_an_undo_of_unknown_outcome_is_held_and_continues_with_the_decision(place: str) -> None:
    world = World()
    with Lab(make_trip(world)) as lab:
        job = lab.submit({})
        lab.crash(place, times=8)  # the car, three seats, three seats free, then the car back
        with pytest.raises(Crash):
            lab.finish(job)
        lab.recover()
        held = lab.finish(job)
        assert (held.state, held.ending) == ("held", "failed")
        assert lab.store.run(f"{job.id}.give_back").state == "held"  # type: ignore[union-attr]
        lab.engine.decide(f"{job.id}.give_back", OPERATOR, name="car back", value={"id": "car back"})
        assert lab.finish(job).state == "failed"
        assert world.done[-1] == SORRY
        assert lab.engine.events(job.id)[-1].data["undone"] == ["seat", "car"]


def test_of_items_those_that_have_finished_are_undone() -> None:
    world = World()
    with Lab(make_trip(world)) as lab:
        assert lab.run({"fails": "b"}).state == "failed"
    assert world.done[:2] == ["car", "seat a"]
    assert world.done[-3:-1] == ["seat a of a free", "car back"]


def test_nothing_is_undone_where_nothing_has_finished() -> None:
    world = World()
    with Lab(make_trip(world)) as lab:
        job = lab.run({"fails": "car"})
        assert world.done == ["sorry: car blocked, car None, 0 seats, None"]
        assert lab.engine.resume(job.id, OPERATOR).state is JobState.RUNNING


def test_an_undo_that_fails_leaves_the_others_and_alone_is_sent_again() -> None:
    world = World()
    with Lab(make_trip(world)) as lab:
        job = lab.run({"undo_fails": 3})
        assert job.error is not None
        assert (job.state, job.error["code"], job.error["undone"], job.error["not_undone"]) == (
            *("failed", "blocked"),
            *(["seat"], ["car"]),
        )
        assert world.done[-1] == SORRY
        assert "stage.failed give_back" in lab.events(job)
        before = len(world.done)
        assert lab.engine.resume(job.id, OPERATOR).ending is JobState.FAILED
        job = lab.finish(job)
        assert world.done[before:] == ["car back"]
        assert (job.state, job.error and job.error.get("not_undone")) == ("failed", None)
        with pytest.raises(Conflict):
            lab.engine.resume(job.id, OPERATOR)


def test_a_stage_that_was_still_running_is_undone_when_it_has_finished() -> None:
    world: list[str] = []
    both = Pipeline("both", input=Trip, undo_on="failed")

    @both.stage
    def left(ctx: Context) -> int:
        return 1

    @left.undo
    def undo_left(ctx: Context, left: int) -> None:
        world.append(f"left {left} undone")

    @both.stage
    def right(ctx: Context) -> int:
        return 2

    with Lab(both) as lab:
        job = lab.submit({})
        claimed = {
            one.run.stage: one
            for one in lab.engine.committer.do(Claim(tuple(lab.registry.queues()), 2, lab.worker)).claimed
        }
        failed = lab.engine.committer.do(Settle(claimed["right"], Failure(classify(Blocked("no")))))
        assert (failed.state, failed.ending) == ("running", "failed")
        assert not lab.step()  # it waits for what runs
        lab.engine.committer.do(Settle(claimed["left"], Completed("7")))
        assert lab.finish(job).state == "failed"
    assert world == ["left 7 undone"]


def test_runs_of_a_batch_are_undone_one_by_one() -> None:
    world: list[str] = []
    mail = Pipeline("mail", input=Trip, undo_on="failed")

    @mail.stage(batch=2, within="1s")
    def send(request: list[Trip]) -> list[str]:
        return [f"mail {one.to}" for one in request]

    @send.undo
    def recall(ctx: Context, request: Trip, send: str) -> None:
        world.append(f"{send} to {request.to} recalled")

    @mail.stage(after=send)
    def fail(ctx: Context) -> int:
        raise Blocked("no")

    with Lab(mail) as lab:
        jobs = [lab.submit({"to": to}) for to in "xy"]
        assert {lab.finish(job).state for job in jobs} == {"failed"}
    assert sorted(world) == ["mail x to x recalled", "mail y to y recalled"]


# ── on_failure alone ──


def make_watch(world: World, body: Callable[[Context], Any] | None = None) -> Pipeline:
    watch = Pipeline("watch", input=Trip)

    @watch.stage(retry=Retry(0))
    def work(ctx: Context, request: Trip) -> int:
        world.note("work")
        if len([one for one in world.done if one == "work"]) <= request.undo_fails:
            raise Blocked("no")
        return 1

    @watch.on_failure(retry=Retry(1, wait="5s"), run_limit="10d", time_limit="9d")
    def report(ctx: Context, request: Trip) -> Any:
        world.buy(ctx, "mail")
        return body(ctx) if body else None

    return watch


def test_while_it_runs_the_job_is_running_and_its_end_is_known() -> None:
    world = World()
    with Lab(make_watch(world, lambda ctx: ctx.sleep("8d"))) as lab:
        job = lab.submit({"undo_fails": 1})
        while lab.step():
            pass
        now = lab.job(job)
        assert (now.state, now.ending, now.error and now.error["code"]) == ("running", "failed", "blocked")
        assert "job.failed" not in lab.events(job)
        with pytest.raises(Conflict):
            lab.engine.resume(job.id, OPERATOR)
        with pytest.raises(Conflict, match="cleaning up"):
            lab.engine.retry(job.id, "work", OPERATOR)
        with pytest.raises(Conflict, match="cleaning up"):
            lab.engine.redrive(f"{job.id}.work", OPERATOR)
        assert lab.finish(job, at_most=1e6).state == "failed"
    assert world.done == ["work", "mail"]


def test_it_is_retried_and_its_own_failure_changes_nothing_of_the_first() -> None:
    world, tries = World(), []

    def body(ctx: Context) -> None:
        tries.append(ctx.attempt)
        raise Transient("the mail server is away")

    with Lab(make_watch(world, body)) as lab:
        job = lab.run({"undo_fails": 1})
        assert (job.state, job.error and job.error["message"], tries) == ("failed", "no", [1, 2])
        assert world.done == ["work", "mail"]
        assert "stage.failed report" in lab.events(job)
        lab.engine.redrive(f"{job.id}.report", OPERATOR)
        assert lab.finish(job).state == "failed"
        assert world.done == ["work", "mail"]  # its own calls are facts
        assert tries == [1, 2, 3, 4]


def test_a_resumed_job_that_fails_again_reports_again() -> None:
    world = World()
    with Lab(make_watch(world)) as lab:
        job = lab.run({"undo_fails": 2})
        lab.engine.resume(job.id, OPERATOR)
        assert lab.finish(job).state == "failed"
        assert world.done == ["work", "mail", "work", "mail"]
        lab.engine.retry(job.id, "work", OPERATOR)
        assert lab.finish(job).state == "completed"
        assert lab.job(job).error is None
        assert world.done == ["work", "mail", "work", "mail", "work"]


def test_a_parent_learns_of_the_failure_after_it() -> None:
    world = World()
    above = Pipeline("above", input=Trip)

    @above.stage
    def call(ctx: Context, request: Trip) -> str:
        try:
            ctx.run("watch", request)
        except ChildFailed:
            return ", ".join(world.done)
        return "?"

    with Lab([above, make_watch(world)]) as lab:
        assert lab.result(lab.run({"undo_fails": 1})) == "work, mail"


# ── cancel ──


def test_a_cancelled_job_undoes_what_had_finished_and_reports_no_failure() -> None:
    world = World()
    with Lab(make_trip(world)) as lab:
        job = lab.submit({})
        while lab.step():
            pass
        assert lab.engine.cancel(job.id, OPERATOR).ending is JobState.CANCELLED
        assert lab.engine.cancel(job.id, OPERATOR).ending is JobState.CANCELLED  # what is undone is not stopped
        job = lab.finish(job)
        assert job.state is JobState.CANCELLED
        assert world.done == ["car", "seat a", "seat b", "seat c", *UNDONE]
        assert job.error is not None
        assert job.error["undone"] == ["seat", "car"]
        assert lab.events(job)[-1] == "job.cancelled"


def test_a_pipeline_that_undoes_failures_only_undoes_no_cancelled_job() -> None:
    world = World()
    with Lab(make_trip(world, "failed")) as lab:
        job = lab.submit({})
        while lab.step():
            pass
        assert lab.engine.cancel(job.id, OPERATOR).state is JobState.CANCELLED
        assert lab.engine.resume(job.id, OPERATOR).state is JobState.RUNNING
    assert not any("back" in done for done in world.done)


def test_a_cancel_stops_on_failure_and_the_job_has_failed() -> None:
    world = World()
    with Lab(make_watch(world, lambda ctx: ctx.sleep("8d"))) as lab:
        job = lab.submit({"undo_fails": 1})
        while lab.step():
            pass
        assert lab.engine.cancel(job.id, OPERATOR).state is JobState.FAILED
        assert (lab.job(job).cancel_requested, lab.events(job)[-2:]) == (
            False,
            ["stage.cancelled report", "job.failed"],
        )


def test_a_handler_that_cancels_is_over() -> None:
    world = World()

    def body(ctx: Context) -> None:
        raise Cancel("nobody to write to")

    with Lab(make_watch(world, body)) as lab:
        assert lab.run({"undo_fails": 1}).state is JobState.FAILED


def test_money_spent_by_an_undo_is_in_the_ledger_once() -> None:
    shop = Pipeline("shop", input=Trip, undo_on="failed")

    @shop.stage
    def buy(ctx: Context) -> str:
        return ctx.once("order", lambda: ctx.spend(provider="shop", usd=5) or "o1")

    @buy.undo
    def refund(ctx: Context, buy: str) -> None:
        ctx.once("refund", lambda: ctx.spend(provider="shop", usd=0.25) or "r1")

    @shop.stage(after=buy)
    def fail(ctx: Context) -> int:
        raise Blocked("no")

    for times in range(1, 6):
        with Lab(shop) as lab:
            job = lab.submit({})
            lab.crash("once.after_record", times=times)
            with suppress(Crash):
                lab.finish(job)
            lab.recover()
            assert lab.finish(job).state == "failed"
            assert [(spend.queue, spend.usd) for spend in lab.store.spends(job.id)] == [
                ("shop.buy", 5.0),
                ("shop.refund", 0.25),
            ]


# ── declaration ──


def test_a_wrong_declaration_is_refused_with_what_to_write() -> None:
    def declare(act: Callable[[Pipeline, Any], Any], undo_on: Any = "failed") -> Pipeline:
        pipeline = Pipeline("p", input=Trip, undo_on=undo_on)

        @pipeline.stage
        def one(ctx: Context) -> int:
            return 1

        @pipeline.stage(after=one)
        def two(ctx: Context, one: int) -> str:
            return ""

        act(pipeline, one)
        return pipeline

    def undo(ctx: Context, one: int) -> None: ...
    def wrong_type(ctx: Context, one: str) -> None: ...
    def later(ctx: Context, two: str) -> None: ...
    def required(ctx: Context, two: str) -> None: ...
    def fine(ctx: Context, two: str | None, one: int | None) -> None: ...

    refused = {
        "parameter 'one' is str, but p.one gives int": lambda p, one: one.undo(wrong_type),
        "add after=two": lambda p, one: one.undo(later),
        "has an undo already: undo": lambda p, one: (one.undo(undo), one.undo(later)),
        "nothing undoes it": lambda p, one: one.undo(undo).undo(later),
        "there is no setting 'every'": lambda p, one: one.undo(every=3)(undo),
        "two gives str | None, since it may not have finished": lambda p, one: p.on_failure(required),
        "on_failure is declared twice": lambda p, one: (p.on_failure(fine), p.on_failure(undo)),
        "is declared twice": lambda p, one: (one.undo(undo), p.on_failure(undo)),
    }
    for sentence, act in refused.items():
        with pytest.raises(DeclarationError) as problem:
            declare(act)
        assert sentence in str(problem.value)
    with pytest.raises(DeclarationError, match=r'undo_on="failed"'):
        Lab(declare(lambda p, one: one.undo(undo), ()))
    with pytest.raises(DeclarationError, match="no stage with an undo"):
        Lab(declare(lambda p, one: None))
    with pytest.raises(DeclarationError, match="undo_on names 'stopped'"):
        declare(lambda p, one: None, "stopped")
    with Lab(declare(lambda p, one: (one.undo(undo), p.on_failure(time_limit="2h")(fine)))) as lab:
        assert lab.registry.queues() == ["p.fine", "p.one", "p.two", "p.undo"]
        assert lab.result(lab.run({})) == ""


def test_recover_hooks_belong_to_undos_too() -> None:
    world = World()
    trip = make_trip(world)

    @trip.handlers["give_back"].on_recover
    def lookup(name: str) -> Booking:
        if name in world.done:
            return Booking(id=name)
        raise NotDone

    for place in ("once.after_intent", "once.after_call"):
        world.done.clear()
        with Lab(trip) as lab:
            job = lab.submit({})
            lab.crash(place, times=8)
            with pytest.raises(Crash):
                lab.finish(job)
            lab.recover()
            assert lab.finish(job).state == "failed"
        assert world.done == WHOLE
