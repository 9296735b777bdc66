"""One definition of a live worker, by `DEAD_AFTER_SECONDS`: relay, API, CLI, alerts, health and metrics agree."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stagepass.alerts.facts import Facts, look
from stagepass.bus.provider_limits import OpenGate
from stagepass.engine.execute.stall_detector import Work
from stagepass.engine.maintain.relay import Relay
from stagepass.engine.model.machine import place as this_place
from stagepass.engine.model.records import WorkerRow
from stagepass.health import Notes
from tests.support.api import Installation, RedisServer, installation, redis_server
from tests.support.cli import run_here
from tests.support.databases import make_schema

DEAD_AFTER = 30.0
QUEUE = "demo.draft"


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
def place(tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    make_schema(f"sqlite:///{tmp_path / 'stagepass.db'}")
    with installation(tmp_path, redis.url, dead_after_seconds=DEAD_AFTER, auth_mode="none") as made:
        for name, value in {
            "DATABASE_URL": made.system.settings.database,
            "DATA_DIR": str(tmp_path),
            "REDIS_URL": redis.url,
            "DEAD_AFTER_SECONDS": str(DEAD_AFTER),
            "LANG": "C",
        }.items():
            monkeypatch.setenv(name, value)
        yield made


def worker(now: int, silent_for: float) -> WorkerRow:
    """A worker of another machine whose last heartbeat is so many seconds ago."""
    at = now - int(silent_for * 1000)
    return WorkerRow("w", "elsewhere", 1, (QUEUE,), 4, 7, at, at)


@pytest.mark.parametrize(("silent_for", "alive"), [(DEAD_AFTER - 5, True), (DEAD_AFTER + 5, False)])
def test_everyone_agrees_who_lives(place: Installation, silent_for: float, alive: bool) -> None:
    system = place.system
    now = system.engine.clock.now()
    row = worker(now, silent_for)
    system.store.add_worker(row)
    with place.client() as client:
        ready = client.get("/health/ready").json()
        assert (ready["workers"] == 1) is alive
        assert (f"queue {QUEUE} has no worker" not in ready["warnings"]) is alive
        metrics = client.get("/metrics").text
        assert ("stagepass_workers 1.0" in metrics) is alive
        assert (f'stagepass_queue_served{{queue="{QUEUE}"}} 1.0' in metrics) is alive
    code, out, _ = run_here("workers", "--json")
    assert code == 0
    (shown,) = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert shown["alive"] is alive
    served = system.liveness.served(system.store.workers(), now)
    assert (QUEUE in served) is alive
    system.engine.submit("demo", {"text": "one"})
    facts = look(system.store, OpenGate(), now, now + 60_000, Facts(), served)  # a minute later, it still lies there
    assert (QUEUE not in facts.unserved) is alive


def test_the_probe_calls_silent_what_the_relay_calls_dead(tmp_path: Path) -> None:
    notes = Notes(tmp_path, DEAD_AFTER)
    notes.write("w", (QUEUE,), 4, 0, Work.IDLE, 0.0)
    (path,) = (tmp_path / "health").glob("*.json")
    written = json.loads(path.read_text())
    for age, state in ((DEAD_AFTER - 5, "idle"), (DEAD_AFTER + 5, "silent")):
        path.write_text(json.dumps({**written, "at": written["at"] - age}))
        assert [check.state for check in notes.check()] == [state]


def test_the_relay_waits_as_long(place: Installation) -> None:
    """It watches by its own clock, from the first time that it sees the worker."""
    system = place.system
    system.store.add_worker(worker(system.engine.clock.now(), 0))

    class Steady:
        """A clock whose steady time is moved by hand."""

        at = 1000.0

        def now(self) -> int:
            return system.engine.clock.now()

        def steady(self) -> float:
            return self.at

    clock = Steady()
    relay = Relay(system.store, system.engine.committer, system.bell, clock, dead_after=system.liveness.dead_after)
    seen = []
    for _ in range(40):
        relay.rescue()
        seen.append(bool(system.store.workers()))
        clock.at += 1.0
    assert seen.index(False) == pytest.approx(DEAD_AFTER, abs=1)


def test_a_process_of_this_machine_that_is_gone_is_dead_at_once(place: Installation) -> None:
    now = place.system.engine.clock.now()
    ours = replace(worker(now, 0), host=this_place(), pid=2**22 - 3)
    assert not place.system.liveness.alive(ours, now)
    assert place.system.liveness.alive(replace(ours, host="elsewhere"), now)
