"""One body for the plain and the async form of a call.

A body is a generator that yields what may block: `Store` work, and `Ask` for the author's own function. Driven
in a thread, both are called as they are; in a coroutine, the store's work goes to a thread and the author's
function gives an awaitable, so the event loop is never blocked.
"""

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Store:
    """Work that waits for the database or another server."""

    call: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """The author's function; in a coroutine it may give an awaitable."""

    call: Callable[[], Any]


Steps = Generator[Store | Ask, Any, T]


def drive(steps: Steps[T]) -> T:
    """Carry the steps out in this thread."""
    try:
        step = next(steps)
        while True:
            try:
                found = step.call()
            except BaseException as problem:
                step = steps.throw(problem)
            else:
                step = steps.send(found)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


async def drive_async(steps: Steps[T]) -> T:
    """Carry the steps out in this coroutine."""
    try:
        step = next(steps)
        while True:
            try:
                if isinstance(step, Ask):
                    found = step.call()
                    found = await found if isawaitable(found) else found
                else:
                    found = await asyncio.to_thread(step.call)
            except BaseException as problem:
                step = steps.throw(problem)
            else:
                step = steps.send(found)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
