"""What one owner may take; and that nothing of a person is left once they have asked for that."""

import io
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from stagepass.declare.registry import Registry
from stagepass.engine.maintain.pruner import DAY, Pruner
from stagepass.pipelines.promo.pipeline import promo
from stagepass.pipelines.resume.pipeline import resume
from stagepass.pipelines.scan.pipeline import character, scan, users
from stagepass.store.tables import metadata
from stagepass.testing import HandClock
from tests.support.api import Installation, RedisServer, installation, is_problem, submitted
from tests.support.scan import BOTTLE
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures",)

API = "/api/v1"


def refused(answer: httpx2.Response, limit: str) -> None:
    problem = is_problem(answer, 429, "too_many_requests")
    assert problem["limit"] == limit
    assert int(answer.headers["retry-after"]) >= 1


def test_submits_in_a_minute_are_counted_by_owner(tmp_path: Path, redis: RedisServer) -> None:
    with installation(tmp_path, redis.url, max_submits_per_minute=3) as made:
        with made.client("ann") as ann:
            for _ in range(3):
                submitted(ann)
            refused(ann.post(f"{API}/pipelines/quick/jobs", json={"text": "x"}), "max_submits_per_minute")
        with made.client("bob") as bob:
            submitted(bob)


def test_open_jobs_are_counted_by_owner(tmp_path: Path, redis: RedisServer) -> None:
    with installation(tmp_path, redis.url, max_open_jobs=2) as made:
        with made.client("ann") as ann:
            first = submitted(ann)
            submitted(ann)
            refused(ann.post(f"{API}/pipelines/quick/jobs", json={"text": "x"}), "max_open_jobs")
            assert ann.post(f"{API}/jobs/{first}/cancel").status_code == 202
            submitted(ann)  # one has ended: there is room again
        with made.client("bob") as bob:
            submitted(bob)


def test_stored_bytes_are_counted_by_owner(tmp_path: Path, redis: RedisServer) -> None:
    registry = Registry([scan, character, users])
    with installation(tmp_path, redis.url, registry, max_stored_bytes=1000) as made, made.client("ann") as ann:
        assert ann.post(f"{API}/scan", files={"image": ("a.jpg", BOTTLE)}).status_code == 202
        made.app.state.quotas._bytes.clear()  # a minute has passed
        refused(ann.post(f"{API}/scan", files={"image": ("a.jpg", BOTTLE)}), "max_stored_bytes")
        with made.client("bob") as bob:
            assert bob.post(f"{API}/scan", files={"image": ("a.jpg", BOTTLE)}).status_code == 202


def test_open_streams_are_counted_by_owner_and_a_closed_one_counts_no_more(tmp_path: Path, redis: RedisServer) -> None:
    with installation(tmp_path, redis.url, max_streams=2) as made, made.client("ann") as ann:
        job = submitted(ann)
        streams = made.app.state.quotas._streams
        leave = threading.Event()

        def watch() -> None:
            with made.client("ann") as client, client.stream("GET", f"{API}/jobs/{job}/events"):
                leave.wait(30)

        watching = [threading.Thread(target=watch) for _ in range(2)]
        for thread in watching:
            thread.start()
        wait_until(lambda: streams["ann"] == 2)
        refused(ann.get(f"{API}/jobs/{job}/events"), "max_streams")
        leave.set()
        for thread in watching:
            thread.join(30)
        wait_until(lambda: "ann" not in streams)


def test_0_is_no_limit(tmp_path: Path, redis: RedisServer) -> None:
    none = {"max_submits_per_minute": 0, "max_open_jobs": 0, "max_streams": 0, "max_stored_bytes": 0}
    with installation(tmp_path, redis.url, **none) as made, made.client("ann") as ann:
        for _ in range(5):
            submitted(ann)


# ── what is left of a person ─────────────────────────────────────────────────────────────────────

PERSON = "ann.b.persona"
SAID = "Persona said this herself"


def traces(made: Installation, folder: Path, *words: str) -> list[str]:
    """Tables and files that hold one of these words."""
    found = []
    with made.system.store._reads.connect() as connection:
        for table in metadata.tables.values():
            for row in connection.execute(sa.select(table)).mappings():
                found += [f"{table.name}.{name}" for name, value in row.items() if any(w in str(value) for w in words)]
    for path in folder.rglob("*"):
        if path.is_file() and ".db" not in path.name:
            content = path.read_bytes()
            found += [str(path) for word in words if word.encode() in content or word in path.name]
            found += [str(path)] if content == BOTTLE else []
    return sorted(set(found))


def ask_for_everything(client: httpx2.Client) -> None:
    given: dict[str, Any] = {"customer_name": SAID, "region": "Jeju"}
    assert client.post(f"{API}/pipeline/start", json=given, headers={"Idempotency-Key": "p"}).status_code == 202
    photo = {"image": (f"{PERSON}.jpg", io.BytesIO(BOTTLE))}
    assert client.post(f"{API}/scan", data={"user_input": SAID}, files=photo).status_code == 202
    text = f"{SAID}: five years of Python and PostgreSQL at a bank, an order system for 3 million users"
    assert client.post(f"{API}/resume/analyze-async", json={"resume_text": text}).status_code == 202
    ticket = client.post(f"{API}/images/scan", json={"filename": f"{PERSON}.jpg", "content_type": "image/jpeg"}).json()
    assert client.put(ticket["upload_url"], content=BOTTLE, headers=ticket["required_headers"]).status_code == 204


@pytest.fixture
def all_of_it(tmp_path: Path, redis: RedisServer) -> Any:
    with installation(tmp_path, redis.url, Registry([promo, resume, scan, character, users])) as made:
        with made.client(PERSON) as client:
            ask_for_everything(client)
        yield made


def test_nothing_of_a_person_is_left_once_they_asked_for_that(all_of_it: Installation, tmp_path: Path) -> None:
    """In every table and in every file: a new one that keeps somebody's name is found here."""
    wait_until(lambda: "api_metrics.owner" in traces(all_of_it, tmp_path, PERSON), saying="calls are noted in batches")
    before = traces(all_of_it, tmp_path, PERSON, SAID)
    assert {"jobs.owner", "files.owner", "stage_runs.owner", "jobs.input"} <= set(before)
    with all_of_it.client("bob") as bob:
        assert bob.request("DELETE", f"{API}/me/data").json() == {"jobs": 0}
        assert set(traces(all_of_it, tmp_path, PERSON, SAID)) >= set(before)
    with all_of_it.client(PERSON) as client:
        assert client.request("DELETE", f"{API}/me/data").json() == {"jobs": 3}
    assert traces(all_of_it, tmp_path, PERSON, SAID) == []


def test_a_photo_that_no_scan_came_for_ends_after_a_day(all_of_it: Installation, tmp_path: Path) -> None:
    system, clock = all_of_it.system, HandClock(all_of_it.system.engine.clock.now())
    pruner = Pruner(system.store, system.registry, system.files, clock, keep_events_days=7, keep_jobs_days=0)

    def photos() -> int:
        return sum(path.is_file() and path.read_bytes() == BOTTLE for path in tmp_path.rglob("*.jpg"))

    pruner.run()
    assert photos() == 2
    clock.advance(DAY / 1000 + 60)
    pruner.run()
    assert photos() == 1  # that of the scan stays
