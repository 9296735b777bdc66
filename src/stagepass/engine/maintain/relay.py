"""The relay: wakes runs that are due, rescues runs of dead workers, and rings again for lost bells.

Any number may run at once: each move is guarded by the row that it moves. Without one, nothing is lost
but waits, retries and rescues stop.
"""

import logging
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

from stagepass.engine.commit.child_jobs import cancel_orphans
from stagepass.engine.commit.committer import Committer
from stagepass.engine.commit.operations import OnRuns
from stagepass.engine.maintain.lock_watch import DeathWatch
from stagepass.engine.model import failpoints
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.ports import Bell
from stagepass.engine.model.records import Job, StageRun
from stagepass.engine.model.states import RunState
from stagepass.engine.model.store import Store
from stagepass.engine.rules import attempt
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.errors import StagepassError
from stagepass.reports.liveness import gone

log = logging.getLogger("stagepass.relay")

TICK = 0.25
"""Seconds between two looks at what is due."""

DEAD_AFTER = 5.0
"""Seconds without a beat after which a worker is taken for dead. Five beats: a pause of the database is not a death."""

UNHEARD = 1.0
"""Seconds for which a run may be ready before the relay rings for it."""

LONGEST_LOOK = 2.0
"""Seconds of silence that one look at the workers can prove."""

FEW = 4
"""Messages in a queue at which there is no need to ring again."""

PAGE = 500


class _Beside:
    """Runs a function on a separate thread, unless it is still running.

    A broker or a Redis that froze is asked for seconds, half a minute even, and holds up no rescue by that.
    """

    def __init__(self, act: Callable[[], None], what: str) -> None:
        self._act = act
        self._what = what
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name=f"stagepass-{self._what.split()[0]}", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Wait for it a moment; what has frozen is left alone."""
        if self._thread is not None:
            self._thread.join(LONGEST_LOOK)

    def _run(self) -> None:
        try:
            self._act()
        except StagepassError as problem:
            log.warning("the relay could not %s: %s", self._what, problem)
        except Exception:
            log.exception("the relay could not %s", self._what)


class Relay:
    """The loop. `step` is one look, for tests that move the clock by hand.

    Args:
        fire: submits what schedules have due, once a second.
        watch: what else is looked after once a second, beside the loop.
        carry_out: does some of the bulk operations, once a second, beside the loop.
    """

    def __init__(
        self,
        store: Store,
        committer: Committer,
        bell: Bell,
        clock: Clock,
        *,
        dead_after: float = DEAD_AFTER,
        prune: Callable[[], None] | None = None,
        prune_every: float = 60.0,
        watch: Callable[[], None] | None = None,
        fire: Callable[[], object] | None = None,
        carry_out: Callable[[], None] | None = None,
    ) -> None:
        self._store = store
        self._committer = committer
        self._bell = bell
        self._clock = clock
        self._dead_after = dead_after
        self._prune = prune
        self._prune_every = prune_every
        self._fire = fire
        self._ringing = _Beside(self.ring, "ring")
        self._watching = _Beside(watch, "look after providers and alerts") if watch else None
        self._carrying_out = _Beside(carry_out, "carry out bulk operations") if carry_out else None
        self._silent: dict[str, tuple[int, float]] = {}
        """By worker: its last known heartbeat, and the seconds for which it has not changed."""
        self._last_watch = float("-inf")
        self._deaths = DeathWatch(store, clock)
        self._stops: SimpleQueue[None] = SimpleQueue()
        self._last_look = self._last_prune = float("-inf")
        self.looked_at = time.monotonic()
        """When the loop last came round, by the machine's steady clock; also a look that failed counts."""

    def run(self) -> None:
        """Until `stop`."""
        pause = 0.0
        while not self._stopped_within(pause):
            pause = TICK
            self.looked_at = time.monotonic()
            try:
                self.step()
            except StagepassError as problem:
                log.warning("the relay pauses: %s", problem)
                pause = 1.0
            except Exception:
                log.exception("a step of the relay failed")
                pause = 1.0
        for beside in (self._ringing, self._watching, self._carrying_out):
            if beside:
                beside.end()

    def stop(self) -> None:
        """May be called by a signal in the middle of `run`: a queue takes that, an event's lock would hang."""
        self._stops.put(None)

    def _stopped_within(self, seconds: float) -> bool:
        try:
            self._stops.get(timeout=seconds)
        except Empty:
            return False
        return True

    def step(self) -> None:
        """One look: promote what is due, rescue what a dead process held; once a second also rescue and ring; once a minute clean up."""
        self._clock.refresh()
        self.promote()
        for worker in self._deaths.dead():
            self.rescue_worker(worker)
        now = self._clock.steady()
        if now - self._last_look >= 1.0:
            self._last_look = now
            self.rescue()
            cancel_orphans(self._store, self._committer)
            if self._fire:
                self._fire()
            self._ringing.begin()
            for beside in (self._watching, self._carrying_out):
                if beside:
                    beside.begin()
        if self._prune and now - self._last_prune >= self._prune_every:
            self._last_prune = now
            self._prune()

    def promote(self) -> int:
        """Make ready whatever has waited long enough."""
        count = 0
        while True:
            due = self._store.due(self._clock.now(), PAGE)
            promoted = 0
            if due:
                failpoints.hit("relay.before_promote")
                promoted = self._committer.do(OnRuns(due, attempt.promote, skip_locked=True))
                failpoints.hit("relay.after_promote")
            count += promoted
            if len(due) < PAGE or not promoted:  # what others hold is due still, and its turn comes again
                return count

    def rescue(self) -> int:
        """Hand on the work of workers whose heart has stopped.

        A worker is watched by whether its beat goes up, timed by our own clock: clocks that differ or jump
        kill no worker. Only time in which we ourselves could look counts: after a pause of the database,
        or of this machine, all workers get the chance to beat again. A process on this machine
        that is gone is dead at once.
        """
        workers = {worker.id: worker for worker in self._store.workers()}
        beats = {i: worker.beat for i, worker in workers.items()}
        beats |= dict.fromkeys(self._store.lost_workers(), -1)
        steady = self._clock.steady()
        watched, self._last_watch = min(steady - self._last_watch, LONGEST_LOOK), steady
        if any(self._silent.get(i, (None,))[0] == beat for i, beat in beats.items()):
            self._store.check_writes()  # raises while no worker can beat, which counts against none of them
        self._silent = {
            i: (beat, self._silent[i][1] + watched if i in self._silent and self._silent[i][0] == beat else 0.0)
            for i, beat in beats.items()
        }
        dead = [
            i
            for i, (_, silent) in self._silent.items()
            if silent >= self._dead_after or (i in workers and gone(workers[i]))
        ]
        return sum(self.rescue_worker(worker) for worker in dead)

    def rescue_worker(self, worker: str) -> int:
        """This worker is dead: hand its runs to others."""
        beats = {row.id: row.beat_at for row in self._store.workers()}
        seen_at = beats.get(worker, self._clock.now())
        held = self._store.running_of(worker)
        failpoints.hit("relay.before_rescue")

        def hand_on(uow: UnitOfWork, run: StageRun, job: Job) -> bool:
            if run.worker != worker or run.state is not RunState.RUNNING:
                return False
            attempt.rescue(uow, run, job, seen_at)
            return True

        rescued: int = self._committer.do(OnRuns(held, hand_on, skip_locked=True)) if held else 0
        failpoints.hit("relay.after_rescue")
        with self._store.begin() as tx:
            if not tx.holds_leases(worker):
                tx.drop_worker(worker, lost_at=self._clock.now())
                self._silent.pop(worker, None)
        log.warning("worker %s is dead; other workers take over %d stage runs", worker, rescued)
        return rescued

    def ring(self) -> None:
        """Ring for what has been ready for a while, unless a bell for it is still under way."""
        failpoints.hit("relay.before_ring")
        for queue, count in self._store.ready_since(self._clock.now() - int(UNHEARD * 1000)):
            depth = self._bell.depth(queue)
            if depth is not None and depth < FEW:
                for _ in range(min(count, FEW - depth)):
                    self._bell.ring(queue)
