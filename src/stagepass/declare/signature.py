"""Reads a stage's signature: what fills each parameter, and whether the types fit."""

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Optional, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, TypeAdapter

from stagepass.declare.batch import element
from stagepass.declare.mistakes import hint_name
from stagepass.declare.parameter import Parameter, Settled
from stagepass.declare.stage import Stage
from stagepass.errors import DeclarationError


def read_parameters(input: type[BaseModel], stages: Mapping[str, Stage], stage: Stage, where: str) -> None:
    """Fill in `stage.parameters` and `stage.output`; raises `DeclarationError` where something does not fit."""
    hints = _hints(stage.body, where)
    if stage.role != "stage":
        hints.setdefault("return", Any)  # what it gives is stored, and nothing reads it
    if "return" not in hints:
        raise DeclarationError(f"{where}: say what it returns (-> Model), since its output is stored and checked")
    gives = hints["return"] if stage.batch is None else element(hints["return"], where, "what it returns")
    stage.output_type = gives
    stage.output = _adapter(gives, f"{where}: what it returns")
    stage.parameters = tuple(
        _read(input, stages, stage, name, hints, where) for name in inspect.signature(stage.body).parameters
    )
    if (
        stage.mapped
        and stage.role == "stage"
        and sum(parameter.source == "item" for parameter in stage.parameters) != 1
    ):
        raise DeclarationError(f"{where}: with each= exactly one parameter takes the item; found none")
    if stage.when is not None:
        when_hints = _hints(stage.when, f"{where}: when")
        names = inspect.signature(stage.when).parameters
        stage.when_parameters = tuple(
            _read(input, stages, stage, name, when_hints, f"{where}: when", typed=False) for name in names
        )


def _read(
    input: type[BaseModel],
    stages: Mapping[str, Stage],
    stage: Stage,
    name: str,
    hints: dict[str, Any],
    where: str,
    *,
    typed: bool = True,
) -> Parameter:
    ancestors = {parent.name: parent for parent in stage.ancestors()}
    if name == "ctx":
        if stage.batch is not None:
            raise DeclarationError(
                f"{where}: a stage with batch= takes no ctx, since it is called for many jobs at once"
            )
        return Parameter(name, "ctx", None)
    if typed and name not in hints:
        raise DeclarationError(f"{where}: parameter {name!r} has no type; annotate it")
    given = hints.get(name)
    if typed and stage.batch is not None and given not in stage.needs:
        given = element(given, where, f"parameter {name!r}")
    if name == "request":
        if typed and given is not input:
            raise DeclarationError(
                f"{where}: parameter 'request' is {_name(given)}, but the pipeline's input is {_name(input)}"
            )
        return Parameter(name, "request", input, TypeAdapter(input))
    if name in ancestors:
        parent = ancestors[name]
        own = stage.undoes is parent
        expected = parent.output_type if own else _output_of(parent, optional=stage.role == "on_failure")
        if typed and not _fits(given, expected):
            raise DeclarationError(
                f"{where}: parameter {name!r} is {_name(given)}, but {parent.queue} gives {_name(expected)}{_why(parent, stage)}"
            )
        return Parameter(name, "own" if own else "stage", expected, _adapter(expected, where), parent.mapped)
    if given in stage.needs:
        return Parameter(name, "port", given)
    if stage.over is not None:
        expected = _element(stage, where)
        if not typed or _fits(given, expected):
            return Parameter(name, "item", expected, _adapter(expected, where))
        raise DeclarationError(
            f"{where}: parameter {name!r} is {_name(given)}, but the items of each= are {_name(expected)}"
        )
    advice = hint_name(name, given, input, "Context") or _advice(name, given, ancestors, stages)
    raise DeclarationError(f"{where}: nothing fills the parameter {name!r}; {advice}")


def _advice(name: str, given: Any, ancestors: dict[str, Any], stages: Mapping[str, Stage]) -> str:
    later = stages.get(name)
    if later is not None:
        return f"add after={name} to the stage, or to one that it comes after"
    if getattr(given, "_is_protocol", False):
        return f"add needs={_name(given)} to the stage"
    known = ["ctx", "request", *ancestors]
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"it can take: {', '.join(known)}"


def _why(parent: Stage, stage: Stage) -> str:
    """Explains a type that differs from what the parent returns."""
    if stage.undoes is parent:
        return ""
    if parent.mapped:
        return ", since each= runs it once per item"
    if stage.role == "on_failure":
        return ", since it may not have finished when the job fails"
    return ", since when= may leave it out" if parent.when is not None else ""


def _output_of(parent: Stage, *, optional: bool = False) -> Any:
    kind = parent.output_type
    if parent.mapped:
        if parent.collect == "settled":
            return list[Settled[kind]]  # type: ignore[valid-type]
        return list[kind]  # type: ignore[valid-type]
    return kind if parent.when is None and not optional else Optional[kind]  # noqa: UP045  (`|` does not take every type)


def _element(stage: Stage, where: str) -> Any:
    assert stage.over is not None
    source, path = stage.over
    kind = source.output_type
    for part in path:
        if isinstance(kind, type) and issubclass(kind, BaseModel) and part in kind.model_fields:
            kind = kind.model_fields[part].annotation
        else:
            raise DeclarationError(f"{where}: each= names {part!r}, which {_name(kind)} does not have")
    if get_origin(kind) is not list:
        raise DeclarationError(f"{where}: each= must name a list; {'.'.join((source.name, *path))} is {_name(kind)}")
    return get_args(kind)[0]


def _fits(given: Any, expected: Any) -> bool:
    return given is Any or bool(given == expected)


def _hints(function: Callable[..., Any], where: str) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except NameError as problem:
        raise DeclarationError(f"{where}: the type {problem.name!r} is not known here; import it") from None
    except Exception as problem:
        raise DeclarationError(f"{where}: its types cannot be read: {problem}") from None


def _adapter(kind: Any, where: str) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(kind)
    except Exception as problem:
        raise DeclarationError(f"{where}: {_name(kind)} cannot be stored as JSON: {problem}") from None


def _name(kind: Any) -> str:
    if get_origin(kind) is Union and len(get_args(kind)) == 2 and get_args(kind)[1] is type(None):
        return f"{_name(get_args(kind)[0])} | None"
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind).replace("typing.", "")
