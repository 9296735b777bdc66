"""Money: noted once, together with what it bought; what was spent, saved and paid twice."""

from collections.abc import Callable
from typing import Any

import pytest

from stagepass import Context, Pipeline, Retry, Transient, Wait
from stagepass.engine.model.orders import Anew
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import JobState
from stagepass.reports import ledger
from stagepass.reports.prices import Prices
from stagepass.testing import Crash, Lab
from tests.support.shapes import Word

QUICK = Retry(2, wait="1s", jitter=0)


def shop(after: Callable[[Context], Any] = lambda ctx: None, *, once: bool = True) -> Pipeline:
    """write ($1) → sing ($10), each paid inside `once` unless told otherwise; then `after` is called in sing."""
    p = Pipeline("shop", input=Word)

    def buy(ctx: Context, usd: float) -> str:
        def call() -> str:
            ctx.spend(provider="suno", model="v5", tokens_in=3, usd=usd)
            return "x"

        return ctx.once("order", call) if once else call()

    @p.stage(retry=QUICK)
    def write(ctx: Context, request: Word) -> Word:
        buy(ctx, 1)
        return request

    @p.stage(after=write, retry=QUICK)
    def sing(ctx: Context, write: Word) -> Word:
        buy(ctx, 10)
        after(ctx)
        return write

    return p


def money(lab: Lab, job: Job) -> dict[str, tuple[float, float, float]]:
    lines = ledger.of_job(lab.store, lab.registry, lab.job(job))
    return {stage: (line.spent, line.saved, line.twice) for stage, line in lines.items()}


def raises(*problems: BaseException) -> Callable[[Context], None]:
    left = list(problems)

    def act(ctx: Context) -> None:
        if left:
            raise left.pop(0)

    return act


def test_a_first_attempt_saves_nothing() -> None:
    with Lab(shop()) as lab:
        job = lab.run({"text": "a"})
        assert money(lab, job) == {"write": (1, 0, 0), "sing": (10, 0, 0)}


def test_each_further_attempt_saves_what_it_stood_on() -> None:
    with Lab(shop(raises(Transient("x"), Transient("x")))) as lab:
        job = lab.run({"text": "a"})
        assert lab.job(job).state is JobState.COMPLETED
        assert money(lab, job) == {"write": (1, 2, 0), "sing": (10, 20, 0)}
        assert ledger.of_all(lab.store, lab.registry)["shop.sing"].saved == 20
        assert ledger.of_all(lab.store, lab.registry, since=lab.clock.now() + 1) == {}


def test_outside_of_once_a_further_attempt_pays_again_and_is_told() -> None:
    with Lab(shop(raises(Transient("x")), once=False)) as lab:
        job = lab.run({"text": "a"})
        assert money(lab, job) == {"write": (1, 1, 0), "sing": (20, 0, 10)}


def test_a_redrive_saves_and_its_price_is_told_before() -> None:
    with Lab(shop(raises(*[Transient("x")] * 3))) as lab:
        done = lab.run({"text": "before"})  # fails: three attempts
        assert lab.job(done).state is JobState.FAILED
        assert Prices(lab.store, lab.registry).of(lab.job(done)).sampled == 0
        lab.run({"text": "b"})
        price = Prices(lab.store, lab.registry).of(lab.job(done))
        assert (price.usd, price.later_usd, price.spent, price.kept_usd) == (0, 0, 11, 11)
        assert (price.kept_calls, price.kept_stages, price.sampled, price.runs) == (["sing: order"], ["write"], 1, 1)
        lab.engine.redrive(f"{done.id}.sing", None)
        lab.finish(done)
        assert money(lab, done) == {"write": (1, 3, 0), "sing": (10, 30, 0)}


def test_the_price_of_what_is_not_kept_is_the_median_of_its_stage() -> None:
    p = Pipeline("shop", input=Word)
    prices = [1.0, 100.0, 3.0]

    @p.stage(retry=Retry(0))
    def first(ctx: Context, request: Word) -> Word:
        if request.text == "bad":
            raise ValueError("x")
        ctx.spend(provider="p", usd=prices.pop(0))
        return request

    @p.stage(after=first, retry=Retry(0))
    def last(ctx: Context, first: Word) -> Word:
        ctx.spend(provider="p", usd=5)
        return first

    with Lab(p) as lab:
        for _ in range(3):
            lab.run({"text": "a"})
        bad = lab.run({"text": "bad"})
        price = Prices(lab.store, lab.registry).of(lab.job(bad))
        assert (price.usd, price.later_usd, price.kept_usd) == (3, 5, 0)


def test_a_stage_made_again_is_given_up_not_paid_twice() -> None:
    with Lab(shop()) as lab:
        job = lab.run({"text": "a"})
        lab.engine.retry(job.id, "write", None, anew=Anew.YES)
        lab.finish(job)
        found = money(lab, job)
        assert (found["write"][0], found["sing"][0]) == (2, 20), "its runs are made anew, and their payments are kept"
        assert (found["write"][2], found["sing"][2]) == (0, 0)


@pytest.mark.parametrize("form", ["plain", "async"])
@pytest.mark.parametrize(("point", "noted"), [("once.after_call", 0), ("once.after_record", 1)])
def test_the_price_is_kept_with_the_value_or_not_at_all(point: str, noted: int, form: str) -> None:
    p = Pipeline("shop", input=Word)

    def sing(ctx: Context, request: Word) -> Word:
        def call() -> str:
            ctx.spend(provider="suno", usd=10)
            return "x"

        return Word(text=ctx.once("order", call))

    async def sing_async(ctx: Context, request: Word) -> Word:
        async def call() -> str:
            ctx.spend(provider="suno", usd=10)
            return "x"

        return Word(text=await ctx.once_async("order", call))

    sing_async.__name__ = "sing"
    p.stage(retry=QUICK)(sing if form == "plain" else sing_async)

    with Lab(p) as lab:
        job = lab.submit({"text": "a"})
        lab.crash(point)
        with pytest.raises(Crash):
            lab.step()
        memos = [memo for memo in lab.store.memos(f"{job.id}.sing") if memo.value is not None]
        assert len(memos) == len(lab.store.spends(job.id)) == noted


def test_what_a_recovered_call_cost_is_noted_by_its_hook() -> None:
    p = Pipeline("shop", input=Word)

    @p.stage(retry=QUICK)
    def sing(ctx: Context, request: Word) -> Word:
        def call() -> str:
            ctx.spend(provider="suno", usd=10)
            return "x"

        return Word(text=ctx.once("order", call))

    @sing.on_recover
    def found(ctx: Context, name: str) -> str:
        ctx.spend(provider="suno", usd=10)
        return "x"

    with Lab(p) as lab:
        job = lab.submit({"text": "a"})
        lab.crash("once.after_call")
        with pytest.raises(Crash):
            lab.step()
        lab.recover()
        lab.finish(job)
        assert money(lab, job) == {"sing": (10, 0, 0)}
        assert [spend.memo for spend in lab.store.spends(job.id)] == ["order"]


def test_after_a_wait_the_way_through_the_stage_notes_nothing_again() -> None:
    p = Pipeline("shop", input=Word)
    looks: list[int] = []

    @p.stage(retry=QUICK)
    def sing(ctx: Context, request: Word) -> Word:
        ctx.once("order", lambda: ctx.spend(provider="a", usd=1) or "x")
        ctx.spend(provider="b", usd=2)
        ctx.spend(provider="b", usd=2)
        ctx.spend(provider="c", usd=4, key=f"look{len(looks)}")
        ctx.spend(provider="d", usd=8, key="invoice 7")
        looks.append(1)
        if len(looks) < 3:
            raise Wait("1s")
        return request

    with Lab(p) as lab:
        job = lab.run({"text": "a"})
        spends = [(spend.provider, spend.usd) for spend in lab.store.spends(job.id)]
        assert sorted(spends) == [("a", 1), ("b", 2), ("b", 2), ("c", 4), ("c", 4), ("c", 4), ("d", 8)]
        assert money(lab, job)["sing"][2] == 0


def test_what_the_stage_gave_up_itself_is_spent_and_neither_saved_nor_twice() -> None:
    def again(ctx: Context) -> None:
        if ctx.attempt == 1:
            ctx.forget("order")
            raise Transient("the song was no good")

    with Lab(shop(again)) as lab:
        job = lab.run({"text": "a"})
        assert money(lab, job) == {"write": (1, 1, 0), "sing": (20, 0, 0)}


def test_the_same_call_paid_by_two_purchases_is_told_as_twice() -> None:
    with Lab(shop(raises(Transient("x")))) as lab:
        job = lab.submit({"text": "a"})
        lab.step()
        lab.step()
        with lab.store._writes.begin() as db:  # as a bug in the memos would
            db.exec_driver_sql("DELETE FROM memos")
        lab.finish(job)
        assert money(lab, job)["sing"] == (20, 10, 10)


@pytest.mark.parametrize("key", ["", "x" * 81])
def test_a_key_has_a_length(key: str) -> None:
    p = Pipeline("shop", input=Word)

    @p.stage(retry=QUICK)
    def sing(ctx: Context, request: Word) -> Word:
        ctx.spend(provider="a", usd=1, key=key)
        return request

    with Lab(p) as lab:
        job = lab.run({"text": "a"})
        error = lab.job(job).error
        assert error is not None
        assert "1 to 80 characters" in error["message"]
