"""`ctx.signal`: the callbacks of a stage run, passed to a wait's poll one at a time."""

import json
from collections.abc import Callable
from typing import Any

from stagepass.engine.execute.calls import Calls
from stagepass.engine.execute.steps import Ask, Steps
from stagepass.engine.model.records import Message
from stagepass.engine.model.store import Store
from stagepass.engine.rules.messages import callback_name

PAGE = 100
"""Callbacks that a pass reads."""


class Signals:
    """The callbacks of one stage run, as `ctx.signal` shows them, one at a time.

    The look of a wait sees the first that no wait has taken, and the next where it gives None; the wait that ends
    takes what its look has seen. Elsewhere in the stage a callback is seen from the place on that the stage had
    come to when it arrived: what was decided before stays as it was.
    """

    def __init__(self, calls: Calls, store: Store) -> None:
        self._calls = calls
        self._store = store
        self._unread: list[Message] | None = None
        self._at = 0
        self._looks = False
        self._seen = False

    def current(self) -> Any:
        """See `Context.signal`."""
        unread = self._read()
        if self._looks:
            self._seen = True
            return json.loads(unread[self._at].payload) if unread else None
        first = unread[0] if unread else None
        later = first is not None and any(at <= first.sent_at for at in self._calls.ends_ahead())
        return None if first is None or later else json.loads(first.payload)

    def looking(self, look: Callable[[], Any]) -> Steps[Any]:
        """Poll once for each unseen callback, while the poll returns None."""
        looked, self._looks = self._calls.claimed.run.notes.looked, True
        self._at, self._seen = 0, False
        try:
            value = yield Ask(self._from(look, looked))
            while value is None and self._seen and self._at + 1 < len(self._read()):
                self._at += 1
                value = yield Ask(look)
        finally:
            self._looks = False
            if self._seen and self._read():
                seen = self._read()[: self._at + 1]
                self._calls.seen = [message.id for message in seen]
        if value is not None:
            self._unread = None  # what it has seen is taken with its end
        return value

    def _from(self, look: Callable[[], Any], looked: int) -> Callable[[], Any]:
        """The first look begins behind what an earlier pass has looked at, or at the last of it."""
        if looked:
            unread = self._read()
            fresh = [number for number, message in enumerate(unread) if message.id > looked]
            self._at = fresh[0] if fresh else max(0, len(unread) - 1)
        return look

    def _read(self) -> list[Message]:
        if self._unread is None:
            run = self._calls.claimed.run
            found = self._store.messages(run.job_id, callback_name(run.id), PAGE)
            if run.notes.signal is not None and not self._calls.old_signal_taken:  # a release before this one took it
                found.insert(0, Message(run.job_id, "", json.dumps(run.notes.signal), 0))
            self._unread = found
        return self._unread
