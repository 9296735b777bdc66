"""Decorators that are written with brackets or without: ``@party.stage`` and ``@party.stage(after=plan)``."""

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

P = ParamSpec("P")
S = TypeVar("S")
Made = TypeVar("Made")
Made_co = TypeVar("Made_co", covariant=True)
Body = Callable[..., Any]


class Decorator(Protocol[P, Made_co]):
    """The function itself, or settings first."""

    @overload  # a method that takes a second function would be both; there is none
    def __call__(self, body: Body, /) -> Made_co: ...  # type: ignore[overload-overlap]

    @overload
    def __call__(self, *args: P.args, **settings: P.kwargs) -> Callable[[Body], Made_co]: ...


class brackets_optional(Generic[S, P, Made]):
    """Makes a decorator of a method that takes a function, and settings with a default by name."""

    def __init__(self, method: Callable[Concatenate[S, Body, P], Made]) -> None:
        self._method = method

    @overload
    def __get__(self, owner: None, kind: type[S]) -> Callable[Concatenate[S, Body, P], Made]: ...

    @overload
    def __get__(self, owner: S, kind: type[S]) -> Decorator[P, Made]: ...

    def __get__(self, owner: S | None, kind: type[S]) -> Any:
        if owner is None:
            return self._method

        def decorate(body: Body | None = None, /, **settings: Any) -> Any:
            declare: Any = partial(self._method, owner, **settings)
            return declare if body is None else declare(body)

        return update_wrapper(decorate, self._method)
