"""Shared steps of song and video: order a remote task, wait for it, and store its result."""

import tempfile
from collections.abc import Callable
from typing import BinaryIO, TypeVar

from stagepass import Context, File
from stagepass.errors import RateLimited, TaskFailed
from stagepass.pipelines.promo.texts import message
from stagepass.providers.ports import Tell

T = TypeVar("T")


def wait_for(
    ctx: Context, maker: str, memo: str, look: Callable[[Tell], T | None], *, every: str, at_most: str, saying: str
) -> T:
    """Poll until it is ready. An order that ended without a result is forgotten, so that the next attempt places a new one."""

    def tell(fraction: float) -> None:
        ctx.progress(0.9 * fraction, saying)

    def within_limits() -> T | None:
        try:
            with ctx.using(maker):  # makers count looks as calls too
                return look(tell)
        except RateLimited:
            return None  # the maker is closed to all workers for a while; the order itself continues

    try:
        return ctx.wait(within_limits, every=every, at_most=at_most, saying=saying)
    except TaskFailed:
        ctx.forget(memo)
        raise


def keep(ctx: Context, fetch: Callable[[BinaryIO], None], *, name: str, type: str) -> File:
    """Copy the result to the file store, once. Failed downloads are counted separately."""
    return ctx.once(name, lambda: _kept(ctx, fetch, name, type), type=File, free=True)


def _kept(ctx: Context, fetch: Callable[[BinaryIO], None], name: str, type: str) -> File:
    ctx.progress(0.95, message(f"{ctx.stage}.storing"))
    with tempfile.TemporaryFile() as copy:
        fetch(copy)
        copy.seek(0)
        return ctx.files.put(copy, name=name, type=type)
