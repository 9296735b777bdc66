"""Waiting for something to become true: the tests' only way to let time pass."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(predicate: Callable[[], T], timeout: float = 10.0, saying: str = "") -> T:
    """Asks until the answer is true, every few milliseconds, and returns it.

    Args:
        predicate: what is asked.
        timeout: seconds after which the test has failed.
        saying: what was waited for, for the failure's text.

    Raises:
        AssertionError: it did not become true in time.
    """
    deadline = time.monotonic() + timeout
    while not (answer := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {saying or getattr(predicate, '__name__', predicate)}")
        time.sleep(0.005)
    return answer


async def becomes(predicate: Callable[[], bool]) -> None:
    """`wait_until` on an event loop, for up to 10 s. Raises `TimeoutError`."""
    async with asyncio.timeout(10):
        while not predicate():  # noqa: ASYNC110  (what is waited for sets no event)
            await asyncio.sleep(0.005)
