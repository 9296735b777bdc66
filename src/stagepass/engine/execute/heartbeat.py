"""The heartbeat of one process: while it beats, the leases of all its attempts hold.

A beat says that the process lives and how far its attempts are, and brings back, in one transaction over a
separate connection, which runs the store believes it holds, and which of them were cancelled. Two reads follow
in a thread beside it: who else is there, and what others parked that this process knows.
"""

import logging
import os
import random
import threading
from collections.abc import Callable
from queue import SimpleQueue

from stagepass.engine.commit.committer import Committer
from stagepass.engine.commit.operations import OnRuns
from stagepass.engine.execute.dispatcher import Dispatcher
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.machine import place
from stagepass.engine.model.records import Job, StageRun, WorkerRow
from stagepass.engine.model.states import RunState
from stagepass.engine.model.store import Store
from stagepass.engine.rules import attempt
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.errors import StagepassError

log = logging.getLogger("stagepass.heartbeat")

BEAT = 1.0
"""Seconds between two beats."""

LOOKED_AT = 500
"""Parked runs that a beat looks through for those that this worker knows; more come to the front in time."""

LOOK_EVERY = 3
"""Heartbeats between two polls for work without a bell: work continues, slower, while the broker is down."""


class Heartbeat:
    """Beats for a dispatcher from a thread that no stage can block.

    Args:
        after: called after each beat with whether the store took it.
        lock_key: the lock that this process holds.
    """

    def __init__(
        self,
        store: Store,
        committer: Committer,
        dispatcher: Dispatcher,
        clock: Clock,
        *,
        every: float = BEAT,
        after: Callable[[bool], None] | None = None,
        lock_key: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._store = store
        self._committer = committer
        self._dispatcher = dispatcher
        self._clock = clock
        self._every = every
        self._after = after
        self._lock_key = lock_key
        self._stop = threading.Event()
        self._orphaned: set[str] = set()
        self._beats = 0
        self._thread = threading.Thread(target=self._run, name="stagepass-heartbeat", daemon=True)
        self._looks: SimpleQueue[bool | None] = SimpleQueue()
        """By beat: whether the store took it; None ends the looks."""
        self._looker = threading.Thread(target=self._look_loop, name="stagepass-heartbeat-look", daemon=True)

    def start(self) -> None:
        """Register the worker's row, and begin to beat."""
        self._register()
        self._thread.start()
        self._looker.start()

    def stop(self) -> None:
        """Stop beating, and take the row out: whatever it still held is rescued at once."""
        self._stop.set()
        self._thread.join(timeout=5)
        self._looks.put(None)
        if self._looker.is_alive():
            self._looker.join(timeout=5)
        try:
            with self._store.begin() as tx:
                if not tx.holds_leases(self._dispatcher.worker):
                    tx.drop_worker(self._dispatcher.worker)
        except StagepassError as problem:
            log.warning("the worker's row could not be removed: %s", problem)

    def _register(self) -> None:
        now = self._clock.now()
        self._store.add_worker(
            WorkerRow(
                id=self._dispatcher.worker,
                host=place(),
                pid=os.getpid(),
                queues=self._dispatcher.queues,
                slots=self._dispatcher.slots,
                beat=0,
                started_at=now,
                beat_at=now,
                clock_off=round(self._clock.off * 1000),
                lock_key=self._lock_key(),
            )
        )

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            answered = False
            try:
                self._clock.refresh()
                self._beat()
                answered = True
            except StagepassError as problem:
                log.warning("a heartbeat did not reach the store: %s", problem)
            except Exception:
                log.exception("a heartbeat failed")
            if self._looks.empty():
                self._looks.put(answered)

    def _look_loop(self) -> None:
        """Beside the beats, which wait for no other answer of the store."""
        while (answered := self._looks.get()) is not None:
            try:
                if answered:
                    self._look_round()
                if self._after is not None:
                    self._after(answered)
            except StagepassError as problem:
                log.warning("a look at other workers did not reach the store: %s", problem)
            except Exception:  # the heart beats on
                log.exception("what follows a heartbeat failed")

    def beat(self) -> None:
        """One heartbeat, and the check that follows."""
        if self._beat():
            self._look_round()

    def _beat(self) -> bool:
        """Say that this process lives, and hear which leases hold. Returns whether the store knew this worker."""
        dispatcher = self._dispatcher
        before = dict(dispatcher.running)
        progress = []
        for running in before.values():
            reported, running.lease.progress = running.lease.progress, None
            if reported is not None:
                progress.append((running.lease.run_id, running.lease.token, *reported))
        stands, held = self._store.beat(
            dispatcher.worker, self._clock.now(), progress, clock_off=round(self._clock.off * 1000)
        )
        tokens = {token for _, token, _ in held}
        for token, running in before.items():
            if token not in tokens and token in dispatcher.running:
                running.lease.lose()
        for _, token, cancelled in held:
            if cancelled and token in before:
                before[token].lease.cancelled = True
        if not stands:
            log.error("this worker was taken for dead; it begins again")
            self._register()  # under its own name, which what it claimed meanwhile carries
            return False
        self._release_orphaned_leases({(run_id, token) for run_id, token, _ in held})
        return True

    def _look_round(self) -> None:
        """Other live workers, and parked runs that this process knows."""
        dispatcher = self._dispatcher
        others = [worker for worker in self._store.workers() if worker.id != dispatcher.worker]
        dispatcher.shared = frozenset(queue for worker in others for queue in worker.queues)
        dispatcher.fetch(self._parked_for_us())
        self._beats += 1
        if self._beats % LOOK_EVERY == 0:
            dispatcher.wake()

    def _parked_for_us(self) -> list[tuple[str, str]]:
        """(run, job) of what a worker of another release parked, and this one knows."""
        queues, stage = set(self._dispatcher.queues), self._committer.registry.stage
        runs = self._store.parked(LOOKED_AT) if queues else []
        known = [run for run in runs if run.queue in queues and stage(run.pipeline, run.version, run.stage) is not None]
        random.shuffle(known)  # others look at the same ones
        return [(run.run_id, run.job_id) for run in known]

    def _release_orphaned_leases(self, held: set[tuple[str, str]]) -> None:
        """Runs that the store says are ours, but that no slot has: a commit whose answer was lost."""
        running = list(self._dispatcher.running.values())
        mine = {one.token for attempt in running for one in attempt.claimed.everyone()}
        orphaned = {(run_id, token) for run_id, token in held if token not in mine}
        again = {(run_id, token) for run_id, token in orphaned if token in self._orphaned}
        self._orphaned = {token for _, token in orphaned}
        for run_id, token in again:

            def give_back(uow: UnitOfWork, run: StageRun, job: Job, token: str = token) -> bool:
                if run.token != token or run.state is not RunState.RUNNING:
                    return False
                attempt.release(uow, run, job)
                return True

            self._committer.put(OnRuns([(run_id, run_id.split(".", 1)[0])], give_back))
