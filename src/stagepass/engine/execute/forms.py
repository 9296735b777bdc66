"""The plain and the async form of a method of `ctx`, from one declaration.

    @plain
    def start(self, pipeline: str, …) -> Steps[Job]:
        return self._child_jobs.start(…)

    start_async = awaited(start)

The body gives steps; callers see its arguments, and the value that the steps end with.
"""

import inspect
from collections.abc import Callable, Coroutine
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, TypeVar, get_args

from stagepass.engine.execute import stillness
from stagepass.engine.execute.steps import Steps, drive, drive_async

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


def now(steps: Steps[T]) -> T:
    """Carry out the steps in the stage's thread."""
    with stillness.inside():
        return drive(steps)


async def soon(steps: Steps[T]) -> T:
    """Carry out the steps in the stage's coroutine. The event loop is never blocked."""
    with stillness.inside():
        return await drive_async(steps)


def plain(body: Callable[Concatenate[S, P], Steps[T]]) -> Callable[Concatenate[S, P], T]:
    """Decorates a method whose body gives steps: calling it carries them out."""

    def form(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return now(body(self, *args, **kwargs))

    _show(form, body)
    return form


def awaited(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """The async form of a `plain` method."""
    body: Callable[..., Steps[T]] = method.__wrapped__  # type: ignore[attr-defined]

    async def form(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await soon(body(self, *args, **kwargs))

    _show(form, body)
    form.__name__, form.__qualname__ = f"{body.__name__}_async", f"{body.__qualname__}_async"
    form.__doc__ = f"`{body.__name__}` for stages that are `async def`."
    return form


def _show(form: Any, body: Callable[..., Any]) -> None:
    """Help and editors show the value, not the steps to it."""
    update_wrapper(form, body)
    signature = inspect.signature(body)
    form.__signature__ = signature.replace(return_annotation=get_args(signature.return_annotation)[-1])
