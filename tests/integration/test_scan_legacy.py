"""SCAN_LEGACY_STREAMS: the Redis streams that older clients read."""

import json
from pathlib import Path

import redis as redis_client

from stagepass.declare.registry import Registry
from stagepass.pipelines.scan.legacy import EVENTS, RESULT, shard_of
from tests.support.api import RedisServer, installation
from tests.support.scan import BOTTLE, HASTY
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures",)


def test_each_event_is_copied_to_the_older_streams(tmp_path: Path, redis: RedisServer) -> None:
    registry = Registry(HASTY)
    with installation(tmp_path, redis.url, registry, scan_legacy_streams=True) as made:
        made.work()
        with made.client("ann") as client:
            job = client.post("/api/v1/scan", files={"image": ("a.jpg", BOTTLE)}).json()["job_id"]
            kept = redis_client.Redis.from_url(redis.url)
            wait_until(lambda: kept.exists(RESULT.format(job)), timeout=30, saying="the result is written")
            entries = [fields for _, fields in kept.xrange(EVENTS.format(shard_of(job)))]  # type: ignore[union-attr]
            result = client.get(f"/api/v1/scan/{job}/result").json()
    assert {tuple(sorted(entry)) for entry in entries} == {
        (b"job_id", b"progress", b"result", b"seq", b"stage", b"status", b"ts")
    }
    told = {(entry[b"stage"].decode(), entry[b"status"].decode()) for entry in entries}
    assert told >= {(stage, "completed") for stage in ("queued", "vision", "rule", "answer", "reward", "done")}
    assert sum(entry[b"stage"] == b"reward" and entry[b"status"] == b"started" for entry in entries) == 1
    assert json.loads(kept.get(RESULT.format(job)) or b"null") == result  # type: ignore[arg-type]


def test_without_the_setting_nothing_is_copied(tmp_path: Path, redis: RedisServer) -> None:
    with installation(tmp_path, redis.url, Registry(HASTY)) as made:
        assert made.system.bus._mirror is None
