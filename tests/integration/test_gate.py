"""Limits and breakers of providers, on a real Redis server: what one worker learns holds for all."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from stagepass.bus.connect import sync_client
from stagepass.bus.gate import RedisGate
from stagepass.embedded.redis import EmbeddedRedis
from stagepass.engine.ports import Limit
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
def gates(url: str) -> Iterator[list[RedisGate]]:
    clients = [redis.Redis.from_url(url) for _ in range(3)]
    clients[0].flushall()  # a server of these tests' own
    yield [RedisGate(client) for client in clients]
    for client in clients:
        client.close()


def test_no_more_calls_at_once_than_allowed_across_all_workers(gates: list[RedisGate]) -> None:
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


def test_a_short_call_does_not_forget_a_long_one(gates: list[RedisGate], url: str) -> None:
    gates[0].enter("suno", Limit(concurrency=2), "long", at_most=600)
    gates[0].enter("suno", Limit(concurrency=2), "short", at_most=1)
    with redis.Redis.from_url(url) as client:
        assert client.pttl("stagepass:gate:{suno}:inside") > 500_000


def test_a_place_that_was_never_given_back_is_free_again(gates: list[RedisGate]) -> None:
    limit = Limit(concurrency=1)
    assert gates[0].enter("suno", limit, "dead", at_most=0.05)[0] == 0
    wait_until(lambda: gates[1].enter("suno", limit, "next", at_most=60)[0] == 0, 5)


def test_no_more_calls_in_a_time_than_allowed(gates: list[RedisGate]) -> None:
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


def test_lesson_18_a_closed_provider_is_closed_for_all_and_then_tried_by_one(gates: list[RedisGate]) -> None:
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
    began = time.monotonic()
    with sync_client("unix:///nowhere/redis.sock") as client:
        gate = RedisGate(client)
        assert gate.enter("suno", Limit(rate=1), "t", at_most=1) == (1.0, "limits unknown")
        assert gate.enter("suno", Limit(), "t", at_most=1) == (0.0, "")
        gate.leave("suno", "t", healthy=True)
        gate.close_for("suno", 1, "x")
    assert time.monotonic() - began < 2, "a stage's thread must not stand still"
