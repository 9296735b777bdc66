"""The fast lane: a whole job in the process that accepts it, with the same records as anywhere else.

The first stages are claimed in the transaction that accepts the job, and each next one in the
transaction that settles the one before it, so no bell rings and no worker is needed. The process beats
like a worker: if it dies, the workers take over the job. What has to wait (a retry, a remote task, a
limit), and what is left when the caller's time is up, goes the ordinary way.
"""

import threading
import time
from dataclasses import dataclass, field

from stagepass.engine.commit.claims import Claim, Claimed, ClaimResult
from stagepass.engine.commit.committer import Committer
from stagepass.engine.commit.operations import Accepted, Submit
from stagepass.engine.execute.dispatcher import Dispatcher
from stagepass.engine.execute.event_loop import EventLoop
from stagepass.engine.execute.heartbeat import Heartbeat
from stagepass.engine.execute.runner import Runner
from stagepass.engine.execute.time_watch import Running
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.ids import new_id
from stagepass.engine.model.records import Job
from stagepass.engine.model.store import Store
from stagepass.errors import StoreUnavailable

AT_ONCE = 8
"""The most stage runs of one job that are begun together here; the workers help with what is wider."""


class FastLane:
    """Runs jobs at once, as far as there are slots.

    Args:
        runner: made for `loop`, which is closed with the lane.
        slots: jobs that are run at once; one more goes the ordinary way.
    """

    def __init__(
        self, store: Store, committer: Committer, runner: Runner, loop: EventLoop, slots: int, *, clock: Clock
    ) -> None:
        self._loop = loop
        self._dispatcher = _JobDispatcher(committer, runner, slots, clock)
        self._heartbeat = Heartbeat(store, committer, self._dispatcher, clock)
        self._heartbeat.start()
        self._dispatcher.start()

    def run(self, submit: Submit, budget: float) -> Accepted:
        """Accept a job and run it for up to `budget` seconds. The job comes back as it is then, ended or not."""
        return self._dispatcher.run(submit, budget)

    def close(self, grace: float) -> None:
        """Let what runs end, for up to `grace` seconds, and give back the rest unspent."""
        self._dispatcher.drain(grace)
        self._heartbeat.stop()
        self._loop.close()


@dataclass(slots=True)
class _Watch:
    """A caller who waits for a job."""

    until: float
    job: Job | None = None
    under_way: int = 0
    over: threading.Event = field(default_factory=threading.Event)


class _JobDispatcher(Dispatcher):
    """Serves no queue: it claims only what its own transactions make ready, job by job."""

    def __init__(self, committer: Committer, runner: Runner, slots: int, clock: Clock) -> None:
        super().__init__(committer, runner, (), slots, new_id(), clock=clock, ring=lambda queue: None)
        self._watches: dict[str, _Watch] = {}

    def start(self) -> None:
        """Watch the time limits; there is nothing to look for."""
        self._time_watch.start()

    def wake(self) -> bool:
        """No bell is for the fast lane."""
        return False

    def run(self, submit: Submit, budget: float) -> Accepted:
        """See `FastLane.run`."""
        watch = _Watch(time.monotonic() + budget)
        with self._change:
            there_is_room = self._free > 0 and not self._draining
            if there_is_room:
                self._free -= 1
                self._watches[submit.job.id] = watch
        if not there_is_room:
            accepted: Accepted = self._committer.do(submit)
            return accepted
        try:
            accepted = self._begin_job(submit, watch)
            if watch.under_way:
                watch.over.wait(max(0.0, watch.until - time.monotonic()))
        finally:
            with self._change:
                self._watches.pop(submit.job.id, None)
        return Accepted(watch.job or accepted.job, accepted.created)

    def drain(self, grace: float) -> None:
        """Like any dispatcher; callers that still wait get the job's location."""
        super().drain(grace)
        with self._change:
            for watch in self._watches.values():
                watch.over.set()

    def _begin_job(self, submit: Submit, watch: _Watch) -> Accepted:
        claimed: list[Claimed] = []
        try:
            submitted, claim = self._committer.put(submit, Claim((), AT_ONCE, self.worker, submit.job.id))
            accepted: Accepted = submitted.within(submit.answer_within)
            try:
                claimed = claim.result().claimed
            except StoreUnavailable:  # it is accepted all the same, and a bell has rung for it
                claimed = []
        finally:
            self._begin_slots(watch, claimed, already=1)
        return accepted

    def _begin_slots(self, watch: _Watch | None, claimed: list[Claimed], *, already: int) -> None:
        """A slot for each of these; `already` of them are taken."""
        with self._change:
            self._free -= len(claimed) - already
            if watch is not None:
                watch.under_way += len(claimed)
            self._change.notify_all()
        for one in claimed:
            threading.Thread(target=self._slot, args=(one,), name="stagepass-slot", daemon=True).start()

    # ── what differs from a dispatcher of queues ──

    def _claim_after(self, claimed: Claimed) -> Claim | None:
        watch = self._watches.get(claimed.job.id)
        if self._draining or watch is None or time.monotonic() >= watch.until:
            return None
        return Claim((), AT_ONCE, self.worker, claimed.job.id)

    def _go_on(self, claimed: Claimed, claim_result: ClaimResult) -> Claimed | None:
        watch = self._watches.get(claimed.job.id)
        if len(claim_result.claimed) > 1:
            self._begin_slots(watch, claim_result.claimed[1:], already=0)
        if not claim_result.claimed:
            self._leave(claimed)
            return None
        return claim_result.claimed[0]

    def _on_settled(self, claimed: Claimed, job: Job) -> None:
        with self._change:
            watch = self._watches.get(claimed.job.id)
            if watch is not None and (watch.job is None or job.seq >= watch.job.seq):
                watch.job = job

    def _time_up(self, running: Running) -> None:
        super()._time_up(running)
        self._leave(running.claimed)

    def _leave(self, claimed: Claimed) -> None:
        with self._change:
            watch = self._watches.get(claimed.job.id)
            if watch is not None:
                watch.under_way -= 1
                if watch.under_way <= 0:
                    watch.over.set()
