"""Counters that Redis was told of without an answer, or that no sum survives."""

import math
from pathlib import Path

import redis

from stagepass.bus.connect import sync_client
from stagepass.bus.publish import RedisBus
from stagepass.engine.model.ports import Tick
from tests.support.outages import RedisServer
from tests.support.proxy import through
from tests.support.waiting import wait_until

NEWS = [Tick("job", "stage", None, 0.5, None, 1)]


def test_a_batch_of_counts_whose_answer_is_lost_is_counted_once(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis").begin()
    with through(server.port, f"redis://127.0.0.1:{server.port}/0") as (proxy, url):
        bus = RedisBus(sync_client(url), streams=1)
        try:
            bus.publish(NEWS)
            wait_until(lambda: counted(server, "stagepass:events:0"), 10, "the first news")
            proxy.words_to_cut = {b"HINCRBYFLOAT": 3}
            bus.count("spends", "q", "vendor")
            bus.count("spend_usd", "q", "vendor", amount=math.inf)
            bus.publish(NEWS)
            wait_until(lambda: proxy.words_to_cut[b"HINCRBYFLOAT"] == 0, 20, "three answers are lost")
            bus.count("spends", "q", "other")
            bus.publish(NEWS)
            wait_until(lambda: len(bus.counters()) == 2, 20, "the counters arrive")
            assert bus.counters() == {("spends", "q", "vendor"): 1.0, ("spends", "q", "other"): 1.0}
        finally:
            bus.close()
            server.kill()


def counted(server: RedisServer, key: str) -> int:
    with server.client() as client:
        try:
            return int(client.xlen(key))  # type: ignore[arg-type]
        except redis.RedisError:
            return 0
