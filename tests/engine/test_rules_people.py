"""What people ask of a job: cancel, resume, retry, redrive, discard, decide, hold and go step by step."""

from typing import Any

import pytest
import sqlalchemy as sa

from stagepass import Cancel, Context, Permanent, Pipeline, Retry, Transient
from stagepass.engine.commit.claims import Claim
from stagepass.engine.model.ids import run_id
from stagepass.engine.model.orders import Anew
from stagepass.engine.model.records import Tally
from stagepass.engine.model.states import JobState, RunState
from stagepass.errors import Conflict, InvalidInput, NotFound, OutcomeUnknown
from stagepass.testing import Crash, Lab
from tests.engine.test_rules_forward import buys, fails, numbers_have_no_gap
from tests.support.shapes import Word, chain, diamond, fan


def states(lab: Lab, job: Any) -> dict[str, str]:
    return {run.stage: run.state.value for run in lab.engine.runs(lab.job(job))}


# ── cancel ───────────────────────────────────────────────────────────────────────────────────────


def to(lab: Lab, where: str) -> Any:
    """A job whose stage `two` is at that point."""
    job = lab.submit({"text": "a"}, delay=60 if where == "delayed" else 0)
    if where in ("delayed", "queued"):
        return job
    lab.step()
    if where != "ready":
        lab.step()
    return job


@pytest.mark.parametrize("where", ["delayed", "queued", "ready", "waiting", "retrying", "held", "parked"])
def test_what_does_not_run_is_cancelled_at_once(where: str) -> None:
    def act(ctx: Context, stage: str) -> None:
        if where == "waiting":
            ctx.wait(lambda: None, every=60, at_most=240)
        if where == "retrying":
            raise Transient("x")
        if where == "held":
            ctx.once("buy", lambda: (_ for _ in ()).throw(Transient("no answer")))

    with Lab(chain(acts={"two": act})) as lab:
        if where == "held":
            job = lab.run({"text": "a"})
            assert job.state is JobState.HELD
        elif where == "parked":
            job = to(lab, "ready")
            stage = lab.registry.latest("chain").stages.pop("two")
            (claimed,) = lab.engine.committer.do(Claim(("chain.two",), 1, lab.worker)).claimed
            lab.attempt(claimed)
            lab.registry.latest("chain").stages["two"] = stage
            assert states(lab, job)["two"] == "parked"
        else:
            job = to(lab, where)
        lab.engine.cancel(job.id, None)
        assert lab.job(job).state is JobState.CANCELLED
        assert lab.events(job)[-1] == "job.cancelled"
        assert "job.cancelling" not in lab.events(job)
        lab.clock.advance(3600)
        assert lab.relay.promote() == 0
        assert not lab.step()
        with pytest.raises(Conflict):
            lab.engine.cancel(job.id, None)
        assert numbers_have_no_gap(lab, job)


def test_a_running_stage_stops_at_its_next_ctx_call_and_buys_nothing() -> None:
    bought: list[str] = []

    def act(ctx: Context, stage: str) -> None:
        lab.engine.cancel(ctx.job_id, None)
        ctx.once("buy", lambda: bought.append("x"))

    with Lab(chain(acts={"two": act})) as lab:
        job = lab.run({"text": "a"})
        assert job.state is JobState.CANCELLED
        assert bought == []
        assert lab.events(job)[-3:] == ["job.cancelling", "stage.cancelled two", "job.cancelled"]
        assert lab.engine.cancel  # a second request while it runs is harmless


@pytest.mark.parametrize("end", ["returns", "fails", "waits", "cancels"])
def test_however_a_running_stage_ends_the_job_is_cancelled(end: str) -> None:
    def act(ctx: Context, stage: str) -> None:
        lab.engine.cancel(ctx.job_id, None)
        lab.engine.cancel(ctx.job_id, None)
        if end == "fails":
            raise Transient("x")
        if end == "waits":
            ctx.wait(lambda: None, every=1, at_most=10)
        if end == "cancels":
            raise Cancel

    with Lab(chain(acts={"two": act})) as lab:
        job = lab.run({"text": "a"})
        assert job.state is JobState.CANCELLED
        assert [e for e in lab.events(job) if e.startswith("job.")] == [
            "job.accepted",
            "job.cancelling",
            "job.cancelled",
        ]
        assert states(lab, job)["two"] == ("completed" if end == "returns" else "cancelled")
        assert "three" not in states(lab, job)


def remote(*, recover: bool = False) -> tuple[Pipeline, list[Any]]:
    """Begins something elsewhere, waits for it, and can stop it."""
    p, stopped = Pipeline("remote", input=Word), []

    @p.stage()
    def song(ctx: Context, request: Word) -> Word:
        task = ctx.once("task", lambda: "T1")
        ctx.wait(lambda: None, every="10s", at_most="5m")
        return Word(text=task)

    @song.on_cancel
    def stop(ctx: Context, memos: dict[str, Any], request: Word) -> None:
        stopped.append((request.text, memos))
        if request.text == "broken":
            raise ConnectionError

    return p, stopped


@pytest.mark.parametrize("text", ["a", "broken"])
def test_what_was_begun_elsewhere_is_stopped_there_and_the_job_is_cancelled_in_any_case(text: str) -> None:
    p, stopped = remote()
    with Lab(p) as lab:
        job = lab.submit({"text": text})
        lab.step()
        lab.engine.cancel(job.id, None)
        assert lab.job(job).state is JobState.RUNNING
        job = lab.finish(job)
        assert job.state is JobState.CANCELLED
        assert stopped == [(text, {"task": "T1"})]
        assert lab.events(job)[-2:] == ["stage.cancelled song", "job.cancelled"]
        lab.engine.resume(job.id, None)
        lab.step()
        assert lab.job(job).state is JobState.RUNNING


def test_a_job_that_has_not_begun_anything_elsewhere_is_cancelled_without_its_hook() -> None:
    p, stopped = remote()
    with Lab(p) as lab:
        job = lab.submit({"text": "a"})
        lab.engine.cancel(job.id, None)
        assert lab.job(job).state is JobState.CANCELLED
        assert stopped == []


def test_while_a_job_is_being_cancelled_nothing_of_it_can_be_sent_again() -> None:
    p, _ = remote()
    with Lab(p) as lab:
        job = lab.submit({"text": "a"})
        lab.step()
        lab.engine.cancel(job.id, None)
        for ask in (lambda: lab.engine.resume(job.id, None), lambda: lab.engine.retry(job.id, "song", None)):
            with pytest.raises(Conflict):
                ask()
        assert lab.finish(job).state is JobState.CANCELLED


def test_a_stage_may_cancel_its_whole_job() -> None:
    def act(ctx: Context, stage: str) -> None:
        raise Cancel("the photo shows nobody")

    with Lab(diamond(acts={"left": act})) as lab:
        job = lab.run({"text": "a"})
        assert job.state is JobState.CANCELLED
        assert job.error == {"code": "cancelled", "message": "the photo shows nobody", "stage": "left"}
        assert lab.events(job)[-1] == "job.cancelled"


# ── resume, redrive, discard ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ask", ["resume", "redrive"])
def test_a_failed_job_goes_on_from_where_it_failed_with_a_full_budget(ask: str) -> None:
    shape = chain(acts={"two": fails(*[Transient("x")] * 5)})
    with Lab(shape) as lab:
        job = lab.run({"text": "a"})
        assert job.state is JobState.FAILED
        if ask == "resume":
            lab.engine.resume(job.id, "local")
        else:
            lab.engine.redrive(run_id(job.id, "two"), None)
        job = lab.finish(job)
        assert job.state is JobState.COMPLETED
        assert (job.error, lab.result(job)) == (None, {"text": "a123"})
        assert shape.calls == ["one"] + ["two"] * 6 + ["three"]  # type: ignore[attr-defined]
        resumed = next(e for e in lab.engine.events(job.id) if e.type == "job.resumed")
        assert resumed.data["kept"] == ["one"]
        assert numbers_have_no_gap(lab, job)


def test_a_resume_keeps_what_was_bought() -> None:
    bought: list[str] = []
    problems = [Permanent("later")]

    def act(ctx: Context, stage: str) -> None:
        ctx.once("song", lambda: bought.append("x"))
        if problems:
            raise problems.pop()

    with Lab(chain(acts={"two": act})) as lab:
        job = lab.run({"text": "a"})
        lab.engine.resume(job.id, None)
        assert lab.finish(job).state is JobState.COMPLETED
        assert bought == ["x"]


def test_a_cancelled_job_can_be_resumed() -> None:
    shape = chain()
    with Lab(shape) as lab:
        job = lab.submit({"text": "a"})
        lab.step()
        lab.engine.cancel(job.id, None)
        lab.engine.resume(job.id, None)
        assert lab.result(lab.finish(job)) == {"text": "a123"}
        assert shape.calls == ["one", "two", "three"]  # type: ignore[attr-defined]


def test_only_what_has_stopped_can_be_resumed_and_only_by_its_owner() -> None:
    with Lab(chain()) as lab:
        job = lab.submit({"text": "a"}, owner="kim")
        with pytest.raises(Conflict):
            lab.engine.resume(job.id, "kim")
        for ask in (lab.engine.cancel, lab.engine.resume, lambda i, o: lab.engine.retry(i, "one", o)):
            with pytest.raises(NotFound):
                ask(job.id, "lee")
        lab.finish(job)
        with pytest.raises(Conflict):
            lab.engine.resume(job.id, "kim")
        with pytest.raises(Conflict):
            lab.engine.redrive(run_id(job.id, "one"), "kim")
        with pytest.raises(NotFound):
            lab.engine.redrive("nothing", None)


def test_a_dead_letter_can_be_given_up_and_taken_up_again() -> None:
    with Lab(chain(acts={"two": fails(Permanent("x"))})) as lab:
        job = lab.run({"text": "a"})
        dead = run_id(job.id, "two")
        lab.engine.discard(dead, None)
        assert states(lab, job)["two"] == "discarded"
        assert lab.job(job).state is JobState.FAILED
        with pytest.raises(Conflict):
            lab.engine.discard(dead, None)
        lab.engine.redrive(dead, None)
        assert lab.finish(job).state is JobState.COMPLETED


# ── retry from a stage ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("stage", "made_again"),
    [
        ("top", ["bottom", "left", "right", "top"]),
        ("left", ["bottom", "left"]),
        ("right", ["bottom", "right"]),
        ("bottom", ["bottom"]),
    ],
)
@pytest.mark.parametrize("failed", [True, False])
def test_a_retry_from_a_stage_makes_it_and_what_follows_and_only_that(
    stage: str, made_again: list[str], failed: bool
) -> None:
    shape = diamond(acts={"bottom": fails(Permanent("x"))} if failed else {})
    with Lab(shape) as lab:
        job = lab.run({"text": "a"})
        shape.calls.clear()  # type: ignore[attr-defined]
        lab.engine.retry(job.id, stage, None)
        job = lab.finish(job)
        assert lab.result(job) == {"text": "atlatrb"}
        assert sorted(shape.calls) == made_again  # type: ignore[attr-defined]
        assert job.tally == {name: Tally(1, 1) for name in ("top", "left", "right", "bottom")}
        assert numbers_have_no_gap(lab, job)


def test_a_retry_goes_on_with_what_was_bought_unless_it_is_told_to_buy_again() -> None:
    p, _ = buys()
    with Lab(p) as lab:
        job = lab.run({"text": "a"})
        lab.engine.retry(job.id, "buy", None)
        assert lab.result(lab.finish(job)) == {"text": "song1"}
        lab.engine.retry(job.id, "buy", None, anew=Anew.YES)
        assert lab.result(lab.finish(job)) == {"text": "song2"}


@pytest.mark.parametrize("stage", ["split", "each", "join"])
@pytest.mark.parametrize("text", ["abc", "-"])
def test_a_retry_of_a_fan_makes_its_items_again(stage: str, text: str) -> None:
    with Lab(fan()) as lab:
        job = lab.run({"text": text})
        lab.engine.retry(job.id, stage, None)
        job = lab.finish(job)
        assert lab.result(job) == {"text": text.replace("-", "").upper()}
        count = len(text.replace("-", ""))
        assert job.tally == {"split": Tally(1, 1), "each": Tally(count, count), "join": Tally(1, 1)}


def test_a_retry_is_refused_while_its_stage_runs_or_lacks_its_input() -> None:
    with Lab(chain()) as lab:
        job = lab.submit({"text": "a"})
        with pytest.raises(Conflict, match="two needs the result of one"):
            lab.engine.retry(job.id, "two", None)
        with pytest.raises(NotFound, match="one, two, three"):
            lab.engine.retry(job.id, "four", None)
        (claimed,) = lab.engine.committer.do(Claim(("chain.one",), 1, lab.worker)).claimed
        with pytest.raises(Conflict, match="one is running"):
            lab.engine.retry(job.id, "one", None)
        lab.attempt(claimed)
        assert lab.finish(job).state is JobState.COMPLETED


@pytest.mark.parametrize("where", ["ready", "waiting", "retrying"])
def test_a_retry_of_a_stage_that_is_about_to_run_begins_it_afresh(where: str) -> None:
    asked = []

    def act(ctx: Context, stage: str) -> None:
        asked.append(ctx.attempt)
        if len(asked) == 1 and where == "waiting":
            ctx.wait(lambda: None, every=60, at_most=240)
        if len(asked) == 1 and where == "retrying":
            raise Transient("x")

    with Lab(chain(acts={"two": act})) as lab:
        job = to(lab, where)
        lab.engine.retry(job.id, "two", None)
        assert states(lab, job)["two"] == "ready"
        before = lab.clock.now()
        assert lab.finish(job).state is JobState.COMPLETED
        assert lab.clock.now() == before


# ── hold and decide ──────────────────────────────────────────────────────────────────────────────


def held(lab: Lab) -> Any:
    job = lab.submit({"text": "a"})
    lab.crash("once.after_call")
    with pytest.raises(Crash):
        lab.finish(job)
    lab.recover()
    job = lab.finish(job)
    assert job.state is JobState.HELD
    return job


def test_a_held_purchase_is_decided_by_a_value_or_by_allowing_it_again() -> None:
    p, bought = buys()
    with Lab(p) as lab:
        job = held(lab)
        run = run_id(job.id, "buy")
        with pytest.raises(Conflict, match="decide on it first"):
            lab.engine.resume(job.id, None)
        for wrong in ({"value": None}, {"value": "x", "again": True}):
            with pytest.raises(InvalidInput):
                lab.engine.decide(run, None, name="song", **wrong)
        with pytest.raises(NotFound):
            lab.engine.decide(run, None, name="other", again=True)
        lab.engine.decide(run, None, name="song", value="kept")
        assert lab.result(lab.finish(job)) == {"text": "kept"}
        assert len(bought) == 1
        with pytest.raises((Conflict, NotFound)):
            lab.engine.decide(run, None, name="song", again=True)
    p, bought = buys()
    with Lab(p) as lab:
        job = held(lab)
        lab.engine.decide(run_id(job.id, "buy"), None, name="song", again=True)
        assert lab.result(lab.finish(job)) == {"text": "song2"}


@pytest.mark.parametrize("last", ["left", "right"])
def test_a_job_is_held_when_its_other_branches_have_ended(last: str) -> None:
    def act(ctx: Context, stage: str) -> None:
        ctx.once("buy", lambda: (_ for _ in ()).throw(Transient("no answer")))

    other = {"left": "right", "right": "left"}[last]
    with Lab(diamond(acts={other: act})) as lab:
        job = lab.submit({"text": "a"})
        lab.step()
        claimed = lab.engine.committer.do(Claim(tuple(lab.registry.queues()), 2, lab.worker)).claimed
        first, second = sorted(claimed, key=lambda one: one.run.stage == last)
        lab.attempt(first)  # no answer: tried again, and then nobody knows
        lab.clock.advance(5)
        lab.relay.promote()
        lab.step()
        assert lab.job(job).state is JobState.RUNNING
        lab.attempt(second)
        assert lab.job(job).state is JobState.HELD
        lab.engine.decide(run_id(job.id, other), None, name="buy", value=1)
        assert lab.finish(job).state is JobState.COMPLETED


def test_a_job_with_a_held_item_is_held_when_the_other_items_have_ended() -> None:
    def act(ctx: Context, letter: str) -> None:
        if letter == "a":
            ctx.once("buy", lambda: (_ for _ in ()).throw(Transient("no answer")))
        if letter == "c" and ctx.attempt < 3:
            raise Transient("ends after the other is held")

    with Lab(fan(act=act)) as lab:
        job = lab.run({"text": "abc"})
        assert job.state is JobState.HELD
        lab.engine.decide(run_id(job.id, "each", 0), None, name="buy", value=1)
        assert lab.result(lab.finish(job)) == {"text": "ABC"}


@pytest.mark.parametrize("make", [chain, diamond, fan])
@pytest.mark.parametrize("text", ["abc", "-"])
def test_step_by_step_a_job_holds_after_each_stage_until_it_is_told_to_go_on(make: Any, text: str) -> None:
    shape = make()
    with Lab(shape) as lab:
        job = lab.submit({"text": text}, stepwise=True)
        steps = 0
        while lab.finish(job).state is JobState.HELD:
            assert lab.events(job)[-1] == "job.held"
            lab.engine.resume(job.id, None)
            steps += 1
            assert steps < 9
        assert lab.job(job).state is JobState.COMPLETED
        assert lab.events(job)[-1] == "job.completed"
        assert steps == (1 if make is fan and text == "-" else 2)


def test_step_by_step_with_uneven_branches_never_gets_stuck() -> None:
    p = Pipeline("uneven", input=Word)

    @p.stage()
    def a(request: Word) -> Word:
        return request

    @p.stage(after=a)
    def b(a: Word) -> Word:
        return a

    @p.stage(after=a)
    def leaf(a: Word) -> Word:
        return a

    @p.stage(after=b)
    def c(b: Word) -> Word:
        return b

    with Lab(p) as lab:
        job = lab.submit({"text": "x"}, stepwise=True)
        for _ in range(2):
            assert lab.finish(job).state is JobState.HELD
            lab.engine.resume(job.id, None)
        assert lab.finish(job).state is JobState.COMPLETED


def test_a_held_job_with_something_begun_elsewhere_is_cancelled_by_its_hook() -> None:
    p, stopped = Pipeline("both", input=Word), []

    @p.stage(retry=Retry(1, wait="1s"))
    def buy(ctx: Context, request: Word) -> Word:
        ctx.once("a", lambda: "T1")
        ctx.once("b", lambda: (_ for _ in ()).throw(Transient("no answer")))
        return request

    @buy.on_cancel
    def stop(memos: dict[str, Any]) -> None:
        stopped.append(memos)

    with Lab(p) as lab:
        job = lab.run({"text": "a"})
        assert job.state is JobState.HELD
        lab.engine.cancel(job.id, None)
        with pytest.raises(Conflict):
            lab.engine.resume(job.id, None)
        assert lab.finish(job).state is JobState.CANCELLED
        assert stopped == [{"a": "T1"}]
        assert {run.state for run in lab.engine.runs(job)} == {RunState.CANCELLED}


@pytest.mark.parametrize("collect", ["all", "settled"])
def test_one_held_item_does_not_make_the_end_of_each_other_dearer(collect: str) -> None:
    p = Pipeline("wide", input=Word)
    items = 60

    @p.stage()
    def split(request: Word) -> list[int]:
        return list(range(items))

    @p.stage(after=split, each="split", collect=collect)  # type: ignore[arg-type]
    def work(number: int) -> int:
        if number == 0:
            raise OutcomeUnknown("was it bought?")
        return number

    with Lab(p) as lab:
        looks: list[str] = []
        all_runs_of_a_job = "WHERE stage_runs.job_id = ? AND stage_runs.state IN"

        def note(_: object, __: object, statement: str, *more: object) -> None:
            looks.extend([statement] if all_runs_of_a_job in statement else [])

        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        try:
            job = lab.submit({})
            while lab.step():
                pass
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", note)
        assert lab.job(job).state is JobState.HELD
        assert 1 <= len(looks) <= 2
