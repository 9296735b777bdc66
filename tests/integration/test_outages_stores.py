"""Databases that stop, disks that fill up, locks that others hold, and clocks that jump, under work in flight."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stagepass.engine.model.states import JobState
from stagepass.errors import StoreUnavailable
from tests.support.hardship import faked_clock, fill, holding_the_write_lock, set_clock, small_disk
from tests.support.outages import MariadbServer, PostgresServer, free_port
from tests.support.site import ROOT, Site, site
from tests.support.waiting import wait_until

THREADS = ("-P", "threads", "-c", "4")


def door(here: Site, name: str) -> str:
    path = here.folder / name
    os.mkfifo(path)
    return str(path)


def completed(here: Site, job: str, timeout: float = 40) -> None:
    done = here.settled(job, timeout)
    assert done.state is JobState.COMPLETED
    events = here.system.engine.events(job)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.type for event in events].count("job.completed") == 1


# ── a database that stops in the middle ──


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture
def mariadb(tmp_path: Path) -> Iterator[MariadbServer]:
    server = MariadbServer(tmp_path / "db")
    server.begin()
    server.make_database()
    yield server
    server.kill()


@pytest.fixture(params=["door", "back_door"])
def where(request: pytest.FixtureRequest) -> str:
    """Inside of a stage: before it buys, and when it has bought and only ends."""
    return str(request.param)


def restarted_in_the_middle(here: Site, where: str, stop: Any, start: Any) -> None:
    """A stage is cut off from its database, goes on meanwhile, and is stored when it is back."""
    here.relay()
    here.celery(*THREADS)
    path = door(here, where)
    job = here.submit(**{where: path})
    wait_until(lambda: here.lines("two" if where == "door" else "kept"), 20, "a worker is inside")
    stop()
    Path(path).open("w").close()
    seen = len(_log(here))
    wait_until(lambda: b"did not answer" in _log(here)[seen:], 20, "it goes on without the database")
    assert where == "door" or here.lines("through"), "it has ended, and there is nothing to store it in"
    with pytest.raises(StoreUnavailable):
        here.system.store.check()
    start()
    completed(here, job, 60)
    assert len(here.lines("bought")) == 1
    assert len(here.lines("one")) == 1, "a finished stage is never run again"
    assert len(here.lines("two")) == 1, "its result was kept until it could be stored"
    for run in here.system.engine.runs(here.job(job)):
        assert (run.attempts, run.crashes) == (1, 0)


def _log(here: Site) -> bytes:
    return b"".join(path.read_bytes() for path in here.folder.glob("worker*.log"))


def test_postgresql_restarts_in_the_middle_of_a_stage(postgres: PostgresServer, where: str) -> None:
    with site(database_url=postgres.url) as here:
        restarted_in_the_middle(here, where, postgres.stop, postgres.start)


def test_mariadb_is_killed_in_the_middle_of_a_stage(mariadb: MariadbServer, where: str) -> None:
    with site(database_url=mariadb.url) as here:
        restarted_in_the_middle(here, where, mariadb.kill, mariadb.begin)


# ── SQLite ──


class Api:
    """`stagepass api` as a process."""

    def __init__(self, here: Site, **environment: str) -> None:
        self.port = free_port()
        settings = {name.upper(): str(value) for name, value in here.settings.items() if value}
        env = {**os.environ, **settings, "PYTHONPATH": str(ROOT), **environment}
        argv = [sys.executable, "-m", "stagepass.cli", "api", "--port", str(self.port)]
        self._log = (here.folder / "api.log").open("ab")
        self.process = subprocess.Popen(argv, env=env, cwd=here.folder, stdout=self._log, stderr=self._log)
        wait_until(self._lives, 60, "the API answers")

    def submit(self, order: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1/pipelines/steps/jobs",
            data=json.dumps(order).encode(),
            headers={"Content-Type": "application/json", "Idempotency-Key": key},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.load(refusal)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)
        self._log.close()

    def _lives(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/live", timeout=2).close()
        except OSError:
            return False
        return True


def test_a_full_disk_refuses_what_it_cannot_keep_and_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8) as disk, site(database_url=f"sqlite:///{disk / 'stagepass.db'}") as here:
        api = Api(here)
        try:
            accepted = {}
            for number in range(3):
                status, job = api.submit(here.order(str(number)), f"before-{number}")
                assert status == 202
                accepted[f"before-{number}"] = job["id"]
            filler = fill(disk)
            for number in range(40):  # what has room in pages that are there already is still taken
                status, answer = api.submit(here.order("x" * 20_000), f"full-{number}")
                if status != 202:
                    break
                accepted[f"full-{number}"] = answer["id"]
            assert (status, answer["code"]) == (503, "store_unavailable"), "the disk is full"
            assert "nothing was changed" in answer["detail"]
            filler.unlink()
            status, job = api.submit(here.order("again"), f"full-{number}")
            assert status == 202, "the same key is free when there is room again"
            accepted[f"full-{number}"] = job["id"]
            here.relay()
            here.celery(*THREADS)
            for key, job_id in accepted.items():
                assert here.system.engine.job_by_key(key, "local").id == job_id
                completed(here, job_id)
        finally:
            api.close()


def test_a_disk_that_fills_up_under_running_work_costs_time_and_no_result(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8) as disk, site(database_url=f"sqlite:///{disk / 'stagepass.db'}") as here:
        here.relay()
        here.celery(*THREADS)
        path = door(here, "door")
        job = here.submit("y" * 100_000, door=path)
        wait_until(lambda: here.lines("two"), 20, "a worker is inside")
        filler = fill(disk)
        Path(path).open("w").close()
        wait_until(lambda: b"did not answer" in _log(here), 30, "the disk is full")
        filler.unlink()
        completed(here, job)
        assert len(here.lines("bought")) == 1
        for run in here.system.engine.runs(here.job(job)):
            assert (run.attempts, run.crashes) == (1, 0)


def test_a_foreign_process_that_holds_the_write_lock_again_and_again_only_costs_time(tmp_path: Path) -> None:
    database = tmp_path / "stagepass.db"
    with site(database_url=f"sqlite:///{database}") as here:
        here.relay()
        here.celery(*THREADS)
        with holding_the_write_lock(database, rounds=2, seconds=0.5) as held:
            assert held.wait(30)
            jobs = [here.submit(str(number)) for number in range(4)]
            for job in jobs:
                completed(here, job, 90)
        assert [len(here.lines(word)) for word in ("one", "two", "bought", "three")] == [4] * 4
        for job in jobs:
            for run in here.system.engine.runs(here.job(job)):
                assert (run.attempts, run.crashes) == (1, 0), "nobody was taken for dead"


# ── clocks ──


@pytest.mark.parametrize("jump", [3600, -3600], ids=["forwards", "back"])
def test_a_worker_s_clock_that_jumps_an_hour_ends_and_repeats_nothing(tmp_path: Path, jump: int) -> None:
    clock = tmp_path / "clock"
    environment = faked_clock(clock)
    with site() as here:
        here.relay()
        worker = here.celery(*THREADS, **environment)
        path = door(here, "door")
        job = here.submit(door=path)
        wait_until(lambda: here.lines("two"), 20, "a worker is inside")
        (row,) = here.system.store.workers()
        set_clock(clock, jump)
        wait_until(lambda: abs(_beat(here) - row.beat_at - jump * 1000) < 60_000, 10, "its beats carry the new time")
        beaten = _beat(here)
        wait_until(lambda: _beat(here) >= beaten + 7000, 20, "longer than a dead worker is waited for")
        assert len(here.lines("two")) == 1
        Path(path).open("w").close()
        completed(here, job)
        after = here.submit("b")
        completed(here, after)
        set_clock(clock, 0)
        completed(here, here.submit("c"))
        for done in (job, after):
            for run in here.system.engine.runs(here.job(done)):
                assert (run.attempts, run.crashes) == (1, 0)
        assert worker.poll() is None


def _beat(here: Site) -> int:
    (row,) = here.system.store.workers()
    return row.beat_at


@pytest.mark.parametrize("jump", [3600, -3600], ids=["forwards", "back"])
def test_a_relay_s_clock_that_jumps_an_hour_takes_nobody_for_dead(tmp_path: Path, jump: int) -> None:
    clock = tmp_path / "clock"
    environment = faked_clock(clock)
    with site() as here:
        settings = {name.upper(): str(value) for name, value in here.settings.items() if value}
        env = {**os.environ, **settings, "PYTHONPATH": str(ROOT), **environment, "LOG_LEVEL": "INFO"}
        log = here.folder / "relay.log"
        with log.open("wb") as out:
            relay = subprocess.Popen(
                [sys.executable, "-m", "stagepass.cli", "relay"], env=env, cwd=here.folder, stdout=out, stderr=out
            )
        try:
            wait_until(lambda: b"the relay runs" in log.read_bytes(), 60, "the relay runs")
            worker = here.celery(*THREADS)
            path = door(here, "door")
            job = here.submit(door=path)
            wait_until(lambda: here.lines("two"), 20, "a worker is inside")
            set_clock(clock, jump)
            beaten = _beat(here)
            wait_until(lambda: _beat(here) >= beaten + 8000, 20, "longer than a dead worker is waited for")
            assert len(here.lines("two")) == 1
            Path(path).open("w").close()
            completed(here, job)
            other = here.celery(*THREADS)
            job = here.submit("b", door=door(here, "other"))
            seen = wait_until(lambda: here.lines("two")[1:], 20, "a worker is inside")
            victim = worker if int(seen[0].split()[1]) == worker.pid else other
            os.killpg(victim.pid, signal.SIGKILL)
            completed(here, job, 20)
        finally:
            relay.kill()
            relay.wait(10)
