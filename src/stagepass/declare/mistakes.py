"""The first mistakes that an author makes, each with a sentence that says what to write."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from stagepass.errors import DeclarationError

_NUMBERS: dict[str, tuple[type, ...]] = {
    "crashes": (int,),
    "concurrency": (int, type(None)),
    "batch": (int, type(None)),
    "weight": (int, float),
}
"""The types of a stage's settings that are numbers."""


def check_body(body: Any, pipeline: str) -> None:
    """Whether this can be a stage's function.

    Raises:
        DeclarationError: it is none, or one that gives no single value.
    """
    where = f"@{pipeline}.stage"
    if isinstance(body, type):
        raise DeclarationError(f"{where}: {body.__name__} is a class; a stage is a function: def name(ctx, request)")
    if isinstance(body, (staticmethod, classmethod)):
        raise DeclarationError(f"{where}: a stage is a plain function; declare it outside of the class")
    if not inspect.isroutine(body):
        shown = f"a {type(body).__name__}"
        raise DeclarationError(
            f"{where}: {shown} is not a function. Settings go by name: @{pipeline}.stage(retry=Retry(3)); a callable"
            " object or a partial has to be wrapped in a function: def name(ctx, request)"
        )
    if body.__name__ == "<lambda>":
        raise DeclarationError(f"{where}: a lambda has no name for its queue; write a function: def name(ctx, request)")
    where = f"stage {pipeline}.{body.__name__}"
    if inspect.isgeneratorfunction(body) or inspect.isasyncgenfunction(body):
        raise DeclarationError(
            f"{where}: it yields, but a stage returns one value; return a list, and report with ctx.progress meanwhile"
        )
    _check_parameters(body, where)


def _check_parameters(body: Callable[..., Any], where: str) -> None:
    for name, parameter in inspect.signature(body).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise DeclarationError(f"{where}: *{name} is filled by nothing; name each value that the stage takes")
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise DeclarationError(f"{where}: parameters are filled by name; take the / out of its signature")
        if name == "self":
            raise DeclarationError(f"{where}: a stage is a plain function; declare it outside of the class")


def check_settings(where: str, **given: Any) -> None:
    """Whether a stage's settings have the types that they need. Raises `DeclarationError`."""
    for name, kinds in _NUMBERS.items():
        value = given.get(name)
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise DeclarationError(f"{where}: {name}={value!r} is not a number; write {name}=2")
    when, each = given["when"], given["each"]
    if when is not None and not callable(when):
        raise DeclarationError(f"{where}: when={when!r} is not a function; write when=lambda request: request.wanted")
    if each is not None and not isinstance(each, str):
        raise DeclarationError(f'{where}: each={each!r} is not a text; name a stage and its list: each="split.pages"')


def read_needs(needs: Any, where: str) -> tuple[type, ...]:
    """The ports that a stage needs. Raises `DeclarationError` for what is no class."""
    ports = needs if isinstance(needs, Iterable) and not isinstance(needs, (str, type)) else (needs,)
    for port in (ports := tuple(ports)):
        if not isinstance(port, type):
            shown = port if isinstance(port, str) else type(port).__name__
            raise DeclarationError(f"{where}: needs={port!r} is not a port; import its class: needs={shown}")
    return ports


def hint_name(name: str, given: Any, input: type, context: str) -> str | None:
    """The name that a parameter of this type has to have, as advice; None where its type says nothing.

    Args:
        context: the name of the type that `ctx` has.
    """
    if getattr(given, "__name__", None) == context:
        return f"the context is called ctx: write ctx: {context}"
    if given is input:
        return f"the input is called request: write request: {input.__name__}"
    return None
