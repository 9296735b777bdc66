"""Objects of a worker process: engine, dispatcher and heartbeat."""

import time
from collections.abc import Callable
from functools import partial

from stagepass import heap
from stagepass.bootstrap import System
from stagepass.doctor.presence import Presence
from stagepass.engine.execute.dispatcher import Dispatcher
from stagepass.engine.execute.event_loop import EventLoop
from stagepass.engine.execute.heartbeat import Heartbeat
from stagepass.engine.execute.lock_keeper import LockKeeper
from stagepass.engine.execute.runner import Runner
from stagepass.engine.model.ids import new_id
from stagepass.worker.liveness import Liveness


class Runtime:
    """Serves some queues with some slots.

    Args:
        replace: ends this process, so that its process manager starts another; called when too many of its
            threads are past their time limit, when it is stalled (`engine.execute.stall_detector`), and when it has
            no file descriptor left.
        most: stage runs after which it claims no more, and calls `spent`.
    """

    def __init__(
        self,
        system: System,
        queues: tuple[str, ...],
        slots: int,
        *,
        replace: Callable[[], None] | None = None,
        most: int | None = None,
        spent: Callable[[], None] | None = None,
    ) -> None:
        self._system = system
        engine = system.engine
        self._loop = EventLoop()
        runner = Runner(system.registry, system.services, system.providers, self._loop)
        self.dispatcher = Dispatcher(
            engine.committer,
            runner,
            queues,
            slots,
            new_id(),
            clock=engine.clock,
            ring=partial(engine.bell.ring, full=True),
            too_many_stuck=replace,
            most=most,
            spent=spent,
        )
        self._presence = Presence(
            system.sources, "worker", worker=self.dispatcher.worker, queues=list(queues), slots=slots
        )
        self._liveness = Liveness(system, self.dispatcher, replace)
        self._lock = lock = LockKeeper(system.store, self.dispatcher.worker)
        self.heartbeat = Heartbeat(
            system.store,
            engine.committer,
            self.dispatcher,
            engine.clock,
            after=self._liveness.look,
            lock_key=lambda: lock.key,
        )

    def start(self) -> None:
        """Register, and begin to look for work."""
        self._system.engine.dispatcher = self.dispatcher
        self.heartbeat.start()
        self._lock.start()
        self.dispatcher.start()
        self._liveness.start()
        self._presence.start()
        heap.settle()

    def wake(self) -> None:
        """A bell rang."""
        self.dispatcher.wake()

    def wait_idle(self, seconds: float) -> bool:
        """Wait until there is nothing left to do here. False when there still is after that time."""
        return self.dispatcher.wait_idle(time.monotonic() + seconds)

    def stop_claiming(self) -> None:
        self._liveness.leave()
        self.dispatcher.stop_claiming()

    def drain(self) -> None:
        """Let what runs end, for a while, and give back the rest unspent."""
        self._liveness.leave()
        self.dispatcher.drain(self._system.settings.drain_seconds)

    def stop(self) -> None:
        """Let what runs end, give back the rest unspent, and let go of everything."""
        self.drain()
        self.heartbeat.stop()
        self._lock.stop()
        self._presence.stop()
        self._liveness.close()
        self._loop.close()
        self._system.engine.dispatcher = None
        self._system.close()
