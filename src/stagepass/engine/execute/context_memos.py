"""`ctx`: values that are kept for the life of the job."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import TypeAdapter

from stagepass.engine.execute.calls import Calls
from stagepass.engine.execute.forms import awaited, now, plain, soon
from stagepass.engine.execute.memos import Memos
from stagepass.engine.execute.steps import Steps

T = TypeVar("T")


class MemoCalls:
    """Part of `Context`: `once`, and values that change."""

    _calls: Calls
    _memos: Memos

    def once(self, name: str, call: Callable[[], T], *, type: Any = None, free: bool = False) -> T:
        """Run `call` once for the life of the job, and keep its value.

        If the process dies between the call and the record, the next attempt asks the stage's `on_recover`
        hook; without an answer the stage run is held for a person. It is never silently called a second time.

        Args:
            name: of the memo, unique within the stage.
            type: what the value must fit (anything that Pydantic can read); by default it must be JSON.
            free: a second call costs nothing and does no harm, so it is repeated after a crash.
        """
        found: T = now(self._memos.once(name, call, TypeAdapter(type or Any), free=free))
        return found

    async def once_async(
        self, name: str, call: Callable[[], Awaitable[T]], *, type: Any = None, free: bool = False
    ) -> T:
        """`once` for `async def` stages: `call` returns an awaitable. The event loop is never blocked."""
        found: T = await soon(self._memos.once(name, call, TypeAdapter(type or Any), free=free))
        return found

    def forget(self, name: str) -> None:
        """Drop a memo whose subject has ended, such as a remote task that failed, so that it can be made again.

        Of several calls of that name, the last one of this pass is meant.
        """
        now(self._memos.forget(name))

    @plain
    def keep(self, name: str, value: Any) -> Steps[None]:
        """Keep a value that changes, such as the row that an import has come to; `remembered` reads it.

        The value of before is replaced in one commit: whenever the process dies, one of the two is there.
        """
        self._calls.check(clean_up=True)
        return self._memos.replace(name, value)

    keep_async = awaited(keep)

    def remembered(self, name: str) -> Any:
        """The stored value of `name`, or None."""
        self._calls.check(clean_up=True)
        memo = self._calls.memo(name)
        return json.loads(memo.value) if memo is not None and memo.value is not None else None
