"""A worker of real threads inside a test: a dispatcher, and a heart and a relay where the test wants them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stagepass.bus.provider_limits import OpenGate
from stagepass.declare.pipeline import Pipeline
from stagepass.declare.registry import Registry
from stagepass.engine.engine import Engine
from stagepass.engine.execute.dispatcher import Dispatcher
from stagepass.engine.execute.event_loop import EventLoop
from stagepass.engine.execute.heartbeat import Heartbeat
from stagepass.engine.execute.runner import Runner
from stagepass.engine.execute.services import Services
from stagepass.engine.maintain.relay import Relay
from stagepass.engine.model.clock import SystemClock
from stagepass.engine.model.ids import new_id
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import ENDED
from stagepass.files.local import LocalFiles
from stagepass.store import SqlStore
from stagepass.testing import Recorder
from tests.support.waiting import wait_until


class Crew:
    """One process's worth of slots. `heartbeat` and `relay` are made, and started only by who needs them."""

    def __init__(self, url: str, pipelines: Sequence[Pipeline], slots: int, folder: Path, **options: Any) -> None:
        self.store = SqlStore(url)
        self.registry = Registry(pipelines)
        self.recorder = Recorder()
        clock = SystemClock()
        self.engine = Engine(self.store, self.registry, self.recorder, self.recorder, clock=clock)
        files = LocalFiles(folder / "files")
        services = Services(self.store, self.engine.committer, self.recorder, files, OpenGate(), clock=clock)
        self.loop = EventLoop()
        runner = Runner(self.registry, services, None, self.loop)  # type: ignore[arg-type]
        self.runner = runner
        queues = tuple(options.pop("queues", self.registry.queues()))
        self.dispatcher = Dispatcher(
            self.engine.committer, runner, queues, slots, new_id(), clock=clock, ring=self.recorder.ring, **options
        )
        self.engine.dispatcher = self.dispatcher
        self.heartbeat = Heartbeat(self.store, self.engine.committer, self.dispatcher, clock, every=0.1)
        self.relay = Relay(self.store, self.engine.committer, self.recorder, clock)

    def submit(self, text: str = "a", **options: Any) -> str:
        return self.engine.submit(next(iter(self.registry)).name, {"text": text}, **options).job.id

    def job(self, job_id: str) -> Job:
        return self.engine.job(job_id, None)

    def ended(self, job_id: str, timeout: float = 15) -> Job:
        """The job, when it has ended; what waits is made due by the relay meanwhile."""

        def look() -> Job | None:
            self.relay.promote()
            job = self.job(job_id)
            return job if job.state in ENDED else None

        found = wait_until(look, timeout, f"the job {job_id} ends")
        assert found is not None
        return found

    def events(self, job_id: str) -> list[str]:
        return [f"{event.type} {event.stage or ''}".strip() for event in self.engine.events(job_id)]

    def close(self, grace: float = 5.0) -> None:
        self.dispatcher.drain(grace)
        self.loop.close()
        self.engine.close()


@contextmanager
def crew(folder: Path, slots: int, *pipelines: Pipeline, url: str | None = None, **options: Any) -> Iterator[Crew]:
    """A crew on a database of its own, or on the one that is named."""
    made = Crew(url or f"sqlite:///{folder / 'crew.db'}", pipelines, slots, folder, **options)
    if url is None:
        made.store.create_all()
    try:
        yield made
    finally:
        made.close()
