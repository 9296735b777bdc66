"""Limits and breakers of providers, on a real Redis server: what one worker learns holds for all."""

import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import redis

from stagepass.bus.connect import sync_client
from stagepass.bus.provider_limits import RedisProviderLimits
from stagepass.embedded.redis import EmbeddedRedis
from stagepass.engine.model.limits import Limit, Waiter
from stagepass.errors import Unavailable
from tests.support.processes import at_once
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="sp-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedRedis(Path(folder))
        server.prepare()
        process = subprocess.Popen(server.argv(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server.wait_ready()
        yield server.urls().bus
        process.kill()
        process.wait(10)


@pytest.fixture
def gates(url: str) -> Iterator[list[RedisProviderLimits]]:
    clients = [redis.Redis.from_url(url) for _ in range(3)]
    clients[0].flushall()  # a server of these tests' own
    yield [RedisProviderLimits(client) for client in clients]
    for client in clients:
        client.close()


def test_no_more_calls_at_once_than_allowed_across_all_workers(gates: list[RedisProviderLimits]) -> None:
    limit = Limit(concurrency=5)
    acts = [lambda n=n: gates[n % 3].enter("suno", limit, f"t{n}", at_most=60) for n in range(30)]
    results = at_once(acts)
    inside = [n for n, (pause, _) in enumerate(results) if pause == 0]
    assert len(inside) == 5
    assert {reason for pause, reason in results if pause} == {"concurrency"}
    gates[0].leave("suno", f"t{inside[0]}", healthy=True)
    assert gates[1].enter("suno", limit, "next", at_most=60)[0] == 0
    assert gates[2].enter("suno", limit, "late", at_most=60)[0] > 0
    assert gates[2].enter("other", limit, "late", at_most=60)[0] == 0


def test_a_short_call_does_not_forget_a_long_one(gates: list[RedisProviderLimits], url: str) -> None:
    gates[0].enter("suno", Limit(concurrency=2), "long", at_most=600)
    gates[0].enter("suno", Limit(concurrency=2), "short", at_most=1)
    with redis.Redis.from_url(url) as client:
        assert client.pttl("stagepass:gate:{suno}:inside") > 500_000


def test_a_place_that_was_never_given_back_is_free_again(gates: list[RedisProviderLimits]) -> None:
    limit = Limit(concurrency=1)
    assert gates[0].enter("suno", limit, "dead", at_most=0.05)[0] == 0
    wait_until(lambda: gates[1].enter("suno", limit, "next", at_most=60)[0] == 0, 5)


def test_no_more_calls_in_a_time_than_allowed(gates: list[RedisProviderLimits]) -> None:
    limit = Limit(rate=3, per=60)
    for number in range(3):
        assert gates[number].enter("suno", limit, f"t{number}", at_most=60)[0] == 0
        gates[number].leave("suno", f"t{number}", healthy=True)
    pause, reason = gates[0].enter("suno", limit, "t4", at_most=60)
    assert reason == "rate"
    assert 50 < pause <= 60
    brief = Limit(rate=1, per=0.05)
    assert gates[0].enter("brief", brief, "a", at_most=60)[0] == 0
    wait_until(lambda: gates[1].enter("brief", brief, "b", at_most=60)[0] == 0, 5)


def test_lesson_18_a_closed_provider_is_closed_for_all_and_then_tried_by_one(gates: list[RedisProviderLimits]) -> None:
    gates[0].close_for("suno", 42, "quota_exhausted")
    for gate in gates:
        pause, reason = gate.enter("suno", Limit(), "t", at_most=60)
        assert reason == "quota_exhausted"
        assert 40 < pause <= 42
    gates[1].close_for("other", 0.02, "rate_limited")
    wait_until(lambda: gates[0].enter("other", Limit(), "trial", at_most=60)[0] == 0, 5)
    assert gates[1].enter("other", Limit(), "second", at_most=60)[1] == "rate_limited", "one at a time"
    gates[0].leave("other", "trial", healthy=False)
    assert gates[1].enter("other", Limit(), "second", at_most=60)[0] == 0
    assert gates[2].enter("other", Limit(), "third", at_most=60)[0] > 0, "still on trial"
    gates[1].leave("other", "second", healthy=True)
    for number, gate in enumerate(gates):
        assert gate.enter("other", Limit(), f"all{number}", at_most=60)[0] == 0


def test_without_redis_limited_calls_wait_and_others_go_on() -> None:
    with hanging_up() as (port, calls), sync_client(f"redis://127.0.0.1:{port}/0") as client:
        gate = RedisProviderLimits(client)
        assert gate.enter("suno", Limit(rate=1), "t", at_most=1) == (1.0, "limits unknown")
        assert gate.enter("suno", Limit(), "t", at_most=1) == (0.0, "")
        gate.leave("suno", "t", healthy=True)
        gate.close_for("suno", 1, "x")
        assert len(calls) <= 4 * 4, "a stage's thread tries once more, with two connections, and does not go on trying"


@contextmanager
def hanging_up() -> Iterator[tuple[int, list[object]]]:
    """A server that ends each connection; its port, and whoever called."""
    calls: list[object] = []

    class HangUp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            calls.append(self.client_address)

    with socketserver.TCPServer(("127.0.0.1", 0), HangUp) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.server_address[1], calls
        server.shutdown()
        thread.join(5)


# ── the line ─────────────────────────────────────────────────────────────────────────────────────


ONE = Limit(concurrency=1)


def ask(
    gate: RedisProviderLimits, run: str, owner: str = "kim", limit: Limit = ONE, *, priority: int = 0
) -> tuple[float, str]:
    return gate.enter("suno", limit, f"ticket {run}", at_most=60, waiter=Waiter(run, owner, priority))


def end(gate: RedisProviderLimits, run: str, limit: Limit = ONE, *, healthy: bool = True) -> list[str]:
    return gate.leave("suno", f"ticket {run}", healthy=healthy, limit=limit)


def test_who_waits_is_called_one_for_each_place_that_is_free(gates: list[RedisProviderLimits]) -> None:
    two = Limit(concurrency=2)
    first, *others = [ask(gates[n % 3], f"r{n}", limit=two) for n in range(100)]
    assert first == others.pop(0) == (0.0, "")
    pauses = [pause for pause, reason in others if reason == "concurrency"]
    assert len(pauses) == 98
    assert pauses == sorted(pauses)
    assert pauses[0] < 0.5, "should its call be lost, the first comes by itself"
    assert pauses[-1] > 20, "and the others do not come all at once"
    assert end(gates[0], "r0", two) == ["r2"]
    assert end(gates[1], "r1", two) == ["r3"]
    assert ask(gates[2], "r3", limit=two)[0] == 0
    assert ask(gates[2], "late", limit=two)[0] > 0, "a place is kept for who was called"
    assert ask(gates[2], "r2", limit=two)[0] == 0
    assert end(gates[2], "r3", two) == ["r4"]


def test_owners_take_turns_in_the_line_within_a_priority(gates: list[RedisProviderLimits]) -> None:
    assert ask(gates[0], "first")[0] == 0
    for n in range(50):
        ask(gates[0], f"kim{n}", "kim")
    ask(gates[0], "lee0", "lee")
    ask(gates[0], "urgent", "park", priority=5)
    ask(gates[0], "lee1", "lee")
    order, running = [], "first"
    for _ in range(6):
        (running,) = end(gates[0], running)
        order.append(running)
        assert ask(gates[0], running)[0] == 0
    assert order[0] == "urgent"
    assert set(order[1:3]) == {"kim0", "lee0"}
    assert set(order[3:5]) == {"kim1", "lee1"}
    assert order[5] == "kim2"


def test_who_was_called_and_does_not_come_loses_its_turn(gates: list[RedisProviderLimits]) -> None:
    assert ask(gates[0], "first")[0] == 0
    ask(gates[0], "gone")
    ask(gates[0], "second")
    assert end(gates[0], "first") == ["gone"]
    assert gates[1].call("suno", ONE, ["x"]) == []
    assert ask(gates[1], "second")[0] > 0, "its place is kept"
    wait_until(lambda: ask(gates[1], "second")[0] == 0, 5, "until its time is over")


def test_of_those_that_were_called_in_vain_others_take_the_turn(gates: list[RedisProviderLimits]) -> None:
    three = Limit(concurrency=3)
    for n in range(9):
        ask(gates[0], f"r{n}", limit=three)
    for n in range(3):
        assert end(gates[0], f"r{n}", three) == [f"r{n + 3}"]
    assert ask(gates[0], "r3", limit=three)[0] == 0
    assert gates[0].call("suno", three, ["r4"]) == ["r6"], "r5 is still on its way"
    assert gates[0].call("suno", three, ["r5", "r6"]) == ["r7", "r8"]


def test_a_rate_says_to_each_that_waits_when_its_place_is_free(gates: list[RedisProviderLimits]) -> None:
    rate = Limit(rate=4, per=10.0)
    pauses = [ask(gates[n % 3], f"r{n}", limit=rate)[0] for n in range(20)]
    assert pauses[:4] == [0.0] * 4
    for place, pause in enumerate(pauses[4:]):
        round_ = 10.0 * (1 + place // 4)
        assert round_ - 3 < pause <= round_
    assert end(gates[0], "r0", rate) == [], "an end makes no room in the rate"


def test_after_a_provider_said_slow_down_those_that_wait_come_by_and_by(gates: list[RedisProviderLimits]) -> None:
    free = Limit()
    assert ask(gates[0], "r0", limit=free)[0] == 0
    gates[0].close_for("suno", 0.2, "rate_limited")
    assert end(gates[0], "r0", free, healthy=False) == []
    assert {ask(gates[n % 3], f"r{n}", limit=free)[1] for n in range(1, 40)} == {"rate_limited"}
    wait_until(lambda: ask(gates[0], "r1", limit=free)[0] == 0, 5, "the first tries")
    assert end(gates[0], "r1", free) == ["r2", "r3"], "who went well calls two"
    assert ask(gates[0], "r2", limit=free)[0] == ask(gates[0], "r3", limit=free)[0] == 0
    assert end(gates[0], "r2", free, healthy=False) == []
    assert end(gates[0], "r3", free) == ["r4", "r5"]


def test_an_owner_s_name_is_not_kept_in_redis(gates: list[RedisProviderLimits], url: str) -> None:
    ask(gates[0], "first", "kim@example.com")
    ask(gates[0], "second", "kim@example.com")
    with redis.Redis.from_url(url) as client:
        kept = [client.dump(key) for key in client.scan_iter()]
        assert len(kept) >= 4
        assert not any(b"kim@" in (text or b"") for text in kept)
        assert client.hlen("stagepass:gate:{suno}:turns") == 1
        assert 0 < client.pttl("stagepass:gate:{suno}:line") < 3_600_000


def turn_has_come(url: str, run: str) -> bool:
    with redis.Redis.from_url(url) as client:
        at: Any = client.zscore("stagepass:gate:{suno}:called", run)
        seconds, micros = cast("tuple[int, int]", client.time())
        return at is not None and at <= seconds * 1000 + micros / 1000


def test_a_place_that_the_rate_promised_is_not_taken_by_who_came_later(
    gates: list[RedisProviderLimits], url: str
) -> None:
    rate = Limit(rate=1, per=0.2)
    assert ask(gates[0], "r0", limit=rate)[0] == 0
    assert ask(gates[1], "r1", limit=rate)[0] > 0
    wait_until(lambda: turn_has_come(url, "r1"), 5, "a call is free again, and it is r1's")
    assert ask(gates[2], "r2", limit=rate)[0] > 0
    wait_until(lambda: ask(gates[2], "r2", limit=rate)[0] == 0, 5, "until r1 has lost its turn")


def test_a_rate_that_was_lowered_promises_no_place_too_early(gates: list[RedisProviderLimits], url: str) -> None:
    with redis.Redis.from_url(url) as client:
        now = int(time.time() * 1000)
        calls = {f"c{number}": now - 9_000 + number * 2_000 for number in range(4)}
        client.zadd("stagepass:gate:{suno}:calls", calls)
        client.pexpire("stagepass:gate:{suno}:calls", 60_000)
    pause, reason = ask(gates[0], "r0", limit=Limit(rate=2, per=10.0))
    assert reason == "rate"
    assert 4.5 < pause <= 5.0, "when only one of the last ten seconds is left"


# ── what operators set ──


def test_a_limit_set_by_hand_holds_for_every_worker_whatever_it_was_given(gates: list[RedisProviderLimits]) -> None:
    own = Limit(concurrency=5, rate=100, per=10)
    assert gates[0].override("suno", Limit(concurrency=1)) == []
    assert gates[1].overrides() == {"suno": Limit(concurrency=1)}
    assert gates[1].enter("suno", own, "a", at_most=60)[0] == 0
    run = Waiter("j.s", "kim")
    assert gates[2].enter("suno", own, "b", at_most=60, waiter=run)[1] == "concurrency"
    assert gates[2].enter("other", Limit(), "b", at_most=60)[0] == 0
    assert gates[0].override("suno", Limit(concurrency=2, rate=9, per=2.5)) == ["j.s"], "it may find a place now"
    assert gates[2].enter("suno", Limit(), "b", at_most=60, waiter=run)[0] == 0
    assert gates[2].enter("suno", Limit(), "c", at_most=60)[1] == "concurrency"
    assert gates[0].overrides() == {"suno": Limit(concurrency=2, rate=9, per=2.5)}
    gates[0].override("suno", None)
    assert gates[0].overrides() == {}
    assert gates[2].enter("suno", own, "c", at_most=60)[0] == 0


def test_a_provider_closed_by_hand_stays_closed_until_it_is_opened(gates: list[RedisProviderLimits]) -> None:
    assert gates[1].enter("suno", Limit(), "before", at_most=60)[0] == 0
    gates[0].close_by_hand("suno")
    gates[1].leave("suno", "before", healthy=True)  # what ran goes on, and its good end opens nothing
    gates[1].close_for("suno", 0.01, "rate_limited")
    gates[1].failed("suno", "before")
    pause, reason = gates[2].enter("suno", Limit(), "t", at_most=60)
    assert (reason, pause > 86_400 * 365) == ("operator", True)
    (breaker,) = gates[0].breakers()
    assert (breaker.provider, breaker.reason, breaker.tried) == ("suno", "operator", False)
    assert gates[0].open("suno") == []
    assert gates[0].breakers() == []
    assert gates[2].enter("suno", Limit(), "t", at_most=60)[0] == 0


def test_opening_calls_those_who_wait_for_the_end_of_a_long_pause(gates: list[RedisProviderLimits]) -> None:
    gates[0].close_for("suno", 3600, "rate_limited")
    for number in range(3):
        waiter = Waiter(f"j{number}.s", "kim")
        assert gates[1].enter("suno", Limit(), f"t{number}", at_most=60, waiter=waiter)[1] == "rate_limited"
    assert gates[2].open("suno") == ["j0.s", "j1.s", "j2.s"]
    assert gates[1].enter("suno", Limit(), "t0", at_most=60, waiter=Waiter("j0.s", "kim"))[0] == 0


def test_without_redis_an_operator_is_told(tmp_path: Path) -> None:
    gate = RedisProviderLimits(sync_client(f"unix://{tmp_path}/none.sock", timeout=0.2))
    for act in (
        lambda: gate.close_by_hand("x"),
        lambda: gate.open("x"),
        lambda: gate.override("x", None),
        gate.overrides,
    ):
        with pytest.raises(Unavailable):
            act()
