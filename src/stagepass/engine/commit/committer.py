"""The committer of a process: everything that changes the store goes over it, one transaction at a time.

What the process's threads ask for while one transaction commits goes into the next, together: with
one thread each has its own transaction, with a hundred they share one. Claims are carried out
last, so that a worker which settles one run takes the next in the same transaction.
"""

import logging
import random
import threading
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from stagepass import forking
from stagepass.declare.registry import Registry
from stagepass.engine.commit.claimer import Claimer, is_of_queues
from stagepass.engine.commit.claims import Claim
from stagepass.engine.commit.operation import Operation
from stagepass.engine.commit.requests import Pending, Request, Requests
from stagepass.engine.model import failpoints
from stagepass.engine.model.clock import Clock, SystemClock
from stagepass.engine.model.outcomes import LeaseLost
from stagepass.engine.model.records import Event, StageRun
from stagepass.engine.model.store import Store
from stagepass.engine.model.transaction import Ahead, Outputs, Stale, Taken
from stagepass.engine.rules.unit_of_work import Dice, Measure, UnitOfWork
from stagepass.errors import StagepassError, StoreUnavailable

log = logging.getLogger("stagepass.committer")


@dataclass(slots=True)
class CommitReport:
    """The result of a commit: its events, and the ready runs that were not claimed in it."""

    events: list[Event]
    ready: list[StageRun]
    woken: list[str] = field(default_factory=list)
    """Stage runs whose child has ended."""
    left_alone: list[str] = field(default_factory=list)
    """Children whose parent was stopped."""
    measures: list[Measure] = field(default_factory=list)
    """Durations for histograms."""
    behind: Set[str] = frozenset()
    """Queues in which something was ready before, which a worker was called for already."""


class Committer:
    """Carries out operations in batches.

    Args:
        announce: called after each commit with its `CommitReport`, on the thread that committed; must not block.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        announce: Callable[[CommitReport], None],
        *,
        clock: Clock | None = None,
        dice: Dice = random.uniform,
    ) -> None:
        self._dice = dice
        self._store = store
        self._registry = registry
        self._announce = announce
        self._clock = clock or SystemClock()
        self.away = False
        """Whether the store could not answer when it was last asked."""
        self._claimer = Claimer(registry)
        self.renew()
        forking.renews(self)

    def renew(self) -> None:
        """A forked child has a thread of its own; what was asked before is the parent's."""
        self._requests = Requests(self._clock)
        self._thread: threading.Thread | None = None
        self._begin = threading.Lock()

    @property
    def registry(self) -> Registry:
        """The pipelines that this process knows."""
        return self._registry

    # ── asking ──

    def put(self, *asked: Operation | Claim) -> list[Pending]:
        """Ask for these; they share a transaction unless one of them breaks it, and claims come last in it."""
        futures = self._requests.put(asked)
        self._ensure_thread()
        return futures

    def put_here(self, *asked: Operation | Claim) -> list[Pending]:
        """The same, for a caller that waits as long as it takes: where nothing else is asked, on its own thread."""
        batch = self._requests.take(asked)
        if batch is None:
            return self.put(*asked)
        try:
            self._ensure_thread()  # for what has to be tried again
            self._carry_out(batch)
        finally:
            self._requests.done()
        return [request.future for request in batch]

    def _ensure_thread(self) -> None:
        with self._begin:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stagepass-committer", daemon=True)
                self._thread.start()

    def do(self, asked: Operation | Claim) -> Any:
        """Ask, and wait for the result. Raises `StoreUnavailable` past its `answer_within`."""
        patient = asked.answer_within is None
        (future,) = self.put_here(asked) if patient else self.put(asked)
        return future.within(asked.answer_within)

    def close(self) -> None:
        """Carry out what was asked, and stop."""
        self._requests.close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=30)

    # ── doing ──

    def _run(self) -> None:
        while batch := self._requests.next():
            try:
                self._carry_out(batch)
            finally:
                self._requests.done()

    def _carry_out(self, batch: list[Request]) -> None:
        try:
            self._clock.refresh()
            self._commit(batch)
            self.away = False
        except StoreUnavailable as problem:
            self.away = not isinstance(problem, Stale)
            self._requests.again(batch, problem)
        except Exception as problem:
            if len(batch) > 1:
                for request in batch:
                    self._carry_out([request])
            elif isinstance(problem, Taken) and batch[0].asked.may_be_second:
                # two processes accepted the same key at once: the second look finds the first one's job
                self._requests.again(batch, Stale(str(problem)))
            else:
                if not isinstance(problem, StagepassError):
                    log.exception("an operation failed: %s", type(batch[0].asked).__name__)
                batch[0].future.set_exception(problem)
        except BaseException as problem:  # a test's stand-in for the death of the process
            for request in batch:
                if not request.future.done():
                    request.future.set_exception(problem)

    def _commit(self, batch: list[Request]) -> None:
        results: list[tuple[Request, Any, BaseException | None]] = []
        with self._store.begin() as tx:
            batch = [request for request in batch if not request.future.abandoned]
            claims = [(request, request.asked) for request in batch if isinstance(request.asked, Claim)]
            operations = [(request, request.asked) for request in batch if isinstance(request.asked, Operation)]
            if operations and batch[0].alone and not operations[0][1].skip_locked:
                tx.require_free(operations[0][1].jobs(), operations[0][1].runs())
            tx.look_ahead(self._ahead([operation for _, operation in operations], [claim for _, claim in claims]))
            uow = UnitOfWork(tx, self._clock, self._registry, self._dice)
            for skip in (False, True):
                some = [operation for _, operation in operations if operation.skip_locked is skip]
                uow.open_jobs((i for operation in some for i in operation.jobs()), skip_locked=skip)
                uow.open_runs((i for operation in some for i in operation.runs()), skip_locked=skip)
            known: Outputs = {}
            for request, operation in operations:
                try:
                    results.append((request, operation.apply(uow), None))
                except (StagepassError, LeaseLost) as refusal:
                    results.append((request, None, refusal))
                else:
                    for job_id, stages in operation.known().items():
                        known.setdefault(job_id, {}).update(stages)
            claim_results = self._claimer.claim(uow, [claim for _, claim in claims], known)
            uow.save()
            self._pass_by("before", batch)
        self._pass_by("after", batch)
        self._tell(
            CommitReport(uow.events, list(uow.ready.values()), uow.woken, uow.left_alone, uow.measures, uow.behind)
        )
        for (request, _), claim_result in zip(claims, claim_results, strict=True):
            request.future.set_result(claim_result)
        for request, result, refused in results:  # last: a slot waits for its settle, and then has its claim too
            if refused is not None:
                request.future.set_exception(refused)
            else:
                request.future.set_result(result)

    def _ahead(self, operations: Sequence[Operation], claims: Sequence[Claim]) -> Ahead:
        """What these read and lock, as far as it waits for locks."""
        patient = [operation for operation in operations if not operation.skip_locked]
        return Ahead(
            jobs={job_id for operation in patient for job_id in operation.jobs()},
            runs={run_id for operation in patient for run_id in operation.runs()},
            queues=self._claimer.looks(claims),
            controls=any(not is_of_queues(claim) for claim in claims),
            keys={key for operation in operations if (key := operation.key()) is not None},
        )

    def _tell(self, news: CommitReport) -> None:
        try:
            self._announce(news)
        except Exception:  # the commit is done: the relay and the gateways find what was not announced
            log.exception("the report of a commit could not be delivered")

    @staticmethod
    def _pass_by(when: str, batch: Iterable[Request]) -> None:
        for request in batch:
            if request.asked.failpoint:
                failpoints.hit(f"{request.asked.failpoint}.{when}_commit")
