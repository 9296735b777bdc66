"""Real processes that serve the flows of `tests.support.flowing`, each killed by SIGKILL at its n-th boundary.

Their calendar is a file that the test moves: days pass in seconds, on every database.
"""

import random
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stagepass.bootstrap import System
from stagepass.engine.model import failpoints
from stagepass.engine.model.clock import StoreClock
from stagepass.engine.model.ports import JobFilter
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import ENDED
from stagepass.pipelines.discover import discover
from stagepass.settings import Settings
from stagepass.worker.runtime import Runtime
from tests.support.site import Site, site
from tests.support.waiting import wait_until

FLOWS = Path(__file__).parent / "flowing"
BOUNDARIES = tuple(
    name for name in failpoints.NAMES if name.split(".")[0] in ("claim", "body", "once", "call", "settle")
)


class FileClock(StoreClock):
    """The database's calendar, ahead by what a file says."""

    def __init__(self, file: Path, ask: Callable[[], int | None]) -> None:
        super().__init__(ask)
        self._file = file

    def now(self) -> int:
        return super().now() + int(self._file.read_text() or 0)


class Walk:
    """A site whose workers die at boundaries that the dice choose."""

    def __init__(self, here: Site) -> None:
        self.here = here
        self.file = here.folder / "calendar"
        self.file.write_text("0")
        self.system = _system(here.settings, self.file)
        self.kills = 0

    @property
    def journal(self) -> list[str]:
        return self.here.diary.read_text().splitlines()

    def submit(self, pipeline: str, **case: Any) -> str:
        return self.system.engine.submit(pipeline, {"journal": str(self.here.diary), **case}).job.id

    def job(self, job_id: str) -> Job:
        return self.system.engine.job(job_id, None)

    def charges(self, job_ids: Sequence[str], what: str = "charge") -> list[str]:
        """Names of what these jobs have bought, sorted."""
        parts = [line.split(" ", 3) for line in self.journal]
        return sorted(part[3] for part in parts if part[0] == what and part[1] in job_ids)

    def children(self, pipeline: str, parent: str) -> list[Job]:
        jobs = self.system.engine.jobs(JobFilter(None, pipeline=pipeline, limit=100))
        return [job for job in jobs if job.parent is not None and job.parent.startswith(parent)]

    def finish(
        self, job_id: str, dice: random.Random | None, *, most: int = 20, meanwhile: Callable[[], None] = lambda: None
    ) -> Job:
        """Kill one process after another until the job has ended; without dice none is killed.

        Args:
            most: boundaries that a process comes by at most.
            meanwhile: called before each process.
        """
        while self.job(job_id).state not in ENDED:
            meanwhile()
            kill_at = dice.randint(3, most) if dice is not None else 0
            worker = self.here._start(_serve, self.here.settings, str(self.file), kill_at)
            wait_until(lambda worker=worker: self._over(job_id, worker), 90, f"{job_id} ends, or its worker dies")
            if worker.exitcode is None:
                worker.kill()
                worker.join(10)
            else:
                assert worker.exitcode == -signal.SIGKILL
                self.kills += 1
        return self.job(job_id)

    def _over(self, job_id: str, worker: Any) -> bool:
        self._pass_time()
        return worker.exitcode is not None or self.job(job_id).state in ENDED

    def _pass_time(self) -> None:
        """Where everything waits, the next of it is due."""
        due, now = self.system.store.next_due(), self.system.engine.clock.now()
        if due is None or due <= now + 300:
            return
        busy = any(state in ("ready", "running") for _, state, _ in self.system.store.unfinished())
        if not busy and self.system.store.next_due() == due:  # nothing has come to rest, or was woken, in between
            self.file.write_text(str(int(self.file.read_text()) + due - now))


@contextmanager
def walk(**options: Any) -> Iterator[Walk]:
    with site(pipelines=str(FLOWS), **options) as here:
        made = Walk(here)
        try:
            yield made
        finally:
            made.system.close()


class Sender:
    """A process that sends numbered messages and notes each answer; killed, it sends on from its last note."""

    def __init__(self, walk: Walk, job_id: str, name: str, count: int) -> None:
        self._walk, self._job_id, self._name, self._count = walk, job_id, name, count
        self._notes = walk.here.folder / f"sender-{name}"
        self._notes.touch()
        self._process: Any = None
        self.kills = 0

    @property
    def sent(self) -> int:
        return len(self._notes.read_text().splitlines())

    def start(self) -> None:
        """Send on, unless it does so already or everything was sent."""
        if self.sent < self._count and (self._process is None or self._process.exitcode is not None):
            arguments = (self._walk.here.settings, self._job_id, self._name, self._count, str(self._notes))
            self._process = self._walk.here._start(_send, *arguments)

    def kill(self) -> None:
        if self._process is not None and self._process.exitcode is None:
            self._process.kill()
            self._process.join(10)
            self.kills += 1


def _send(settings: dict[str, Any], job_id: str, name: str, count: int, notes: str) -> None:
    loaded = Settings.load(**settings)
    system = System(loaded, discover(loaded.pipelines))
    with Path(notes).open("a+") as answers:
        answers.seek(0)
        for number in range(len(answers.readlines()), count):
            system.engine.send(job_id, "line", f"{name} {number}", key=f"{name} {number}")
            answers.write(f"{number}\n")
            answers.flush()
    system.close()


def _system(settings: dict[str, Any], file: Path) -> System:
    loaded = Settings.load(**settings)
    return System(loaded, discover(loaded.pipelines), lambda ask: FileClock(file, ask))


def _serve(settings: dict[str, Any], file: str, kill_at: int) -> None:
    system = _system(settings, Path(file))
    if kill_at:
        failpoints.arm(BOUNDARIES, at=kill_at)
    queues = tuple(queue for queue in system.registry.queues() if queue.split(".")[0] in OURS)
    threading.Thread(target=system.relay().run, daemon=True).start()
    Runtime(system, queues, 2).start()
    threading.Event().wait()


OURS = ("flights", "trip", "order", "model", "fallback", "reminder", "nightly", "chat", "inbox", "agent")
