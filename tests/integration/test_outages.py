"""The outages that people have, with real servers and processes: nothing that was accepted is lost."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stagepass.bootstrap import System
from stagepass.declare.registry import Registry
from stagepass.engine.maintain.relay import UNHEARD
from stagepass.engine.model import failpoints
from stagepass.engine.model.filters import JobFilter
from stagepass.engine.model.states import JobState
from stagepass.errors import SettingsError
from stagepass.settings import Settings
from tests.support import forked
from tests.support.backends import virtual_host
from tests.support.outages import RedisServer, Watched
from tests.support.site import ROOT, Site, site
from tests.support.waiting import wait_until

THREADS = ("-P", "threads", "-c", "4")


@pytest.fixture
def embedded() -> Iterator[Site]:
    with site() as made:
        yield made


def all_completed(here: Site, jobs: list[str], timeout: float = 40) -> None:
    """Each has its whole result, and was bought once."""
    for number, job in enumerate(jobs):
        done = here.settled(job, timeout)
        assert done.state is JobState.COMPLETED
        assert here.system.engine.result(done) == {"text": f"{number}12song3"}
    assert len(here.lines("bought")) == len(jobs)
    for job in jobs:
        events = here.system.engine.events(job)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert [event.type for event in events].count("job.completed") == 1


# ── the broker ──


def test_with_the_broker_down_submits_are_accepted_and_run_when_it_is_back(tmp_path: Path) -> None:
    broker = RedisServer(tmp_path / "broker")
    with site(broker_url=f"redis://127.0.0.1:{broker.port}/1") as here:
        try:
            jobs = [here.submit(str(number)) for number in range(3)]
            assert [here.job(job).state for job in jobs] == [JobState.QUEUED] * 3
            broker.begin()
            here.relay()
            here.celery(*THREADS)
            all_completed(here, jobs)
        finally:
            broker.kill()


def test_lesson_26_while_the_broker_is_away_workers_look_for_work_by_themselves(tmp_path: Path) -> None:
    broker = RedisServer(tmp_path / "broker").begin()
    with site(broker_url=f"redis://127.0.0.1:{broker.port}/1") as here:
        here.celery(*THREADS)
        broker.kill()
        jobs = [here.submit(str(number)) for number in range(3)]
        all_completed(here, jobs)


def test_a_frozen_broker_holds_up_no_rescue(tmp_path: Path) -> None:
    """It takes connections and answers nothing, while the relay wants to know how much lies in a queue."""
    broker = RedisServer(tmp_path / "broker").begin()
    assert broker.process is not None
    with site(broker_url=f"redis://127.0.0.1:{broker.port}/1") as here:
        try:
            here.relay()
            workers = [here.celery(*THREADS, queues="steps.one,steps.two") for _ in range(2)]
            unheard = here.submit("0")
            wait_until(lambda: here.job(unheard).done("two"), 20, "its third stage is ready, and nobody serves it")
            path = here.folder / "door"
            os.mkfifo(path)
            job = here.submit("1", door=str(path))
            inside = int(wait_until(lambda: here.lines("two")[1:], 20, "a worker is inside")[0].split()[1])
            late = int(UNHEARD * 1000)
            wait_until(lambda: here.system.store.ready_since(here.system.engine.clock.now() - late), 10, "it is late")
            asked = threading.Event()
            os.kill(broker.process.pid, signal.SIGSTOP)
            failpoints.arm("relay.before_ring", asked.set)
            assert asked.wait(20), "the relay is about to ask the broker"
            (victim,) = [worker for worker in workers if worker.pid == inside]
            os.killpg(victim.pid, signal.SIGKILL)
            wait_until(lambda: here.job(job).done("two"), 10, "the other one goes on")
        finally:
            failpoints.disarm()
            broker.kill()


def test_from_redis_to_rabbitmq_with_work_in_flight() -> None:
    with virtual_host() as rabbitmq, site() as here:
        here.relay()
        before = here.celery(*THREADS, queues="steps.one")
        jobs = [here.submit(str(number)) for number in range(4)]
        wait_until(lambda: all(here.job(job).done("one") for job in jobs[:2]), 20, "some are in the middle")
        os.kill(before.pid, signal.SIGTERM)
        assert before.wait(30) == 0
        stopped = here._relay
        assert stopped is not None
        stopped[0].stop()
        stopped[1].join(10)
        here.system.close()
        here.settings["broker_url"] = rabbitmq
        here.system = here.new_system()
        here.relay()
        here.celery(*THREADS)
        all_completed(here, jobs)
        assert len(here.lines("one")) == 4, "what had ended before the change is not run again"


def test_ten_of_every_message_do_the_work_once(embedded: Site) -> None:
    from stagepass.queue.app import make_app

    embedded.relay()
    embedded.celery(*THREADS)
    embedded.celery(*THREADS)
    app = make_app(embedded.settings["broker_url"], embedded.system.registry.queues())
    try:
        jobs = [embedded.submit(str(number)) for number in range(5)]
        for job in jobs:
            for stage in ("one", "two", "three"):
                for _ in range(10):
                    app.send_task(f"steps.{stage}", args=(job, f"{job}.{stage}"), queue=f"steps.{stage}")
        all_completed(embedded, jobs)
    finally:
        app.close()
    assert [len(embedded.lines(stage)) for stage in ("one", "two", "three")] == [5, 5, 5]


def test_one_owner_s_flood_does_not_make_another_s_single_job_wait(embedded: Site) -> None:
    flood = [embedded.system.engine.submit("steps", embedded.order("x"), owner="flood").job.id for _ in range(150)]
    single = embedded.system.engine.submit("steps", embedded.order("y"), owner="single").job.id
    embedded.celery("-P", "threads", "-c", "1")
    assert embedded.settled(single, 60).state is JobState.COMPLETED
    done = embedded.system.engine.jobs(JobFilter("flood", states=(JobState.COMPLETED,), limit=200))
    assert len(done) < len(flood) / 3, "it went in turn, not at the end of the line"


# ── Redis with a replica ──


def test_lesson_33_sentinel_finds_the_primary_also_after_a_failover(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    try:
        urls = {"redis_url": watched.url(0), "broker_url": watched.url(1)}
        with site(**urls) as here:
            here.relay()
            here.celery(*THREADS)
            jobs = [here.submit("0")]
            assert here.settled(jobs[0]).state is JobState.COMPLETED
            watched.fail_over()
            jobs += [here.submit(str(number)) for number in range(1, 4)]
            all_completed(here, jobs)
            wait_until(lambda: _streams(watched.second), 20, "the news go to the new primary")
            job = here.submit("4")
            with watched.second.client() as client:
                wait_until(lambda: client.keys("stagepass:*steps.*") or here.job(job).state is JobState.COMPLETED, 20)
            all_completed(here, [*jobs, job])
    finally:
        watched.close()


def _streams(server: RedisServer) -> object:
    with server.client() as client:
        return client.keys("stagepass:events:*")


def test_lesson_33_one_address_of_sentinels_serves_redis_and_broker(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    try:
        alone = Settings.load(data_dir=tmp_path / "data", redis_url=watched.url(0), broker_url="")
        broker_url = System(alone, Registry()).broker_url
        assert broker_url == watched.url(1)
        with site(redis_url=alone.redis_url, broker_url=broker_url) as here:
            job = here.submit("0")
            with watched.first.client() as client:
                client.select(1)
                wait_until(lambda: client.llen("stagepass:steps.one"), 20, "the bell lies in database 1")
            here.celery(*THREADS)
            all_completed(here, [job])
    finally:
        watched.close()


@pytest.mark.parametrize("name", ["REDIS_URL", "BROKER_URL"])
@pytest.mark.parametrize(
    "command",
    [("relay",), ("worker", "steps"), ("api", "--port", "0")],
    ids=["relay", "worker", "api"],
)
def test_lesson_33_a_read_only_replica_is_refused(
    tmp_path: Path, embedded: Site, name: str, command: tuple[str, ...]
) -> None:
    primary = RedisServer(tmp_path / "primary").begin()
    replica = RedisServer(tmp_path / "replica", replica_of=primary.port).begin()
    try:
        url = f"redis://127.0.0.1:{replica.port}/0"
        settings = {k.upper(): str(v) for k, v in embedded.settings.items() if v}
        env = {**os.environ, **settings, name: url, "PYTHONPATH": str(ROOT)}
        done = forked.stagepass(list(command), tmp_path, env)
        assert done.returncode == 2, done.stderr
        assert f"{name}: 127.0.0.1:{replica.port} is a read-only replica; name the primary" in done.stderr
    finally:
        replica.kill()
        primary.kill()


def test_lesson_33_a_plain_celery_worker_refuses_a_replica_too(tmp_path: Path, embedded: Site) -> None:
    primary = RedisServer(tmp_path / "primary").begin()
    replica = RedisServer(tmp_path / "replica", replica_of=primary.port).begin()
    try:
        settings = {k.upper(): str(v) for k, v in embedded.settings.items() if v}
        env = {**os.environ, **settings, "REDIS_URL": f"redis://127.0.0.1:{replica.port}/0", "PYTHONPATH": str(ROOT)}
        argv = [sys.executable, "-m", "celery", "-A", "stagepass.worker", "worker", "-Q", "steps.one", "-P", "threads"]
        done = subprocess.run(argv, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        assert "is a read-only replica" in done.stderr + done.stdout
    finally:
        replica.kill()
        primary.kill()


@pytest.mark.parametrize("url", ["sentinel://h:26379", "sentinel:///mymaster", "sentinel://h:port/mymaster"])
def test_a_wrong_address_of_sentinels_names_the_setting_and_the_form(url: str) -> None:
    from stagepass.bus.connect import sync_client
    from stagepass.queue.app import make_app

    with pytest.raises(SettingsError, match=r"REDIS_URL: .*sentinel://host:26379,host:26379/mymaster"):
        sync_client(url)
    with pytest.raises(SettingsError, match="BROKER_URL: "):
        make_app(url, [])
