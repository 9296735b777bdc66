"""Workers as Celery runs them: real processes, real brokers, real signals."""

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stagepass.engine.model.states import JobState, RunState
from tests.support.databases import missing
from tests.support.site import Site, site
from tests.support.waiting import wait_until

THREADS = ("-P", "threads", "-c", "4")
PREFORK = ("-P", "prefork", "-c", "2")
SILENT = 120.0
"""Seconds of silence after which a worker is dead, long past every deadline here: only its lock tells of a kill."""


@pytest.fixture(scope="module")
def vhost() -> Iterator[str]:
    """A virtual host of our own on this machine's RabbitMQ; its URL."""
    name = f"sp-test-{secrets.token_hex(4)}"
    try:
        subprocess.run(["rabbitmqctl", "-q", "add_vhost", name], check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as problem:
        missing(f"no RabbitMQ that we may make a vhost on: {type(problem).__name__}")
    rights = ["rabbitmqctl", "-q", "set_permissions", "-p", name, "guest", ".*", ".*", ".*"]
    subprocess.run(rights, check=True, capture_output=True, timeout=60)
    yield f"amqp://guest:guest@127.0.0.1:5672/{name}"
    subprocess.run(["rabbitmqctl", "-q", "delete_vhost", name], check=True, capture_output=True, timeout=60)


@pytest.fixture(params=["redis", "rabbitmq"])
def here(request: pytest.FixtureRequest) -> Iterator[Site]:
    """An installation with each broker."""
    broker = request.getfixturevalue("vhost") if request.param == "rabbitmq" else ""
    with site(broker_url=broker, dead_after_seconds=SILENT) as made:
        yield made


@pytest.fixture(params=["redis", "rabbitmq"])
def as_started(request: pytest.FixtureRequest) -> Iterator[Site]:
    """As `here`, with workers that are started with an interpreter of their own."""
    broker = request.getfixturevalue("vhost") if request.param == "rabbitmq" else ""
    with site(broker_url=broker, interpreter=True) as made:
        yield made


@pytest.fixture
def embedded() -> Iterator[Site]:
    """An installation with the embedded Redis server."""
    with site(dead_after_seconds=SILENT) as made:
        yield made


def door(here: Site, name: str) -> str:
    path = here.folder / name
    os.mkfifo(path)
    return str(path)


def open_door(path: str) -> None:
    Path(path).open("w").close()  # waits until a stage stands at it


def pid_inside(here: Site, seen: int = 0) -> int:
    """The process that has begun `two`."""
    lines = wait_until(lambda: here.lines("two")[seen:], 20, "a worker is inside")
    return int(lines[-1].split()[1])


@pytest.mark.parametrize("pool", [THREADS, PREFORK], ids=["threads", "prefork"])
def test_jobs_are_completed_and_bells_alone_wake_the_workers(as_started: Site, pool: tuple[str, ...]) -> None:
    as_started.celery(*pool)
    jobs = [as_started.submit(str(number)) for number in range(12)]
    for number, job in enumerate(jobs):
        done = as_started.settled(job)
        assert done.state is JobState.COMPLETED
        assert as_started.system.engine.result(done) == {"text": f"{number}12song3"}
    assert len(as_started.lines("bought")) == 12


@pytest.mark.parametrize("pool", [THREADS, PREFORK], ids=["threads", "prefork"])
def test_after_kill_9_in_the_middle_of_a_stage_it_goes_on_elsewhere(here: Site, pool: tuple[str, ...]) -> None:
    here.relay()
    first = here.celery(*pool)
    job = here.submit(door=door(here, "door"))
    pid = pid_inside(here)
    second = here.celery(*pool)
    os.killpg(first.pid, signal.SIGKILL)
    assert here.settled(job, SILENT / 4).state is JobState.COMPLETED
    assert second.poll() is None
    assert pid_inside(here, 1) != pid
    assert len(here.lines("one")) == 1, "a finished stage is never run again"
    assert len(here.lines("bought")) == 1
    (run,) = [run for run in here.system.engine.runs(here.job(job)) if run.stage == "two"]
    assert (run.crashes, run.attempts) == (1, 2)


def test_a_prefork_child_that_is_killed_is_replaced_and_its_work_goes_on(embedded: Site) -> None:
    embedded.relay()
    parent = embedded.celery(*PREFORK)
    job = embedded.submit(door=door(embedded, "door"))
    child = pid_inside(embedded)
    assert child != parent.pid
    os.kill(child, signal.SIGKILL)
    assert embedded.settled(job, SILENT / 4).state is JobState.COMPLETED
    assert parent.poll() is None
    after = embedded.submit("b")
    assert embedded.settled(after, 15).state is JobState.COMPLETED


@pytest.mark.parametrize("pool", [THREADS, PREFORK], ids=["threads", "prefork"])
def test_a_worker_that_is_asked_to_stop_lets_its_attempt_end(embedded: Site, pool: tuple[str, ...]) -> None:
    worker = embedded.celery(*pool)
    path = door(embedded, "door")
    job = embedded.submit(door=path)
    pid_inside(embedded)
    os.kill(worker.pid, signal.SIGTERM)
    open_door(path)
    assert worker.wait(30) == 0
    states = {run.stage: run.state for run in embedded.system.engine.runs(embedded.job(job))}
    assert states["two"] is RunState.COMPLETED
    assert states.get("three") in (RunState.READY, RunState.COMPLETED)
    assert embedded.system.store.workers() == [], "it took its row away"


@pytest.mark.parametrize("pool", [THREADS, PREFORK], ids=["threads", "prefork"])
def test_a_worker_that_stops_gives_back_what_does_not_end_unspent(embedded: Site, pool: tuple[str, ...]) -> None:
    worker = embedded.celery(*pool)
    job = embedded.submit(door=door(embedded, "door"))
    pid_inside(embedded)
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.wait(30) == 0, "a thread that does not end must not hold the process"
    (two,) = [run for run in embedded.system.engine.runs(embedded.job(job)) if run.stage == "two"]
    assert (two.state, two.crashes, two.token) == (RunState.READY, 0, None)


def test_lesson_24_the_worker_answers_to_celery_and_bells_for_nothing_are_harmless(embedded: Site) -> None:
    embedded.celery(*THREADS)
    path = door(embedded, "door")
    embedded.submit(door=path)
    pid_inside(embedded)
    from stagepass.queue.app import make_app

    app = make_app(embedded.settings["broker_url"], embedded.system.registry.queues())
    try:
        for _ in range(500):
            app.send_task("steps.three", args=("", ""), queue="steps.three")
        inspect = app.control.inspect(timeout=5, limit=1)  # without a limit each question takes its whole time
        (pong,) = wait_until(inspect.ping, 30, "it listens to its control queue").values()
        assert pong == {"ok": "pong"}
        (queues,) = inspect.active_queues().values()
        assert {queue["name"] for queue in queues} == {"steps.one", "steps.two", "steps.three"}
    finally:
        app.close()
    open_door(path)
    job = embedded.submit("b")
    assert embedded.settled(job).state is JobState.COMPLETED
    assert len(embedded.lines("three")) == 2
    wait_until(lambda: embedded.system.bell.depth("steps.three") == 0, 20)


def test_lesson_2_a_worker_serves_only_the_queues_that_it_is_told(embedded: Site) -> None:
    embedded.celery(*THREADS, queues="steps.one")
    job = embedded.submit()
    wait_until(lambda: embedded.job(job).done("one"), 20)
    assert embedded.lines("two") == []
    embedded.celery(*THREADS, queues="steps.two,steps.three")
    assert embedded.settled(job).state is JobState.COMPLETED


def test_a_lost_broker_content_costs_seconds_and_no_job(embedded: Site) -> None:
    import redis

    embedded.relay()
    jobs = [embedded.submit(str(number)) for number in range(5)]
    wait_until(lambda: embedded.system.bell.depth("steps.one"), 10, "the bell has rung")
    with redis.Redis.from_url(embedded.settings["redis_url"]) as client:
        client.flushall()  # a server of this test's own
    embedded.celery(*THREADS)
    for job in jobs:
        assert embedded.settled(job).state is JobState.COMPLETED


GARBAGE = [
    b"garbage", b"\xff\xfe\0", b"5", b"[1, 2]", b"null", b"[" * 100_000, b'{"body": "x"}',
    b'{"body": "x", "properties": 5, "headers": {}, "content-type": "application/json", "content-encoding": "utf-8"}',
    b'{"body": "%%%", "properties": {"body_encoding": "base64", "delivery_tag": "a", "delivery_info": {}}, '
    b'"headers": {"task": "steps.one", "id": "1"}, "content-type": "application/json", "content-encoding": "utf-8"}',
]  # fmt: skip


@pytest.mark.parametrize("pool", [THREADS, PREFORK], ids=["threads", "prefork"])
def test_what_strangers_write_to_the_broker_ends_no_worker(here: Site, pool: tuple[str, ...]) -> None:
    from stagepass.queue.app import make_app

    worker = here.celery(*pool)
    here.settled(here.submit("warm"))
    app = make_app(here.settings["broker_url"], here.system.registry.queues())
    try:
        with app.connection_for_write() as connection:
            channel = connection.default_channel
            for garbage in GARBAGE:
                if hasattr(channel, "client"):  # Redis: the bytes themselves
                    channel.client.lpush("steps.one", garbage)
                for headers in ({}, {"task": "steps.one", "id": "1"}, {"task": 5, "id": []}):
                    message = channel.prepare_message(garbage, 0, "application/json", "utf-8", headers, {})
                    channel.basic_publish(message, "stagepass", "steps.one")
        for _ in range(2):
            app.control.shutdown()
            app.control.broadcast("pool_shrink", arguments={"n": 100})
            app.control.cancel_consumer("steps.one")
    finally:
        app.close()
    for text in ("a", "b", "c"):
        assert here.settled(here.submit(text)).state is JobState.COMPLETED
    assert worker.poll() is None
    if here.settings["broker_url"].startswith("redis") and pool is THREADS:  # elsewhere it is told at the end
        wait_until(lambda: here.system.bus.counters().get(("messages_dropped",), 0) >= 5, 20)
