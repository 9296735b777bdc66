"""Circuit breakers: a provider that is down or without credit, and what becomes of the runs that meet it."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from stagepass import Context, Pipeline, QuotaExhausted, RateLimited, Retry, Transient
from stagepass.bus.provider_limits import DOWN_AFTER, RedisProviderLimits
from stagepass.engine.maintain.closed_providers import ClosedProviders
from stagepass.engine.model.limits import Limit
from stagepass.engine.model.states import JobState, RunState
from stagepass.errors import Blocked, Permanent, Unavailable
from stagepass.testing import Lab
from tests.support.api import RedisServer, redis_server
from tests.support.shapes import Word
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as made:
        yield made


@pytest.fixture
def client(server: RedisServer) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(server.url) as made:
        made.flushall()  # a server of these tests' own
        yield made


def entered(gate: RedisProviderLimits, ticket: str = "t") -> bool:
    return gate.enter("suno", Limit(), ticket, at_most=60)[0] == 0


def past(client: "redis.Redis") -> None:
    """The pause is over."""
    client.hset("stagepass:gate:{suno}:breaker", "until", 1)


def using(*problems: BaseException, **options: Any) -> tuple[Pipeline, list[int]]:
    p, calls, left = Pipeline("using", input=Word), [], list(problems)
    options.setdefault("retry", Retry(2, wait="1s", jitter=0))

    @p.stage(**options)
    def call(ctx: Context, request: Word) -> Word:
        def ask() -> str:
            with ctx.using("suno"):
                calls.append(ctx.attempt)
                if left:
                    raise left.pop(0)
            return "x"

        return Word(text=ctx.once("order", ask))

    return p, calls


# ── down ──


def test_a_provider_that_does_not_answer_several_times_in_a_row_is_closed_with_growing_pauses(
    client: "redis.Redis",
) -> None:
    gate = RedisProviderLimits(client)
    for number in range(DOWN_AFTER):
        assert gate.breakers() == []
        assert entered(gate)
        assert gate.failed("suno", "t") == 0, f"call {number} pays its own attempt"
        gate.leave("suno", "t", healthy=False)
    (breaker,) = gate.breakers()
    assert (breaker.provider, breaker.reason, breaker.tried) == ("suno", "down", False)
    pauses = []
    for _ in range(8):
        assert gate.enter("suno", Limit(), "x", at_most=60)[1] == "down"
        past(client)
        assert entered(gate, "probe")
        assert gate.breakers()[0].tried
        assert not entered(gate, "second"), "one at a time"
        pauses.append(gate.failed("suno", "probe"))
        gate.leave("suno", "probe", healthy=False)
    assert pauses == [10, 20, 40, 80, 160, 300, 300, 300]
    assert gate.breakers()[0].since == breaker.since
    past(client)
    assert entered(gate, "probe")
    gate.leave("suno", "probe", healthy=True)
    assert gate.breakers() == []


def test_an_answer_in_between_begins_the_count_anew(client: "redis.Redis") -> None:
    gate = RedisProviderLimits(client)
    for number in range(3 * DOWN_AFTER):
        assert entered(gate)
        bad = number % DOWN_AFTER != 0
        if bad:
            gate.failed("suno", "t")
        gate.leave("suno", "t", healthy=not bad)
    assert gate.breakers() == []


def test_a_call_that_was_under_way_does_not_open_what_is_closed_since(client: "redis.Redis") -> None:
    gate = RedisProviderLimits(client)
    assert entered(gate, "old")
    gate.close_for("suno", 60, "quota_exhausted")
    gate.leave("suno", "old", healthy=True)
    assert [b.reason for b in gate.breakers()] == ["quota_exhausted"]
    gate.close_for("suno", 1, "rate_limited")
    assert [b.reason for b in gate.breakers()] == ["quota_exhausted"], "the longer pause stays"


def test_a_probe_that_dies_does_not_close_its_provider_for_good(client: "redis.Redis") -> None:
    gate = RedisProviderLimits(client)
    gate.close_for("suno", 0.02, "rate_limited")
    wait_until(lambda: entered(gate, "dies"), 5)
    wait_until(lambda: entered(gate, "next"), 5, "one per period")


def test_emptied_and_unreachable(client: "redis.Redis") -> None:
    gate = RedisProviderLimits(client)
    gate.close_for("suno", 60, "quota_exhausted")
    client.delete("stagepass:gate:{suno}:breaker")
    assert gate.breakers() == []
    assert client.smembers("stagepass:gate:breakers") == set()
    with redis.Redis.from_url("unix:///nowhere/redis.sock") as nowhere, pytest.raises(Unavailable):
        RedisProviderLimits(nowhere).breakers()


# ── what a run that meets one does ──


@pytest.mark.parametrize(
    ("problem", "opens"),
    [
        (Transient("502"), True),
        (ConnectionRefusedError(), True),
        (Blocked("no"), False),
        (Permanent("no"), False),
        (ValueError("a bug"), False),
    ],
)
def test_only_silence_counts_as_down(client: "redis.Redis", problem: Exception, opens: bool) -> None:
    p, calls = using(problem, retry=Retry(0))
    with Lab(p, provider_limits=RedisProviderLimits(client, down_after=1)) as lab:
        assert lab.run({"text": "a"}).state in (JobState.FAILED, JobState.HELD)
        assert calls == [1]
        assert bool(RedisProviderLimits(client).breakers()) is opens


def test_the_call_that_tries_a_provider_which_is_down_pays_no_attempt(client: "redis.Redis") -> None:
    p, calls = using(ConnectionRefusedError())
    gate = RedisProviderLimits(client)
    gate.close_for("suno", 60, "down")
    past(client)
    with Lab(p, provider_limits=gate) as lab:
        job = lab.submit({"text": "a"})
        lab.step()
        assert lab.store.count_parked("suno") == [("using.call", 1)]
        assert lab.store.count_parked("suno", "local") == [("using.call", 1)]
        assert lab.store.count_parked("suno", "kim") == []
        past(client)
        assert lab.finish(job).state is JobState.COMPLETED
        assert calls == [1, 1]
        assert [one.outcome for one in lab.store.attempts([f"{job.id}.call"])] == ["completed"]
        assert lab.store.count_parked("suno") == []


def test_a_purchase_that_tries_it_and_hears_nothing_is_held_and_not_made_again(client: "redis.Redis") -> None:
    p, calls = using(TimeoutError())
    gate = RedisProviderLimits(client)
    gate.close_for("suno", 60, "down")
    past(client)
    with Lab(p, provider_limits=gate) as lab:
        job = lab.submit({"text": "a"})
        lab.step()
        past(client)
        assert lab.finish(job).state is JobState.HELD
        assert calls == [1]


def test_lesson_18_the_relay_sends_one_to_try_and_wakes_all_when_it_answers(client: "redis.Redis") -> None:
    gate = RedisProviderLimits(client)
    p, calls = using(QuotaExhausted("no credit"), QuotaExhausted("no credit"))
    with Lab(p, provider_limits=gate) as lab:
        parking = ClosedProviders(lab.store, lab.engine.committer, gate, lab.clock)
        jobs = [lab.submit({"text": "a"}) for _ in range(5)]
        while lab.step():
            pass
        assert calls == [1]
        assert lab.store.count_parked("suno") == [("using.call", 5)]
        client.hset("stagepass:gate:{suno}:breaker", "until", lab.clock.now() + 60_000)
        parking.look()
        assert not lab.step(), "the pause is not over"
        for _ in range(2):
            past(client)
            parking.look()
            assert lab.step()
            if len(calls) == 2:
                client.hset("stagepass:gate:{suno}:breaker", "until", lab.clock.now() + 60_000)
                parking.look()
                assert not lab.step(), "one per pause"
        assert calls == [1, 1, 1]
        assert gate.breakers() == []
        parking.look()
        while lab.step():
            pass
        assert [lab.job(job).state for job in jobs] == [JobState.COMPLETED] * 5
        assert calls == [1] * 7
        told = [event.data["message"] for event in lab.engine.events(jobs[0].id) if event.type == "stage.waiting"]
        assert told == ["suno: quota_exhausted"], "it is told, and once"


def test_what_polls_is_not_taken_for_parked(client: "redis.Redis") -> None:
    p = Pipeline("polls", input=Word)
    asked: list[int] = []

    @p.stage()
    def call(ctx: Context, request: Word) -> Word:
        with ctx.using("suno"):
            asked.append(1)
        return ctx.wait(lambda: None if len(asked) < 9 else request, every="60s", at_most="5m")

    gate = RedisProviderLimits(client)
    gate.close_for("suno", 60, "quota_exhausted")
    with Lab(p, provider_limits=gate) as lab:
        job = lab.submit({"text": "a"})
        lab.step()
        assert lab.store.count_parked("suno") == [("polls.call", 1)]
        past(client)
        lab.clock.advance(700)
        lab.relay.promote()
        lab.step()
        assert lab.store.runs_of(job.id)[0].state is RunState.WAITING
        assert lab.store.count_parked("suno") == []


def test_a_vendor_that_says_days_closes_itself_for_an_hour_at_most(client: "redis.Redis") -> None:
    p, _ = using(RateLimited("slow down", retry_after=7 * 86_400), run_limit="10d", time_limit="5m")
    with Lab(p, provider_limits=RedisProviderLimits(client)) as lab:
        job = lab.submit({"text": "a"})
        lab.step()
        pause, _ = RedisProviderLimits(client).enter("suno", Limit(), "t", at_most=60)
        assert 3590 < pause <= 3600
        (run,) = lab.engine.runs(lab.job(job))
        assert run.due_at - lab.clock.now() <= 3_700_000, "nor does the stage run that met it wait for longer"


def test_to_come_back_later_than_the_stage_may_take_fails_and_says_so(client: "redis.Redis") -> None:
    p, _ = using(RateLimited("slow down", retry_after=3000), run_limit="10m", time_limit="5m")
    with Lab(p, provider_limits=RedisProviderLimits(client)) as lab:
        job = lab.submit({"text": "a"})
        lab.step()
        failed = lab.job(job)
        assert failed.state is JobState.FAILED
        assert failed.error is not None
        assert failed.error["code"] == "rate_limited"
        assert "come back after 50 min, and this stage run may take 10 min" in failed.error["message"]
        assert "run_limit" in failed.error["advice"]


def test_a_breaker_that_closed_while_no_relay_looked_leaves_nobody_asleep(client: "redis.Redis") -> None:
    gate = RedisProviderLimits(client)
    p, calls = using(QuotaExhausted("no credit"))
    with Lab(p, provider_limits=gate) as lab:
        jobs = [lab.submit({"text": "a"}) for _ in range(3)]
        while lab.step():
            pass
        assert lab.store.count_parked("suno") == [("using.call", 3)]
        client.flushall()
        ClosedProviders(lab.store, lab.engine.committer, gate, lab.clock).look()
        while lab.step():
            pass
        assert [lab.job(job).state for job in jobs] == [JobState.COMPLETED] * 3
        assert len(calls) == 4
