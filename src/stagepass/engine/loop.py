"""The one event loop of a worker process, in a thread of its own, for stages that are `async def`."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any

from stagepass.engine.lease import Lease
from stagepass.engine.outcomes import LeaseLost


class EventLoop:
    """Started with the first coroutine. A slot waits for its coroutine; the loop runs all of them at once."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def run(self, coroutine: Coroutine[Any, Any, Any], lease: Lease) -> Any:
        """Run it to its end, and give its result back to this thread."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._started())
        lease.interrupt = future.cancel
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise LeaseLost(lease.run_id) from None
        finally:
            lease.interrupt = None

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="stagepass-loop", daemon=True).start()
            return self._loop
