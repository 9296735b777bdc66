"""For tests of pipelines: run one inline, crash it at any point, and move the clock by hand.

    with Lab(promo, {TextModel: FakeModel()}) as lab:
        job = lab.run({"customer_name": "머뭄", "region": "군산"})
        assert lab.result(job)["width"] == 1080

Everything but the threads, the broker and Redis is real: the database is SQLite, in a temporary folder.
"""

import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stagepass.bus.provider_limits import OpenGate
from stagepass.declare.pipeline import Pipeline
from stagepass.declare.registry import Registry
from stagepass.declare.stage import Stage
from stagepass.engine.commit.claims import Claim, Claimed
from stagepass.engine.commit.operations import Settle
from stagepass.engine.engine import OPERATOR, Engine
from stagepass.engine.execute.event_loop import EventLoop
from stagepass.engine.execute.lease import Lease
from stagepass.engine.execute.runner import Runner
from stagepass.engine.execute.services import Services
from stagepass.engine.maintain.relay import Relay
from stagepass.engine.model import failpoints
from stagepass.engine.model.ids import job_of, new_id
from stagepass.engine.model.limits import Limit, ProviderLimits
from stagepass.engine.model.outcomes import LeaseLost, Unknown
from stagepass.engine.model.ports import Tick
from stagepass.engine.model.records import Event, Job
from stagepass.engine.model.states import ENDED, JobState
from stagepass.engine.rules import attempt
from stagepass.files.local import LocalFiles
from stagepass.store import SqlStore

__all__ = ["Crash", "HandClock", "Lab"]


class Crash(BaseException):
    """Stands for the death of the process at a failpoint."""


class HandClock:
    """A clock that only moves when a test moves it."""

    def __init__(self, at: int = 1_800_000_000_000) -> None:
        self._ms = at
        self._steady = 0.0

    def now(self) -> int:
        return self._ms

    def steady(self) -> float:
        return self._steady

    def refresh(self) -> None:
        """It is the only clock."""

    @property
    def off(self) -> float:
        return 0.0

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._ms += int(seconds * 1000)
        self._steady += seconds

    def jump(self, seconds: float) -> None:
        """Set the calendar; steady time does not notice."""
        self._ms += int(seconds * 1000)


class Recorder:
    """Takes the place of broker and bus, and records what they would have been sent."""

    def __init__(self) -> None:
        self.cancelling: Callable[[str], None] = lambda job_id: None
        """Called with a job that is cancelled while one of its stages runs."""
        self.rung: list[str] = []
        self.news: list[Event | Tick] = []

    def ring(self, queue: str, job_id: str = "", run_id: str = "", *, full: bool = False) -> None:
        self.rung.append(queue)

    def depth(self, queue: str) -> int | None:
        return 0

    def publish(self, news: Sequence[Event | Tick]) -> None:
        self.news.extend(news)
        for one in news:
            if isinstance(one, Event) and one.type == "job.cancelling":
                self.cancelling(one.job_id)

    def count(self, name: str, *labels: str, amount: float = 1.0) -> None: ...

    def observe(self, name: str, seconds: float, *labels: str) -> None: ...

    def close(self) -> None: ...


class _Given:
    def __init__(self, providers: Mapping[type, Any]) -> None:
        self._providers = providers

    def get(self, kind: type, stage: Stage) -> Any:
        return self._providers[kind]


class Lab:
    """One or more pipelines and one worker, without threads except the committing one.

    Args:
        pipelines: what to run.
        providers: by port, what its stages use.
        folder: where the database and the files go; by default a temporary folder.
        limits: by provider's name, what it allows; with `provider_limits`.
    """

    def __init__(
        self,
        pipelines: Pipeline | Sequence[Pipeline],
        providers: Mapping[type, Any] | None = None,
        *,
        folder: Path | None = None,
        database_url: str | None = None,
        provider_limits: ProviderLimits | None = None,
        limits: dict[str, Limit] | None = None,
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="stagepass-lab-") if folder is None else None
        self.folder = Path(self._temporary.name) if self._temporary else Path(str(folder))
        self.clock = HandClock()
        given = [pipelines] if isinstance(pipelines, Pipeline) else list(pipelines)
        self.first = given[0].name if given else ""
        """The pipeline that is run where none is named: the first one given."""
        self.registry = Registry(given)
        self.store = SqlStore(database_url or f"sqlite:///{self.folder / 'lab.db'}")
        self.store.create_all()
        self.recorder = Recorder()
        dice = random.Random(1)  # the same waits every time
        self.engine = Engine(
            self.store, self.registry, self.recorder, self.recorder, clock=self.clock, dice=dice.uniform
        )
        self.recorder.cancelling = self._cancelling
        self._leases: dict[str, Lease] = {}
        self.files = LocalFiles(self.folder / "files")
        services = Services(
            self.store,
            self.engine.committer,
            self.recorder,
            self.files,
            provider_limits or OpenGate(),
            clock=self.clock,
            callback_url=lambda run_id, job_id: f"http://lab.test/callbacks/{run_id}",
            approval_url=lambda run_id, name, ask, life: f"http://lab.test/approvals/{run_id}/{name}/{ask}",
            file_url=lambda file: f"http://lab.test/files/{file.sha256}",
            limits=limits,
        )
        self._loop = EventLoop()
        self.runner = Runner(self.registry, services, _Given(providers or {}), self._loop)
        self.relay = Relay(self.store, self.engine.committer, self.recorder, self.clock)
        self.worker = new_id()
        self.ran: list[str] = []
        """The stage runs whose function was called, in order, each time."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of everything; a temporary folder is removed."""
        failpoints.disarm()
        self.engine.close()
        self._loop.close()
        if self._temporary:
            self._temporary.cleanup()

    # ── asking ──

    def submit(self, input: Mapping[str, Any], *, pipeline: str | None = None, **options: Any) -> Job:
        """Submit to the pipeline that is named, or to the first of those the lab was made with."""
        name = pipeline or self.first
        return self.engine.submit(name, input, **options).job

    def job(self, job: Job | str) -> Job:
        """The job as it is now."""
        return self.engine.job(job if isinstance(job, str) else job.id, OPERATOR)

    def result(self, job: Job) -> Any:
        """The completed job's result, as JSON values."""
        return self.engine.result(self.job(job))

    def send(self, job: Job, name: str, payload: Any = None, *, key: str | None = None) -> bool:
        """Send the job a message, as `Engine.send`."""
        return self.engine.send(job.id, name, payload, key=key)

    def ticks(self, job: Job) -> list[Tick]:
        """The job's ticks of progress so far, in order."""
        return [one for one in self.recorder.news if isinstance(one, Tick) and one.job_id == job.id]

    def events(self, job: Job) -> list[str]:
        """The job's events as ``"stage.completed song"``, in order."""
        return [f"{event.type} {event.stage or ''}".strip() for event in self.engine.events(job.id)]

    # ── running ──

    def run(self, input: Mapping[str, Any], **options: Any) -> Job:
        """Submit, and run to the end; waits and retries are passed by moving the clock."""
        job = self.submit(input, **options)
        return self.finish(job)

    def finish(self, job: Job, *, at_most: float = 86_400) -> Job:
        """Run until the job has ended or is held. Raises `AssertionError` when it does neither in `at_most` seconds."""
        passed = 0.0
        while True:
            while self.step():
                pass
            now = self.job(job)
            if now.state in ENDED or now.state is JobState.HELD:
                return now
            if passed >= at_most:
                raise AssertionError(f"the job is still {now.state} after {passed:g} s: {self.events(job)}")
            pause = self._next_due()
            self.clock.advance(pause)
            passed += pause
            self.relay.promote()

    def step(self) -> bool:
        """Claim one ready run and run it. False when there was none."""
        claim_result = self.engine.committer.do(Claim(tuple(self.registry.queues()), 1, self.worker))
        if not claim_result.claimed:
            return False
        self.attempt(claim_result.claimed[0])
        return True

    def attempt(self, claimed: Claimed) -> None:
        """Run a claimed attempt in this thread, and settle it."""
        stage = self.runner.stage(claimed)
        if stage is None:
            self.engine.committer.do(Settle(claimed, Unknown("not known in this lab")))
            return
        runs = [one.run for one in claimed.everyone()]
        self.ran += [stage.name if run.item is None else f"{stage.name}[{run.item}]" for run in runs]
        lease = Lease(claimed.run.id, claimed.token, attempt.time_left(claimed.run, stage, self.clock.now()))
        self._leases[claimed.run.id] = lease
        try:
            outcome = self.runner.run(claimed, stage, lease)
            self.engine.committer.do(Settle(claimed, outcome))
        except LeaseLost:
            pass
        finally:
            self._leases.pop(claimed.run.id, None)

    def _cancelling(self, job_id: str) -> None:
        """Replaces the heartbeat: the running stage notices the cancel at its next `ctx` call."""
        for run_id, lease in self._leases.items():
            if job_of(run_id) == job_id:
                lease.cancelled = True

    def crash(self, at: str, *, times: int = 1) -> None:
        """Make the process die the next time it reaches this failpoint; `recover` then continues."""
        failpoints.arm(at, _crash, at=times)

    def recover(self) -> None:
        """The worker is dead: another takes its place, and what it held is handed on."""
        failpoints.disarm()
        dead, self.worker = self.worker, new_id()
        self.relay.rescue_worker(dead)

    def _next_due(self) -> float:
        due = self.store.next_due()
        return 1.0 if due is None else max(0.001, (due - self.clock.now()) / 1000)


def _crash() -> None:
    raise Crash
