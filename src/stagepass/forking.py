"""What a forked child creates again: it has its parent's memory, and none of its threads.

A host may fork after it has submitted: a web server that loads its application first, a Celery worker with
processes, `multiprocessing`. A lock that another thread held is never released in the child, a thread that would
answer does not run, and a connection is shared with the parent. Objects with such parts register here.
"""

import os
import threading
import weakref
from functools import cached_property
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Forked(Protocol):
    """An object that outlives a fork."""

    def renew(self) -> None:
        """Called in the child, before any of its code runs: replace threads, locks and connections."""


_known: "weakref.WeakSet[Any]" = weakref.WeakSet()

_lazy: list[type[Any]] = []

kept: list[object] = []
"""Connections of a parent, which its child must neither use nor close."""


def renews(one: Forked) -> None:
    """Have `renew` called in every child of this process, as long as the object lives.

    An object may also have `before_fork` and `forked`, which are called in the parent around each fork.
    """
    _known.add(one)


def renews_properties(kind: type[T]) -> type[T]:
    """Decorates a class with `cached_property`: in Python 3.11 each has a lock, which another thread may hold."""
    _lazy.append(kind)
    return kind


def _before() -> None:
    for one in list(_known):
        if hold := getattr(one, "before_fork", None):
            hold()


def _in_parent() -> None:
    for one in list(_known):
        if let_go := getattr(one, "forked", None):
            let_go()


def _in_child() -> None:
    for kind in _lazy:
        for value in vars(kind).values():
            if isinstance(value, cached_property) and hasattr(value, "lock"):
                value.lock = threading.RLock()
    for one in list(_known):
        one.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
