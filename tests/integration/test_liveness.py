"""A worker that is alive but does nothing: the probe tells it from an idle one, and it gives way by itself."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stagepass.engine.commit.claims import Claimed
from stagepass.engine.execute.dispatcher import Dispatcher
from stagepass.engine.execute.stall_detector import ASK_EVERY, StallDetector, Work
from stagepass.engine.model.states import JobState, RunState
from stagepass.health import Notes
from stagepass.queue.app import make_app
from stagepass.testing import HandClock
from tests.support import forked
from tests.support.processes import Process, processes
from tests.support.shapes import chain
from tests.support.site import ROOT, Site, site
from tests.support.waiting import wait_until

PIPELINES = ROOT / "tests" / "support" / "outage_pipelines"
QUEUES = "deafen.only,poison.fatal,work.plain"
SILENT = 5.0
THREADS = ("-P", "threads", "-c", "4")


@pytest.fixture
def here() -> Iterator[Site]:
    with site(pipelines=str(PIPELINES), stalled_after_seconds=2.0) as made:
        yield made


def submit(here: Site, pipeline: str, **more: Any) -> str:
    return here.system.engine.submit(pipeline, {"diary": str(here.diary), **more}).job.id


def health(here: Site, *options: str, code: int) -> list[dict[str, Any]]:
    """What the probe says, and that it ends with this code."""
    settings = {name.upper(): str(value) for name, value in here.settings.items() if value}
    env = {**os.environ, **settings, "PYTHONPATH": str(ROOT), "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    done = forked.stagepass(["health", "--json", *options], here.folder, env)
    assert done.returncode == code, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def states(here: Site) -> list[str]:
    return [check.state for check in Notes(here.folder, SILENT).check()]


# ── with real processes ──


@pytest.mark.parametrize("pool", [THREADS, ("-P", "prefork", "-c", "2")], ids=["threads", "prefork"])
def test_lesson_24_idle_and_busy_workers_are_well_and_one_that_ended_is_missed(
    here: Site, pool: tuple[str, ...]
) -> None:
    assert health(here, code=3) == []
    worker = here.celery(*pool, queues=QUEUES)
    count = 1 if pool == THREADS else 2
    wait_until(lambda: states(here) == ["idle"] * count, 20, "each process has its note")
    found = health(here, code=0)
    assert [(check["state"], check["well"]) for check in found] == [("idle", True)] * count
    gate = here.folder / "gate"
    os.mkfifo(gate)
    job = submit(here, "work", gate=str(gate))
    wait_until(lambda: "busy" in states(here), 20, "it is busy")
    health(here, "--queue", "work.plain", code=0)
    assert health(here, "--queue", "steps.one", code=3) == []
    gate.open("w").close()
    assert here.settled(job).state is JobState.COMPLETED
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait(10)
    assert health(here, code=3) == [], "the notes of dead processes count for nothing"


def test_lesson_24_a_stopped_worker_is_silent(here: Site) -> None:
    worker = here.celery(*THREADS, queues=QUEUES)
    wait_until(lambda: states(here) == ["idle"], 20)
    (path,) = (here.folder / "health").glob("*.json")
    os.kill(worker.pid, signal.SIGSTOP)
    before = json.loads(path.read_text())
    path.write_text(json.dumps({**before, "at": before["at"] - SILENT - 1}))  # as it will be in a while
    (check,) = health(here, code=1)
    assert (check["state"], check["well"]) == ("silent", False)
    os.kill(worker.pid, signal.SIGCONT)
    wait_until(lambda: states(here) == ["idle"], 20, "it is back")
    health(here, code=0)


def test_a_worker_that_is_alive_but_stalled_is_shown_by_the_probe_and_replaces_itself(here: Site) -> None:
    here.relay()
    worker = here.celery(*THREADS, queues=QUEUES)
    submit(here, "deafen")
    wait_until(lambda: here.lines("deafen"), 20, "the harm is done")
    row = here.system.store.workers()[0]
    wait_until(lambda: here.system.store.workers()[0].beat >= row.beat + 3, 20, "its heart beats on")
    assert states(here) == ["idle"], "without a backlog it is not to be told from an idle one, and does no harm"
    job = submit(here, "work")
    wait_until(lambda: states(here) == ["stalled"], 20, "it finds out")
    (check,) = health(here, code=1)
    assert check["stalled_for"] >= 2.0
    assert here.job(job).state is JobState.QUEUED
    assert worker.wait(60) != 0, "it ends by itself, although it cannot drain"
    log = (here.folder / "worker0.log").read_text()
    assert "stalled: work has been waiting" in log
    here.celery(*THREADS, queues=QUEUES)  # what a supervisor does
    assert here.settled(job).state is JobState.COMPLETED
    health(here, code=0)


def test_a_worker_whose_bells_are_cut_off_finds_its_work_by_itself(here: Site) -> None:
    worker = here.celery(*THREADS, queues=QUEUES, REMOTE_CONTROL="true")
    app = make_app(here.settings["broker_url"], here.system.registry.queues())

    def cut_off() -> bool:
        """A word over Redis reaches only who listens already, which a worker does a moment after it serves."""
        answers = app.control.cancel_consumer("work.plain", reply=True, timeout=1, limit=1)
        return any("ok" in said for answer in answers for said in answer.values())

    try:
        wait_until(cut_off, 30, "the worker is cut off")
    finally:
        app.close()
    job = submit(here, "work")
    assert here.settled(job, 10).state is JobState.COMPLETED
    assert worker.poll() is None
    assert states(here) == ["idle"]


def test_a_stage_that_kills_its_process_each_time_is_a_dead_letter_and_other_work_goes_on(here: Site) -> None:
    here.relay()
    steady = here.celery(*THREADS, queues="work.plain")
    victims = [here.celery(*THREADS, queues="poison.fatal")]
    job = submit(here, "poison")
    for _ in range(2):
        victims[-1].wait(30)
        other = submit(here, "work")
        assert here.settled(other).state is JobState.COMPLETED
        victims.append(here.celery(*THREADS, queues="poison.fatal"))
    ended = here.settled(job, 40)
    assert ended.state is JobState.FAILED
    assert ended.error is not None
    assert ended.error["code"] == "worker_lost"
    assert len(here.lines("poison")) == 3
    (run,) = here.system.engine.runs(ended)
    assert (run.state, run.crashes) == (RunState.FAILED, 3)
    victims[-1].wait(30)
    here.celery(*THREADS, queues="poison.fatal")
    assert here.settled(submit(here, "work")).state is JobState.COMPLETED
    assert len(here.lines("poison")) == 3, "a dead letter waits for a person"
    assert steady.poll() is None


# ── with a clock in hand ──


class Watched:
    """A dispatcher without threads, and the look that its heart would take each second."""

    def __init__(self, process: Process, slots: int = 2) -> None:
        self.process = process
        self.clock: HandClock = process.clock
        runner: Any = None  # nothing is run here
        self.dispatcher = Dispatcher(
            process.engine.committer,
            runner,
            process.queues,
            slots,
            process.worker,
            clock=self.clock,
            ring=lambda queue: None,
        )
        self.stall_detector = StallDetector(process.store, self.dispatcher, self.clock, stalled_after=10.0)

    def looks(self, seconds: int, *, answered: bool = True) -> Work:
        for _ in range(seconds):
            self.clock.advance(1)
            work = self.stall_detector.look(answered=answered)
        return work

    def takes(self, claimed: Claimed) -> None:
        self.dispatcher.running[claimed.token] = claimed  # type: ignore[assignment]


@pytest.fixture
def watched(database_url: str, store: Any) -> Iterator[Watched]:
    with processes(database_url, 1, chain()) as (process,):
        process.register()
        yield Watched(process)


def test_without_work_it_is_idle_for_ever(watched: Watched) -> None:
    assert watched.looks(1000) is Work.IDLE


def test_backlog_and_no_claim_for_a_while_is_stalled(watched: Watched) -> None:
    watched.looks(100)
    watched.process.engine.submit("chain", {"text": "a"})
    assert watched.looks(9) is Work.IDLE
    assert watched.looks(1 + int(ASK_EVERY)) is Work.STALLED


def test_a_claim_an_end_or_full_slots_begin_the_time_anew(watched: Watched) -> None:
    for _ in range(4):
        watched.process.engine.submit("chain", {"text": "a"})
    assert watched.looks(9) is Work.IDLE
    first, second = watched.process.claim(2)
    watched.takes(first)
    assert watched.looks(9) is Work.BUSY
    watched.takes(second)
    assert watched.looks(100) is Work.BUSY, "all slots are taken: the backlog is not its fault"
    watched.dispatcher.running.clear()
    watched.dispatcher.settled += 2
    assert watched.looks(9) is Work.IDLE
    assert watched.looks(9) is Work.STALLED


def test_work_for_others_is_not_its_backlog(watched: Watched) -> None:
    watched.dispatcher.queues = ("chain.two",)
    watched.process.engine.submit("chain", {"text": "a"})
    assert watched.looks(100) is Work.IDLE


def test_a_database_that_is_away_stalls_nobody(watched: Watched) -> None:
    watched.process.engine.submit("chain", {"text": "a"})
    assert watched.looks(9) is Work.IDLE
    assert watched.looks(100, answered=False) is Work.NO_STORE
    assert watched.looks(9) is Work.IDLE, "then the time begins anew"


def test_a_process_that_got_a_dead_one_s_number_is_not_taken_for_it(tmp_path: Path) -> None:
    notes = Notes(tmp_path, SILENT)
    notes.write("w1", ("a.b",), 1, 0, Work.IDLE, 0.0)
    assert [check.state for check in notes.check()] == ["idle"]
    (path,) = (tmp_path / "health").glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "born": 1}))
    assert notes.check() == []
    assert not path.exists()
