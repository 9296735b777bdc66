"""Every door shows the same job: API list and API one, CLI list and CLI show, the event stream, promo's and resume's status.

Progress, state and attempts are compared at every kind of moment of a job; records are compared name for name.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from stagepass import Permanent, Transient
from stagepass.api.app import create_app
from stagepass.bootstrap import System
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import OPEN, JobState, RunState
from stagepass.pipelines.promo.pipeline import promo
from stagepass.pipelines.resume.pipeline import resume
from stagepass.providers.ports import ClipMaker, SongMaker, TextModel
from stagepass.testing import Lab
from tests.support.api import RedisServer, Server, make_system, redis_server
from tests.support.cli import run_here
from tests.support.databases import make_schema
from tests.support.ledger import Book, LedgerClip, LedgerSong, LedgerText
from tests.support.sse import stream

INPUT = {"customer_name": "머뭄", "region": "군산"}


@dataclass
class Script:
    """What the makers do when they are called, by stage; each entry is used once."""

    acts: dict[str, list[Callable[[], Any]]] = field(default_factory=dict)

    def play(self, stage: str) -> Any:
        return self.acts[stage].pop(0)() if self.acts.get(stage) else None


class Text(LedgerText):
    def __init__(self, book: Book, script: Script) -> None:
        super().__init__(book)
        self._script = script

    def generate(self, request: Any) -> Any:
        self._script.play("lyric")
        return super().generate(request)


class Song(LedgerSong):
    def __init__(self, book: Book, script: Script) -> None:
        super().__init__(book)
        self._script = script

    def look(self, task_id: str, tell: Any = None) -> Any:
        return None if self._script.play("song") == "not yet" else super().look(task_id)


class Clip(LedgerClip):
    def __init__(self, book: Book, script: Script) -> None:
        super().__init__(book)
        self._script = script

    def submit(self, request: Any) -> str:
        self._script.play("video")
        return super().submit(request)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@dataclass
class Doors:
    """One database behind all doors."""

    lab: Lab
    script: Script
    system: System
    client: httpx2.Client
    seen: list[tuple[str, float, str]] = field(default_factory=list)

    def cli(self, *arguments: str) -> list[dict[str, Any]]:
        code, out, err = run_here(*arguments, "--json")
        assert code == 0, err
        return [json.loads(line) for line in out.splitlines() if line.startswith("{")]  # beside it, the server logs

    def compare(self, job: Job, moment: str) -> None:
        """Raises `AssertionError` where two doors disagree about this job."""
        one = self.client.get(f"/api/v1/jobs/{job.id}").json()
        (listed,) = [shown for shown in self.client.get("/api/v1/jobs").json()["jobs"] if shown["id"] == job.id]
        (cli_listed,) = [shown for shown in self.cli("jobs", "list") if shown["id"] == job.id]
        (cli_one,) = self.cli("jobs", "show", job.id)
        streamed = self._streamed(job)
        states = {one["state"], listed["state"], cli_listed["state"], cli_one["state"], streamed["state"]}
        assert len(states) == 1, (moment, one["state"], streamed)
        progress = {
            "one": one["progress"],
            "listed": listed["progress"],
            "cli list": cli_listed["progress"],
            "cli show": cli_one["progress"],
            "stream": streamed["progress"],
        }
        if job.pipeline == "promo":
            status = self.client.get(f"/api/v1/pipeline/status/{job.id}").json()
            progress["promo"] = status["progress"]
        assert len(set(progress.values())) == 1, (moment, progress)
        attempts = [{stage["name"]: stage["attempts"] for stage in door["stages"]} for door in (one, cli_one)]
        assert attempts[0] == attempts[1], moment
        assert {name: count for name, count in attempts[0].items() if count} == streamed["attempts"], moment
        self.seen.append((moment, one["progress"], one["state"]))

    def _streamed(self, job: Job) -> dict[str, Any]:
        """What a client knows that has read the stream so far."""
        last = self.lab.job(job).seq
        known: dict[str, Any] = {"state": "queued", "progress": 0.0, "attempts": {}}
        with stream(self.client, job.id) as events:
            for event in events:
                if event.id is None:
                    continue
                data = event.data
                if data.get("progress") is not None:
                    known["progress"] = data["progress"]
                kind = event.event
                if kind == "stage.started":
                    known["attempts"][data["stage"]] = data["attempt"]
                    known["state"] = "running"
                elif kind in ("job.completed", "job.failed", "job.cancelled"):
                    known["state"] = kind.removeprefix("job.")
                elif kind in ("stage.held", "job.held"):
                    known["state"] = "held"
                elif kind in ("job.resumed", "stage.decided"):
                    known["state"] = "running"
                if int(event.id) >= last:
                    break
        return known

    def report(self, fraction: float) -> None:
        """As a heartbeat does it for the run that is running now."""
        (run,) = self.running()
        with self.system.store.begin() as tx:
            tx.drop_worker("none")
        self.lab.store.beat(run.worker or "", self.lab.clock.now(), [(run.id, run.token or "", fraction, None)])

    def running(self) -> list[Any]:
        jobs = [job.id for job in self.lab.store.jobs_by_id(self.lab.store.owner_jobs("ann", 10))]
        return [run for job in jobs for run in self.lab.store.runs_of(job) if run.state is RunState.RUNNING]


@pytest.fixture
def doors(tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doors]:
    database = f"sqlite:///{tmp_path / 'data' / 'stagepass.db'}"
    (tmp_path / "data").mkdir(mode=0o700)
    make_schema(database)
    monkeypatch.setenv("REDIS_URL", redis.url)
    for name in ("BROKER_URL", "LC_ALL", "LC_MESSAGES", "PIPELINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LANG", "C")
    monkeypatch.chdir(tmp_path)
    book, script = Book(tmp_path / "ledger"), Script()
    makers = {TextModel: Text(book, script), SongMaker: Song(book, script), ClipMaker: Clip(book, script)}
    with Lab([promo, resume], makers, folder=tmp_path, database_url=database) as lab:
        system = make_system(tmp_path / "data", redis.url, lab.registry, database_url=database)
        server = Server(create_app(system)).start()
        try:
            with server.client("ann") as client:
                yield Doors(lab, script, system, client)
        finally:
            server.stop()
            system.close()


def test_every_door_shows_the_same_progress_state_and_attempts(doors: Doors) -> None:
    lab, script = doors.lab, doors.script
    job = lab.submit(INPUT, pipeline="promo", owner="ann")
    doors.compare(job, "accepted")

    def fails() -> None:
        doors.compare(job, "running")
        raise Transient("no answer")

    script.acts["lyric"] = [fails]
    lab.step()
    doors.compare(job, "retrying")
    lab.clock.advance(600)
    lab.relay.promote()
    lab.step()
    doors.compare(job, "one stage done")

    def not_yet() -> str:
        doors.report(0.5)
        return "not yet"

    script.acts["song"] = [not_yet, not_yet]
    lab.step()
    doors.compare(job, "waiting")
    lab.clock.advance(600)
    lab.relay.promote()
    lab.step()
    lab.clock.advance(600)
    lab.relay.promote()
    lab.step()
    doors.compare(job, "two stages done")

    def refused() -> None:
        raise Permanent("not today")

    script.acts["video"] = [refused]
    lab.finish(job)
    doors.compare(job, "failed")
    lab.engine.resume(job.id, None)
    doors.compare(job, "resumed")

    def lost() -> None:
        raise TimeoutError

    script.acts["video"] = [lost]
    lab.step()
    doors.compare(job, "a call was lost")
    lab.engine.cancel(job.id, None)
    while lab.step():  # what was begun elsewhere is stopped
        pass
    doors.compare(job, "cancelled")
    assert lab.job(job).state is JobState.CANCELLED
    lab.engine.resume(job.id, None)
    lab.finish(job)
    doors.compare(job, "at its end")
    assert len(doors.seen) >= 10
    assert doors.seen[0][1] == 0.0
    assert doors.seen[4][1] > doors.seen[3][1], "a stage that waits shows how far it is"
    states = [state for _, _, state in doors.seen]
    assert {"queued", "running", "failed", "cancelled"} <= set(states)


def test_resume_s_status_agrees_with_the_job(doors: Doors) -> None:
    text = {"resume_text": "Mina Park\nBackend engineer at Harbor, 2019-2024: cut costs by 31 % with PostgreSQL."}
    job = doors.lab.submit(text, pipeline="resume", owner="ann")
    for _ in range(10):
        doors.compare(job, f"resume {doors.lab.job(job).seq}")
        status = doors.client.get(f"/api/v1/resume/job-status/{job.id}").json()
        begun = any(run.started_at for run in doors.lab.store.runs_of(job.id))
        ended = {"completed": "COMPLETED", "failed": "FAILED"}.get(doors.lab.job(job).state.value)
        assert status["status"] == (ended or ("PROCESSING" if begun else "PENDING"))
        if ended:
            break
        if not doors.lab.step():
            doors.lab.clock.advance(60)
            doors.lab.relay.promote()


# ── records, name for name ───────────────────────────────────────────────────────────────────────


def same(api: Any, cli: Any) -> None:
    """Equal, but for the signatures of links, which change with the second."""

    def plain(value: Any) -> Any:
        return json.loads(re.sub(r"/files/[^\"?]+(\?[^\"]*)?", "/files/…", json.dumps(value)))

    assert plain(cli) == plain(api)


def test_what_the_command_line_prints_as_json_is_what_the_api_answers(doors: Doors) -> None:
    lab, script = doors.lab, doors.script
    done = lab.run(INPUT, pipeline="promo", owner="ann")

    def refused() -> None:
        raise Permanent("not today", provider="suno", advice="look at its page")

    script.acts["lyric"] = [refused]
    failed = lab.run(INPUT, pipeline="promo", owner="ann")
    held = lab.submit(INPUT, pipeline="promo", owner="ann", stepwise=True)
    lab.finish(held)
    get = doors.client.get
    for job in (done, failed, held):
        same(get(f"/api/v1/jobs/{job.id}?full=true").json(), doors.cli("jobs", "show", job.id)[0])
    same(get("/api/v1/jobs").json()["jobs"], doors.cli("jobs", "list"))
    same(get("/api/v1/dead").json()["dead"], doors.cli("dead", "list"))
    run = doors.cli("dead", "list")[0]["run_id"]
    same(get(f"/api/v1/dead/{run}").json(), doors.cli("dead", "show", run)[0])
    same(get("/api/v1/held").json()["held"], doors.cli("dead", "held"))
    same(get("/api/v1/providers").json()["providers"], doors.cli("providers"))
    same(get("/api/v1/schedules").json()["schedules"], doors.cli("schedules", "list"))
    same(get("/api/v1/pipelines/promo").json(), doors.cli("pipelines", "promo")[0])
    dry = doors.client.post("/api/v1/dead/redrive", json={"dry_run": True}).json()
    same(dry, doors.cli("dead", "redrive", "--all")[0])
    assert any(run.state not in OPEN for run in lab.store.runs_of(failed.id))
