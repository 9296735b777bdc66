"""The committing thread of a process: everything that changes the store goes over this committer.

What the process's threads ask for while one transaction commits goes into the next, together: with
one thread each is a transaction of its own, with a hundred they share it. Claims are carried out
last, so that a worker which settles one run takes the next in the same transaction.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stagepass.declare.registry import Registry
from stagepass.engine.commit import batches
from stagepass.engine.commit.choose import choose
from stagepass.engine.commit.operations import Claim, Claimed, ClaimResult, OnRuns, Operation, Settle, Submit
from stagepass.engine.commit.requests import Pending, Request, Requests
from stagepass.engine.model import failpoints
from stagepass.engine.model.clock import Clock, SystemClock
from stagepass.engine.model.outcomes import LeaseLost
from stagepass.engine.model.ports import Candidate, Outputs, Stale, Store, Taken
from stagepass.engine.model.records import Event, StageRun
from stagepass.engine.model.states import RunState
from stagepass.engine.rules import attempt
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.errors import StagepassError, StoreUnavailable

log = logging.getLogger("stagepass.committer")


@dataclass(slots=True)
class CommitReport:
    """What a commit made known: its events, and the runs that are ready and that nobody has claimed yet."""

    events: list[Event]
    ready: list[StageRun]
    woken: list[str] = field(default_factory=list)
    """Stage runs whose child has ended."""
    left_alone: list[str] = field(default_factory=list)
    """Children whose parent was stopped."""


class Committer:
    """Carries out operations in batches.

    Args:
        told: called after each commit with its `CommitReport`, on the committer's thread; must not block.
    """

    def __init__(
        self, store: Store, registry: Registry, told: Callable[[CommitReport], None], *, clock: Clock | None = None
    ) -> None:
        self._store = store
        self._registry = registry
        self._told = told
        self._clock = clock or SystemClock()
        self._requests = Requests(self._clock)
        self.away = False
        """Whether the store could not answer when it was last asked."""
        self._served = ""
        """The queue that the last claim took from; the next one begins behind it."""
        self._thread: threading.Thread | None = None
        self._begin = threading.Lock()

    @property
    def registry(self) -> Registry:
        """The pipelines that this process knows."""
        return self._registry

    # ── asking ──

    def put(self, *operations: Operation) -> list[Pending]:
        """Ask for these operations; they share a transaction unless one of them breaks it."""
        futures = self._requests.put(operations)
        with self._begin:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stagepass-committer", daemon=True)
                self._thread.start()
        return futures

    def do(self, operation: Operation) -> Any:
        """Ask, and wait for the result. Raises `StoreUnavailable` past the operation's `answer_within`."""
        return self.put(operation)[0].within(operation.answer_within)

    def close(self) -> None:
        """Carry out what was asked, and stop."""
        self._requests.close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=30)

    # ── doing ──

    def _run(self) -> None:
        while batch := self._requests.next():
            self._carry_out(batch)

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
            elif isinstance(problem, Taken) and isinstance(batch[0].operation, Submit):
                # two processes accepted the same key at once: the second look finds the first one's job
                self._requests.again(batch, Stale(str(problem)))
            else:
                if not isinstance(problem, StagepassError):
                    log.exception("an operation failed: %s", type(batch[0].operation).__name__)
                batch[0].future.set_exception(problem)
        except BaseException as problem:  # a test's stand-in for the death of the process
            for request in batch:
                if not request.future.done():
                    request.future.set_exception(problem)

    def _commit(self, batch: list[Request]) -> None:
        results: list[tuple[Request, Any, BaseException | None]] = []
        with self._store.begin() as tx:
            batch = [request for request in batch if not request.future.abandoned]
            claims = [request for request in batch if isinstance(request.operation, Claim)]
            others = [request for request in batch if not isinstance(request.operation, Claim)]
            if batch and batch[0].alone:
                tx.require_free(batch[0].operation.jobs(), batch[0].operation.runs())
            uow = UnitOfWork(tx, self._clock, self._registry)
            uow.open_jobs(i for request in others for i in request.operation.jobs())
            uow.open_runs(i for request in others for i in request.operation.runs())
            known: Outputs = {}
            for request in others:
                try:
                    results.append((request, request.operation.apply(uow), None))
                except (StagepassError, LeaseLost) as refusal:
                    results.append((request, None, refusal))
                else:
                    if isinstance(request.operation, Settle):
                        for job_id, stages in request.operation.known().items():
                            known.setdefault(job_id, {}).update(stages)
            claim_results = self._claim(uow, claims, known)
            uow.save()
            self._pass_by("before", batch)
        self._pass_by("after", batch)
        self._tell(CommitReport(uow.events, list(uow.ready.values()), uow.woken, uow.left_alone))
        for request, claim_result in zip(claims, claim_results, strict=True):
            request.future.set_result(claim_result)
        for request, result, refused in results:  # last: a slot waits for its settle, and then has its claim too
            if refused is not None:
                request.future.set_exception(refused)
            else:
                request.future.set_result(result)

    def _tell(self, news: CommitReport) -> None:
        try:
            self._told(news)
        except Exception:  # the commit stands: the relay and the gateways find what was not told
            log.exception("news of a commit could not be told")

    @staticmethod
    def _pass_by(when: str, batch: Iterable[Request]) -> None:
        for request in batch:
            kind = {Submit: "submit", Claim: "claim", Settle: "settle", OnRuns: "relay"}.get(type(request.operation))
            if kind:
                failpoints.hit(f"{kind}.{when}_commit")

    # ── claiming ──

    def _claim(self, uow: UnitOfWork, requests: Sequence[Request], known: Outputs) -> list[ClaimResult]:
        """Take as many runs as all claims of this batch ask for, in one look, and deal them out."""
        groups: dict[tuple[tuple[str, ...], str], list[tuple[int, Claim]]] = defaultdict(list)
        claim_results = [ClaimResult([]) for _ in requests]
        for number, request in enumerate(requests):
            claim = request.operation
            assert isinstance(claim, Claim)
            if claim.job_id is None and claim.only is None:
                groups[(claim.queues, claim.worker)].append((number, claim))
            else:
                fresh = [run for run in uow.ready.values() if claim.wants(run)][: claim.limit]
                claim_results[number] = ClaimResult(self._hand_out(uow, fresh, claim.worker, known))
        waiting = {key: self._waiting(uow, key[0], claims) for key, claims in groups.items()}
        idle = {
            queue
            for queues, _ in groups
            for queue in queues
            if not any(candidate.queue == queue for found in waiting.values() for candidate in found)
        }
        uow.line_up(idle)
        for (queues, worker), claims in groups.items():
            wanted = sum(claim.limit for _, claim in claims)
            formed = self._form(uow, queues, waiting[(queues, worker)])
            taken, more, missed = self._take(uow, formed, wanted)
            claimed = self._hand_out(uow, taken, worker, known)
            if formed.members:
                for leader in claimed:
                    leader.members = self._hand_out(uow, self._members(uow, leader.run, formed), worker, known)
            for number, claim in claims:
                claim_results[number] = ClaimResult(claimed[: claim.limit], more, missed, formed.due_in)
                del claimed[: claim.limit]
        return claim_results

    def _waiting(
        self, uow: UnitOfWork, queues: tuple[str, ...], claims: Sequence[tuple[int, Claim]]
    ) -> list[Candidate]:
        wanted = max(sum(claim.limit for _, claim in claims), batches.widest(self._registry, queues))
        return uow.tx.candidates(queues, wanted) if queues else []

    def _form(self, uow: UnitOfWork, queues: tuple[str, ...], waiting: Sequence[Candidate]) -> batches.Formed:
        fresh = [run for run in uow.ready.values() if run.queue in queues]
        return batches.form(self._registry, queues, waiting, fresh, uow.now)

    @staticmethod
    def _members(uow: UnitOfWork, leader: StageRun, formed: batches.Formed) -> list[StageRun]:
        """Who goes with this leader, as far as they are free."""
        ids = [] if leader.notes.alone else formed.members.get(leader.id, [])
        stored = [i for i in ids if i not in uow.ready]
        for run, job in uow.tx.take(stored, len(stored)) if stored else ():
            uow.adopt(run, job)
        found = [uow.runs[i] for i in ids if i in uow.runs]
        free = [run for run in found if run.state is RunState.READY and run.job_id in uow.jobs]
        return [run for run in free if batches.fits(run, leader)]

    def _take(
        self, uow: UnitOfWork, formed: batches.Formed, wanted: int
    ) -> tuple[list[StageRun], frozenset[str], bool]:
        chosen, more = choose(formed.stored, formed.fresh, wanted, after=self._served)
        stored = [i for i in chosen if i not in uow.ready]
        for run, job in uow.tx.take(stored, wanted) if stored else ():
            uow.adopt(run, job)
        found = [uow.runs[i] for i in chosen if i in uow.runs]
        taken = [run for run in found if run.state is RunState.READY and run.job_id in uow.jobs]
        taken = taken[:wanted]
        if taken:
            self._served = taken[-1].queue
        return taken, more, len(taken) < min(wanted, len(chosen))

    def _hand_out(self, uow: UnitOfWork, taken: Sequence[StageRun], worker: str, known: Outputs) -> list[Claimed]:
        for run in taken:
            attempt.claim(uow, run, uow.jobs[run.job_id], worker)
        return self._equip(uow, taken, known)

    def _equip(self, uow: UnitOfWork, taken: Sequence[StageRun], known: Outputs) -> list[Claimed]:
        """Give each claimed run the outputs that its stage asks for."""
        needs = {run.id: self._needed(run) for run in taken}
        wanted = {
            (run.job_id, stage)
            for run in taken
            for stage in needs[run.id]
            if stage not in known.get(run.job_id, {}) or None not in known[run.job_id][stage]
        }
        stored = uow.tx.outputs(sorted(wanted)) if wanted else {}
        for job_id, stage in wanted:  # what ended in this very transaction is not stored yet
            for run in uow.ended_runs(job_id, stage):
                stored.setdefault(job_id, {}).setdefault(stage, {})[run.item] = (run.output, run.error)
        return [
            Claimed(
                run=run,
                job=uow.jobs[run.job_id],
                token=run.token or "",
                outputs={**stored.get(run.job_id, {}), **known.get(run.job_id, {})},
            )
            for run in taken
        ]

    def _needed(self, run: StageRun) -> set[str]:
        stage = self._registry.stage(run.pipeline, run.version, run.stage)
        if stage is None:
            return set()
        return {p.name for p in (*stage.parameters, *stage.when_parameters) if p.source == "stage"}
