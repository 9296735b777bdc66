"""Inside a host: beside its own Celery app, and in processes that it forks."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery, current_app, shared_task
from celery._state import _set_current_app

from stagepass.engine.model.states import JobState
from stagepass.queue.app import make_app
from tests.support.databases import KINDS, new_database
from tests.support.site import PATH, Site, site
from tests.support.waiting import wait_until


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


def forked(here: Site, scenario: str) -> list[str]:
    """The jobs that a host of its own and its children have submitted."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.forks", scenario],
        input=json.dumps({"settings": here.settings, "order": here.order()}),
        env={**os.environ, "PYTHONPATH": PATH},
        cwd=here.folder,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    jobs: list[str] = json.loads(done.stdout)
    return jobs


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    with new_database(request.param, tmp_path) as url, site(database_url=url) as here:
        yield here


def test_a_forked_child_submits_and_so_does_its_parent(place: Site) -> None:
    jobs = forked(place, "children")
    assert len(set(jobs)) == 7
    place.celery("-P", "threads", "-c", "4")
    assert all(place.settled(job).state is JobState.COMPLETED for job in jobs)


def test_a_fork_in_the_middle_of_transactions_leaves_no_lock_behind(place: Site) -> None:
    jobs = forked(place, "busy")
    assert len(set(jobs)) == 9
    assert all(place.job(job).id == job for job in jobs)
