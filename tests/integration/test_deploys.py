"""Releases: old and new code on the same queues, a schema that the old code survives, and orderly stops."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from stagepass.bootstrap import System
from stagepass.engine.model.states import JobState, RunState
from stagepass.store import connect, migrate
from tests.support import forked
from tests.support.outages import free_port
from tests.support.site import ROOT, Site, site
from tests.support.waiting import wait_until

DEPLOYS = ROOT / "tests" / "support" / "deploys"
V1, V2 = str(DEPLOYS / "v1"), str(DEPLOYS / "v2")
OLD_QUEUES, NEW_QUEUES = "shop.take,shop.pack,shop.send", "shop.take,shop.wrap,shop.send"
THREADS = ("-P", "threads", "-c", "2")
PREFORK = ("-P", "prefork", "-c", "1")


@pytest.fixture
def here() -> Iterator[Site]:
    """An installation with the old code."""
    with site(pipelines=V1) as made:
        yield made


@pytest.fixture
def new(here: Site) -> Iterator[System]:
    """A client of the same installation with the new code."""
    here.settings["pipelines"] = V2
    system = here.new_system()
    here.settings["pipelines"] = V1
    yield system
    system.close()


def submit_old(here: Site, text: str, gate: str = "") -> str:
    return here.system.engine.submit("shop", {"text": text, "diary": str(here.diary), "gate": gate}).job.id


def submit_new(new: System, here: Site, text: str) -> str:
    return new.engine.submit("shop", {"text": text, "diary": str(here.diary), "paper": "gold"}).job.id


def result(system: System, here: Site, job: str) -> object:
    done = here.settled(job, 60)
    assert done.state is JobState.COMPLETED
    return system.engine.result(done)


def run(here: Site, job: str, stage: str) -> RunState:
    return next(run.state for run in here.system.engine.runs(here.job(job)) if run.stage == stage)


def command(here: Site, *words: str) -> subprocess.CompletedProcess[str]:
    settings = {name.upper(): str(value) for name, value in here.settings.items() if value}
    env = {**os.environ, **settings, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
    return forked.stagepass(list(words), here.folder, env)


# ── versions ──


def test_lesson_5_old_and_new_code_side_by_side_and_each_job_keeps_its_version(here: Site, new: System) -> None:
    here.relay()
    here.celery(*THREADS, queues=OLD_QUEUES, PIPELINES=V1)
    here.celery(*THREADS, queues=NEW_QUEUES, PIPELINES=V2)
    old_jobs = [submit_old(here, f"a{number}") for number in range(2)]
    new_jobs = [submit_new(new, here, f"b{number}") for number in range(2)]
    for number, job in enumerate(old_jobs):
        assert result(here.system, here, job) == {"text": f"a{number} taken1 packed1 sent1"}
        assert here.job(job).version == 1
    for number, job in enumerate(new_jobs):
        text = f"b{number} taken2 wrapped2 in gold sent2"
        assert result(new, here, job) == {"label": text, "weight": 2}
        assert here.job(job).version == 2
    assert [len(here.lines(word)) for word in ("take1", "pack1", "send1", "take2", "wrap2", "send2")] == [2] * 6
    for job in (*old_jobs, *new_jobs):
        assert [run.attempts for run in here.system.engine.runs(here.job(job))] == [1, 1, 1], "parking costs no attempt"


def test_lesson_5_the_last_old_worker_finds_its_work_among_many_new_ones(here: Site) -> None:
    """Each message reaches a new worker more often than the old one, which takes what they parked at its next beat."""
    for _ in range(3):
        here.celery(*THREADS, queues=NEW_QUEUES, PIPELINES=V2)
    here.celery(*THREADS, queues=OLD_QUEUES, PIPELINES=V1)
    jobs = [submit_old(here, f"a{number}") for number in range(10)]
    for number, job in enumerate(jobs):
        assert result(here.system, here, job) == {"text": f"a{number} taken1 packed1 sent1"}
    assert [len(here.lines(word)) for word in ("take1", "pack1", "send1")] == [10, 10, 10]


def test_lesson_5_what_only_the_old_code_knows_is_parked_and_told_and_goes_on_when_it_is_back(
    here: Site, new: System
) -> None:
    here.relay()
    here.celery(*THREADS, queues=NEW_QUEUES, PIPELINES=V2)
    job = submit_old(here, "a")
    wait_until(lambda: run(here, job, "take") is RunState.PARKED, 20, "it is parked")
    assert result(new, here, submit_new(new, here, "b")), "other work goes on"
    wait_until(lambda: run(here, job, "take") is RunState.PARKED, 20, "it is parked again")

    parked = [event for event in here.system.engine.events(job) if event.type == "stage.parked"]
    assert [event.data["message"] for event in parked] == ["no worker here knows shop version 1, stage take"]
    assert "no worker here knows shop version 1, stage take; it is parked" in (here.folder / "worker0.log").read_text()

    def told() -> bool:
        done = command(here, "workers")
        return "shop.take" in done.stderr and "parked" in done.stderr

    wait_until(told, 60, "`stagepass workers` says so")
    wait_until(lambda: 'stagepass_stage_runs{queue="shop.take",state="parked"} 1.0' in metrics(here), 60)

    here.celery(*THREADS, queues=OLD_QUEUES, PIPELINES=V1)
    assert result(here.system, here, job) == {"text": "a taken1 packed1 sent1"}
    assert [run.attempts for run in here.system.engine.runs(here.job(job))] == [1, 1, 1]


def test_lesson_1_a_stage_that_was_renamed_away_waits_and_is_told(here: Site) -> None:
    """Only the first stage runs before the release; the next one's queue is one that the new code does not have."""
    before = here.celery(*THREADS, queues="shop.take", PIPELINES=V1)
    job = submit_old(here, "a")
    wait_until(lambda: here.job(job).done("take"), 20, "the first stage is done")
    os.kill(before.pid, signal.SIGTERM)
    assert before.wait(30) == 0
    here.relay()
    here.celery(*THREADS, queues=NEW_QUEUES, PIPELINES=V2)
    here.settings["pipelines"] = V2  # what the operator has by now
    assert "shop.pack, but no worker serves it" in command(here, "workers").stderr
    text = metrics(here)
    assert 'stagepass_stage_runs{queue="shop.pack",state="ready"} 1.0' in text
    assert 'stagepass_queue_served{queue="shop.pack"} 0.0' in text
    here.celery(*THREADS, queues=OLD_QUEUES, PIPELINES=V1)
    assert result(here.system, here, job) == {"text": "a taken1 packed1 sent1"}
    assert len(here.lines("take1")) == 1


def metrics(here: Site) -> str:
    """What an API of this installation tells Prometheus."""
    port = free_port()
    settings = {name.upper(): str(value) for name, value in here.settings.items() if value}
    env = {**os.environ, **settings, "PYTHONPATH": str(ROOT)}
    with (here.folder / "api.log").open("ab") as log:
        api = subprocess.Popen(
            [sys.executable, "-m", "stagepass.cli", "api", "--port", str(port)],
            env=env,
            cwd=here.folder,
            stdout=log,
            stderr=log,
        )
    try:

        def read() -> str:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                    return str(answer.read().decode())
            except OSError:
                return ""

        return wait_until(read, 60, "the API answers")
    finally:
        api.kill()
        api.wait(10)


# ── stops ──


@pytest.mark.parametrize("pool", [THREADS, PREFORK], ids=["threads", "prefork"])
def test_a_release_in_the_middle_of_a_stage_spends_no_attempt(here: Site, pool: tuple[str, ...]) -> None:
    here.relay()
    before = here.celery(*pool, queues=OLD_QUEUES, PIPELINES=V1)
    gate = here.folder / "gate"
    os.mkfifo(gate)
    job = submit_old(here, "a", str(gate))
    pid = int(wait_until(lambda: here.lines("take1"), 20, "a worker is inside")[0].split()[1])
    after = here.celery(*pool, queues=OLD_QUEUES, PIPELINES=V1)
    os.kill(before.pid, signal.SIGTERM)
    assert before.wait(40) == 0
    again = wait_until(lambda: here.lines("take1")[1:], 20, "the other worker goes on with it")
    assert int(again[0].split()[1]) != pid
    gate.open("w").close()
    assert result(here.system, here, job) == {"text": "a taken1 packed1 sent1"}
    (take,) = [run for run in here.system.engine.runs(here.job(job)) if run.stage == "take"]
    assert (take.attempts, take.crashes) == (1, 0)
    assert after.poll() is None


# ── the schema ──


def test_every_migration_only_adds(tmp_path: Path) -> None:
    """The code before an upgrade runs on beside it: its tables and columns stay, and nothing new is demanded of it."""
    url = f"sqlite:///{tmp_path / 'history.db'}"
    revisions = sorted(
        path.name.split("_")[0] for path in Path(migrate.__file__).parent.glob("migrations/versions/0*.py")
    )
    assert revisions[0] == "0001"
    before: dict[str, dict[str, str]] = {}
    for revision in revisions:
        migrate.upgrade(url, revision)
        after = _columns(url)
        for table, columns in before.items():
            assert after.get(table, {}).items() >= columns.items(), f"{revision} changes {table}"
            for name in after[table].keys() - columns.keys():
                assert _optional(url, table, name), (
                    f"{revision}: {table}.{name} has no default, and old code gives none"
                )
        before = after


def _columns(url: str) -> dict[str, dict[str, str]]:
    engine = connect.engines(url)[1]
    inspector = sa.inspect(engine)
    found = {
        table: {column["name"]: str(column["type"]) for column in inspector.get_columns(table)}
        for table in inspector.get_table_names()
    }
    engine.dispose()
    return found


def _optional(url: str, table: str, name: str) -> bool:
    engine = connect.engines(url)[1]
    (column,) = [column for column in sa.inspect(engine).get_columns(table) if column["name"] == name]
    engine.dispose()
    return bool(column["nullable"] or column["default"] is not None)


FIRST_CODE = (
    "INSERT INTO jobs (id, pipeline, version, owner, body_hash, state, priority, input, seq, tally, stepwise, "
    "cancel_requested, created_at, updated_at) VALUES ('j1', 'old', 1, 'me', 'h', 'queued', 0, '{}', 1, '{}', "
    "false, false, 1, 1)",
    "INSERT INTO stage_runs (id, job_id, pipeline, version, stage, queue, owner, state, priority, turn, due_at, "
    "attempts, crashes, created_at, scratch, progress) VALUES ('j1.a', 'j1', 'old', 1, 'a', 'old.a', 'me', 'ready', "
    "0, 1, 1, 0, 0, 1, '{}', 0)",
    "INSERT INTO events (job_id, seq, type, at, data) VALUES ('j1', 1, 'job.accepted', 1, '{}')",
    "INSERT INTO attempts (run_id, job_id, number, worker, began_at, ended_at, outcome) "
    "VALUES ('j1.a', 'j1', 1, 'w', 1, 2, 'completed')",
    "INSERT INTO memos (run_id, name, token, made_at) VALUES ('j1.a', 'buy', 't', 1)",
    "INSERT INTO spends (run_id, job_id, attempt, provider, model, tokens_in, tokens_out, usd, at) "
    "VALUES ('j1.a', 'j1', 1, 'p', 'm', 1, 1, 0.1, 1)",
    "INSERT INTO workers (id, host, pid, queues, slots, beat, started_at, beat_at) VALUES ('w', 'h', 1, '[]', 1, 0, 1, 1)",
    "INSERT INTO files (uri, sha256, size, type, name, owner, created_at) VALUES ('u', 's', 1, 't', 'n', 'me', 1)",
    "UPDATE stage_runs SET state = 'running', token = 't', worker = 'w', attempts = 1 WHERE id = 'j1.a' AND state = 'ready'",
    "UPDATE workers SET beat = beat + 1, beat_at = 2 WHERE id = 'w'",
    "UPDATE jobs SET state = 'completed', seq = 2, finished_at = 3 WHERE id = 'j1'",
)
"""What the code of the first schema writes, statement by statement, with the columns that it knows."""


def test_the_first_code_s_statements_work_on_the_newest_schema(database_url: str) -> None:
    engine = connect.engines(database_url)[0]
    with engine.connect() as connection:
        transaction = connection.begin()
        for statement in FIRST_CODE:
            assert connection.execute(sa.text(statement)).rowcount == 1
        transaction.rollback()
    engine.dispose()
