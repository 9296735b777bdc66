"""The slots of one process: claims ready runs, runs each in a thread, and continues while there is work.

A bell only wakes it. It fills all free slots in one claim; a slot that settles a run claims the next
one in the same transaction, without a message. When all slots are taken and more is ready, it rings
once for the other processes.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from stagepass.engine.commit.claims import Claim, Claimed, ClaimResult
from stagepass.engine.commit.committer import Committer
from stagepass.engine.execute.claiming import Claiming
from stagepass.engine.execute.classify import classify
from stagepass.engine.execute.lease import Lease
from stagepass.engine.execute.runner import Runner
from stagepass.engine.execute.settling import Settling
from stagepass.engine.execute.time_watch import Running, TimeWatch
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.outcomes import Failure, LeaseLost, Outcome, Released, Unknown
from stagepass.engine.model.records import Job
from stagepass.engine.rules import attempt
from stagepass.errors import TimedOut
from stagepass.sentences import sentence
from stagepass.spans import in_words

log = logging.getLogger("stagepass.dispatcher")

LOOK_AGAIN = 0.03
"""Seconds after which to look again for what another process held."""

SETTLED_WITHIN = 5.0
"""Seconds that a process which stops waits for what is being stored."""


class Dispatcher:
    """Runs up to `slots` attempts at once.

    Args:
        ring: called with a queue that others serve too, in which more is ready than this process has slots for.
        too_many_stuck: called when the number of threads past their limit calls for replacing the process.
        most: stage runs after which it claims no more, and calls `spent`.
    """

    def __init__(
        self,
        committer: Committer,
        runner: Runner,
        queues: tuple[str, ...],
        slots: int,
        worker: str,
        *,
        clock: Clock,
        ring: Callable[[str], None],
        too_many_stuck: Callable[[], None] | None = None,
        most: int | None = None,
        spent: Callable[[], None] | None = None,
    ) -> None:
        self.queues = queues
        self.slots = slots
        self.worker = worker
        self.running: dict[str, Running] = {}
        self.settled = 0
        self.shared: frozenset[str] | None = None
        """Queues that other processes also serve, as of the last heartbeat; a new process polls for work itself."""
        self._claiming = Claiming(committer, queues, worker)
        self._committer = committer
        self._runner = runner
        self._clock = clock
        self._ring = ring
        self._too_many_stuck = too_many_stuck
        self._most = most
        self._spent = spent
        self._free = slots
        self._stuck = 0
        self._most_stuck = max(2, slots // 4)
        self._woken = False
        self._draining = False
        lock = threading.RLock()  # `stop_claiming` may be called by a signal, in a thread that holds it
        self._change = threading.Condition(lock)
        self._time_watch = TimeWatch(
            threading.Condition(lock), self.running, away=lambda: committer.away, time_up=self._time_up
        )
        self._settling = Settling(committer, self._on_settled)
        self._again_at: float | None = None
        """When to look again without a bell: another process held what was ready."""

    def start(self) -> None:
        """Begin: look for work at once, then at every bell."""
        self._woken = True
        threading.Thread(target=self._claim_loop, name="stagepass-claim_loop", daemon=True).start()
        self._time_watch.start()

    def wake(self) -> bool:
        """Work may be ready. Returns whether a slot is free to take it."""
        with self._change:
            self._woken = True
            self._change.notify_all()
            return self._free > 0 and not self._draining

    def fetch(self, parked: Sequence[tuple[str, str]]) -> None:
        """Others did not know these (run, job); this process does, and takes them before it looks for more."""
        self._claiming.fetch(parked)
        if parked:
            self.wake()

    def pass_on(self, queue: str) -> None:
        """More is ready than there are slots here: ring for the other processes, unless there are none."""
        if self.shared is None or queue in self.shared:
            self._ring(queue)

    @property
    def free(self) -> int:
        return self._free

    @property
    def stuck(self) -> int:
        """Threads that run on although their attempt is over."""
        return self._stuck

    def wait_idle(self, deadline: float) -> bool:
        """Wait until no attempt runs and no look for work is due. False when the deadline came first."""
        with self._change:
            idle = self._change.wait_for(
                lambda: self._is_idle() and (self._draining or not self._woken),
                timeout=max(0.0, deadline - time.monotonic()),
            )
        return idle

    def stop_claiming(self) -> None:
        """Stop starting runs; running ones continue."""
        with self._change:
            self._draining = True
            self._change.notify_all()
            self._time_watch.drain()

    def drain(self, grace: float) -> None:
        """Claim no more; wait up to `grace` seconds for what runs, then give the rest back unspent."""
        deadline = time.monotonic() + grace
        self.stop_claiming()
        with self._change:
            self._change.wait_for(self._is_idle, timeout=max(0.0, grace))
            left = list(self.running.values())
        for running in left:
            if running.lease.end():
                with self._change:
                    self.running.pop(running.claimed.token, None)
                    self._stuck += 1
                self._settling.settle(running.claimed, Released())
                running.lease.lose()
                self._give_back(1)
        with self._change:  # what ends just now is still being stored
            self._change.wait_for(self._is_idle, timeout=SETTLED_WITHIN)
        log.info("drained in %.1f s", grace - (deadline - time.monotonic()))

    def _is_idle(self) -> bool:
        return self._free >= self.slots

    # ── claiming ──

    def _claim_loop(self) -> None:
        while True:
            with self._change:
                while not (self._draining or (self._free > 0 and (self._woken or self._is_time_again()))):
                    pause = self._again_at - time.monotonic() if self._again_at and self._free > 0 else None
                    self._change.wait(timeout=None if pause is None else max(0.001, pause))
                if self._draining:
                    return
                self._woken, self._again_at = self._claiming.has_parked, None
                wanted = self._free
                self._free = 0  # reserved while the claim is under way
            claim_result = self._claiming.claim(wanted)
            self._give_back(wanted - len(claim_result.claimed))
            for claimed in claim_result.claimed:
                threading.Thread(target=self._slot, args=(claimed,), name="stagepass-slot", daemon=True).start()
            self._look_round(claim_result, wanted)

    def _look_round(self, claim_result: ClaimResult, wanted: int) -> None:
        """Work left for other workers, and work that others may have left."""
        if len(claim_result.claimed) == wanted:
            for queue in claim_result.more:
                self.pass_on(queue)
        elif claim_result.missed or claim_result.due_in is not None:
            pause = LOOK_AGAIN if claim_result.missed else claim_result.due_in or 0.0
            with self._change:
                self._again_at = min(time.monotonic() + pause, self._again_at or float("inf"))
                self._change.notify_all()

    def _is_time_again(self) -> bool:
        return self._again_at is not None and time.monotonic() >= self._again_at

    def _give_back(self, slots: int) -> None:
        with self._change:
            self._free += slots
            self._change.notify_all()

    # ── running ──

    def _slot(self, claimed: Claimed | None) -> None:
        """A separate thread, which can be abandoned with a stage that does not end."""
        while claimed is not None:
            if self._draining:
                self._settling.settle(claimed, Released())
                break
            lease = self._begin(claimed)
            outcome = self._attempt(claimed, lease)
            with self._change:
                self.running.pop(claimed.token, None)
                self._time_watch.one_ended()
            if not lease.end():  # its time was up: the watch has settled it and freed this slot
                with self._change:
                    self._stuck -= 1
                return
            claimed = self._go_on(claimed, self._settle_and_claim(claimed, outcome))
        self._give_back(1)

    def _go_on(self, claimed: Claimed, claim_result: ClaimResult) -> Claimed | None:
        """The next run of this slot after `claimed`."""
        return claim_result.claimed[0] if claim_result.claimed else None

    def _begin(self, claimed: Claimed) -> Lease:
        stage = self._runner.stage(claimed)
        seconds = 30.0
        if stage is not None:
            seconds = attempt.time_left(claimed.run, stage, self._clock.now())
        lease = Lease(claimed.run.id, claimed.token, seconds)
        with self._change:
            self.running[claimed.token] = Running(claimed, lease)
            self._time_watch.expect(lease)
        return lease

    def _attempt(self, claimed: Claimed, lease: Lease) -> Outcome | None:
        stage = self._runner.stage(claimed)
        if stage is None:
            run = claimed.run
            unknown = f"no worker here knows {run.pipeline} version {run.version}, stage {run.stage}"
            log.warning("%s: %s; it is parked, and offered again", run.id, unknown)
            return Unknown(unknown)
        try:
            return self._runner.run(claimed, stage, lease)
        except LeaseLost:
            log.warning("%s: the lease was lost; what this attempt still did is dropped", claimed.run.id)
            return None
        except BaseException as problem:  # nothing may end a slot
            log.exception("%s: an attempt could not be made", claimed.run.id)
            return Failure(classify(RuntimeError(type(problem).__name__)))

    def _claim_after(self, claimed: Claimed) -> Claim | None:
        """The claim to make in the transaction that settles this run."""
        last = self._most is not None and self.settled + 1 >= self._most
        return None if self._draining or self._claiming.has_parked or last else self._claiming.next()

    def _settle_and_claim(self, claimed: Claimed, outcome: Outcome | None) -> ClaimResult:
        claim_result = self._settling.settle_and_claim(claimed, outcome, self._claim_after(claimed))
        if not claim_result.claimed:
            self._look_round(claim_result, 1)
        self.settled += 1
        if self._most is not None and self.settled == self._most:
            self.stop_claiming()
            if self._spent:
                self._spent()
        return claim_result

    def _on_settled(self, claimed: Claimed, job: Job) -> None:
        """The attempt is settled; this is its job now."""

    def _time_up(self, running: Running) -> None:
        claimed, lease = running.claimed, running.lease
        stage = self._runner.stage(claimed)
        limit = stage.time_limit if stage else 0
        with self._change:
            self.running.pop(claimed.token, None)
            self._stuck += 1
        log.warning("%s: past its time limit of %g s", claimed.run.id, limit)
        self._settling.settle(
            claimed,
            Failure(TimedOut(sentence("the attempt took longer than its limit of {limit}", limit=in_words(limit)))),
        )
        lease.lose()
        self._give_back(1)
        with self._change:
            self._woken = True
            self._change.notify_all()
        if self._stuck > self._most_stuck and self._too_many_stuck:
            self._too_many_stuck()
