"""Services shared by the contexts of one process, and their file stores."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from stagepass.declare.values import File
from stagepass.engine.commit.claims import Claimed
from stagepass.engine.commit.committer import Committer
from stagepass.engine.commit.operations import OnRuns
from stagepass.engine.execute.approvals import MakeUrl
from stagepass.engine.model.clock import Clock, SystemClock
from stagepass.engine.model.ids import job_of
from stagepass.engine.model.limits import Limit, ProviderLimits
from stagepass.engine.model.ports import Bus, FileStore
from stagepass.engine.model.records import Job, StageRun
from stagepass.engine.model.states import RunState
from stagepass.engine.model.store import Store
from stagepass.engine.rules import attempt
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.errors import StoreUnavailable

WRITTEN_WITHIN = 86_400_000
"""Milliseconds that a stage's file may take to be written; what no row names by then is deleted."""


class Services:
    """Services shared by the contexts of one process."""

    def __init__(
        self,
        store: Store,
        committer: Committer,
        bus: Bus,
        files: FileStore,
        provider_limits: ProviderLimits,
        *,
        clock: Clock | None = None,
        callback_url: Callable[[str, str], str] | None = None,
        approval_url: MakeUrl | None = None,
        file_url: Callable[[File], str] | None = None,
        limits: dict[str, Limit] | None = None,
        retry_after_at_most: float = 3600.0,
    ) -> None:
        self.store = store
        self.committer = committer
        self.bus = bus
        self.files = files
        self.provider_limits = provider_limits
        self.clock = clock or SystemClock()
        self.callback_url = callback_url
        self.approval_url = approval_url
        self.file_url = file_url
        self.limits = limits or {}
        self.retry_after_at_most = retry_after_at_most
        """Seconds for which a rate limit closes a provider, however long it says."""

    def call(self, provider: str, limit: Limit, runs: list[str]) -> None:
        """Wakes the runs next in line at a provider; if one no longer waits, wakes its successor."""
        coming: set[str] = set()

        def wake(uow: UnitOfWork, run: StageRun, job: Job) -> bool:
            if attempt.wake(uow, run, job) or run.state in (RunState.READY, RunState.RUNNING):
                coming.add(run.id)  # a running stage was just asked to wait and returns in a moment
            return True

        def pass_on(gone: list[str]) -> None:
            if others := self.provider_limits.call(provider, limit, gone):
                self.call(provider, limit, others)

        def done(future: "Future[int]") -> None:
            gone = [] if future.exception() else [run for run in runs if run not in coming]
            if gone:  # seldom; and the committer, whose thread this is, must not wait for Redis
                threading.Thread(target=pass_on, args=(gone,), name="stagepass-waiting-list", daemon=True).start()

        with suppress(StoreUnavailable):  # then they come by themselves
            self.committer.put(OnRuns([(run, job_of(run)) for run in runs], wake))[0].add_done_callback(done)


class Files:
    """`ctx.files`: large values of this stage run. What is put is complete before it can be referred to."""

    def __init__(self, services: Services, claimed: Claimed) -> None:
        self._services = services
        self._claimed = claimed

    def put(self, source: BinaryIO | bytes | Path, *, name: str, type: str) -> File:
        """Store a file; put the returned reference in the stage's output."""
        run = self._claimed.run
        uri = self._services.files.reserve(name, run.job_id)
        self._services.store.doom([uri], run.owner, self._services.clock.now() + WRITTEN_WITHIN)
        file = self._services.files.put(source, name=name, type=type, uri=uri)
        self._services.store.keep_file(file, run.job_id, run.id, run.owner, self._services.clock.now())
        return file

    @contextmanager
    def local(self, file: File) -> Iterator[Path]:
        """A path of this machine that holds the file, for as long as the block lasts."""
        with self._services.files.local_copy(file) as path:
            yield path

    def url(self, file: File) -> str | None:
        """A signed address that a provider elsewhere can fetch the file from, or None where there is none."""
        make = self._services.file_url
        return make(file) if make else None
