"""Inside a host: beside its own Celery app, and in processes that it forks."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, current_app, shared_task
from celery._state import _set_current_app

from stagepass.bootstrap import System
from stagepass.engine.model.states import JobState
from stagepass.queue.app import make_app
from tests.support.databases import KINDS, new_database
from tests.support.site import Site, site
from tests.support.waiting import wait_until

forks = multiprocessing.get_context("fork")


@pytest.fixture
def host() -> Iterator[Celery]:
    """A host's app, current as Django's and Flask's are."""
    before = current_app._get_current_object()
    app = Celery("host", broker="memory://", set_as_current=True)
    yield app
    _set_current_app(before)


def test_the_host_s_app_stays_the_current_one(host: Celery) -> None:
    @shared_task(name="host.mail")
    def mail(to: str) -> None: ...

    with site() as here:
        here.submit()
        depth = here.system.bell.depth
        wait_until(lambda: depth("steps.one") == 1, 20, "the bell is sent")
        assert current_app._get_current_object() is host
        mail.apply_async(("a@example.org",), queue="mail")  # with ours it would be QueueNotFound
        with host.connection_for_read() as connection:
            assert connection.SimpleQueue("mail").get(timeout=5).headers["task"] == "host.mail"


def test_the_host_s_broker_in_the_environment_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "amqp://host.example")
    app = make_app("redis://127.0.0.1:1/1", ["a"])
    assert {app.connection_for_write().hostname, app.connection_for_read().hostname} == {"127.0.0.1"}


def in_a_child(act: Callable[[], Any]) -> Any:
    """The result of `act` in a forked child; fails where that hangs."""
    ours, theirs = forks.Pipe(duplex=False)

    def run() -> None:
        theirs.send(act())
        os._exit(0)

    child = forks.Process(target=run)
    child.start()
    try:
        assert ours.poll(20), "the child hangs"
        return ours.recv()
    finally:
        child.kill()
        child.join(10)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    with new_database(request.param, tmp_path) as url, site(database_url=url) as here:
        yield here


def test_a_forked_child_submits_and_so_does_its_parent(place: Site) -> None:
    first = place.submit("parent")
    children = [in_a_child(lambda n=n: place.submit(f"child {n}")) for n in range(3)]
    grandchild = in_a_child(lambda: in_a_child(lambda: place.submit("grandchild")))
    last = place.submit("parent again")
    jobs = [first, *children, grandchild, last]
    assert len(set(jobs)) == 6
    place.celery("-P", "threads", "-c", "4")
    assert all(place.settled(job).state is JobState.COMPLETED for job in jobs)


def test_a_fork_in_the_middle_of_transactions_leaves_no_lock_behind(place: Site) -> None:
    place.submit("first")  # what is imported at the first use is imported now: Python's import locks survive a fork
    wait_until(lambda: place.system.bell.depth("steps.one"), 20, "the bell is sent")
    over = threading.Event()

    def busy() -> None:
        while not over.is_set():
            place.submit("busy")

    threads = [threading.Thread(target=busy, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for n in range(8):
            assert in_a_child(lambda n=n: place.submit(f"child {n}"))
    finally:
        over.set()
        for thread in threads:
            thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    assert place.submit("after")


def test_a_child_rings_and_publishes_by_itself(place: Site) -> None:
    system: System = place.system
    place.submit("parent")
    wait_until(lambda: system.bell.depth("steps.one") == 1, 20, "the parent's bell is sent")

    def act() -> Any:
        job = place.submit("child")
        wait_until(lambda: system.bell.depth("steps.one") == 2, 20, "the child's bell is sent")
        system.close()
        return job

    job = in_a_child(act)
    streams = [f"stagepass:events:{n}" for n in range(system.settings.event_streams)]
    client = system.bus._client
    wait_until(lambda: any(job.encode() in str(client.xrange(one)).encode() for one in streams), 20, "it is published")
