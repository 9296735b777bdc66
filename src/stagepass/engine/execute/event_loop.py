"""The one event loop of a worker process, on a separate thread, for `async def` stages."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any

from stagepass.engine.execute.lease import Lease
from stagepass.engine.model.outcomes import LeaseLost


class EventLoop:
    """Started with the first coroutine. A slot waits for its coroutine; the loop runs all of them at once."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def run(self, coroutine: Coroutine[Any, Any, Any], lease: Lease) -> Any:
        """Run it to its end, and give its result back to this thread."""
        future = asyncio.run_coroutine_threadsafe(_kept_in(coroutine), self._started())
        lease.interrupt = future.cancel
        if lease.lost:  # it was, before there was something to interrupt
            future.cancel()
        try:
            value, problem = future.result()
        except concurrent.futures.CancelledError:
            if lease.lost:
                raise LeaseLost(lease.run_id) from None
            raise RuntimeError("the stage cancelled itself") from None
        finally:
            lease.interrupt = None
        if problem is not None:
            raise problem
        return value

    def close(self) -> None:
        """Stop the loop; what still runs on it is left where it is."""
        with self._lock:
            if self._loop is not None and self._thread is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._thread.join(timeout=2)
                if not self._thread.is_alive():
                    self._loop.close()
                self._loop = self._thread = None

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="stagepass-loop", daemon=True)
                self._thread.start()
            return self._loop


async def _kept_in(coroutine: Coroutine[Any, Any, Any]) -> tuple[Any, Exception | None]:
    """Its value or its exception; one that would end the loop, and with it all stages, ends only this one.

    As a value the exception stays the very object that the call raised: a future gives a `TimeoutError` as a copy, by
    which the call that is to be made again would not be found.
    """
    try:
        return await coroutine, None
    except Exception as problem:
        return None, problem
    except (SystemExit, KeyboardInterrupt) as problem:
        raise RuntimeError(type(problem).__name__) from None
