"""Checks an input from outside against its model, with errors that name the field and the fix."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, GetCoreSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, ErrorDetails, PydanticKnownError, core_schema

from stagepass.errors import InvalidInput
from stagepass.sentences import of_pydantic, sentence
from stagepass.strict import Unfit, check, dumps
from stagepass.text import clean

M = TypeVar("M", bound=BaseModel)

MOST_ERRORS = 50
"""Maximum number of errors in one answer."""

LONGEST_NAME = 60
"""Maximum length of a field name repeated in an answer, in characters."""


def validated(model: type[M], value: Mapping[str, Any] | BaseModel | Any) -> M:
    """Validate the value as `model`. Raises `InvalidInput`, also for unknown fields.

    A model that sets `extra`, or contains one that does, decides about unknown fields itself.
    """
    if isinstance(value, model):
        return value
    open_ended = _takes_extras(model)
    if isinstance(value, dict) and not open_ended and (unknown := value.keys() - _names(model)):
        raise _refused([_unknown(model, (), str(name)) for name in sorted(map(str, unknown))[:MOST_ERRORS]])
    try:
        return model.model_validate(value, extra=None if open_ended else "forbid")
    except ValidationError as problem:
        raise invalid_input(problem, value=value, model=model) from None


def as_json(checked: BaseModel) -> str:
    """Serialize the input for storage. Raises `InvalidInput` for values that JSON or a later reader cannot represent."""
    try:
        return dumps(_adapter(type(checked)), checked)
    except (Unfit, RecursionError) as problem:
        path = problem.path if isinstance(problem, Unfit) else ""
        raise InvalidInput(
            sentence("{field}: {message}", field=path or "input", message=getattr(problem, "wrong", str(problem))),
            field=path or "input",
        ) from None


@cache
def _adapter(model: type[BaseModel]) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def json_text(value: Any, field: str) -> str:
    """Serialize a plain value. Raises `InvalidInput` for `field` if the value cannot be stored."""
    try:
        text = json.dumps(value, ensure_ascii=False)
        check(text, lambda: value)
        text.encode()
    except (ValueError, TypeError, RecursionError) as problem:
        raise InvalidInput(
            sentence("{field}: {message}", field=field, message=_first_line(problem)), field=field
        ) from None
    return text


def invalid_input(
    problem: ValidationError, *, value: Any = None, model: type[BaseModel] | None = None, prefix: Sequence[str] = ()
) -> InvalidInput:
    """Turn a Pydantic error into ours: the first field at fault, and up to 50 in the details, without values.

    Args:
        value: the validated value; separates field names in a path from the words Pydantic adds.
        model: the model; used to suggest field names.
        prefix: path of the value within the request.
    """
    found: dict[str, str] = {}
    for error in problem.errors(include_url=False, include_input=False):
        path = place(error, value)
        if error["type"] == "extra_forbidden" and model is not None:
            name, message = _unknown(model, path[:-1], path[-1])
        else:
            name, message = ".".join(path), of_pydantic(error)
        found.setdefault(".".join((*prefix, *([name] if name else []))) or "input", message)
        if len(found) == MOST_ERRORS:
            break
    return _refused(list(found.items()))


def place(error: ErrorDetails, value: Any) -> list[str]:
    """The path of field names to an error, without the words that Pydantic inserts for unions and functions."""
    path: list[str] = []
    here: Any = value
    for number, part in enumerate(error["loc"]):
        last = number == len(error["loc"]) - 1
        if isinstance(here, Mapping) and part in here:
            here = here[part]
        elif isinstance(part, int) and isinstance(here, list | tuple) and part < len(here):
            here = here[int(part)]
        elif value is not None and not (last and error["type"] == "missing"):
            continue
        path.append(str(part)[:LONGEST_NAME])
    return path


def _refused(errors: list[tuple[str, str]]) -> InvalidInput:
    (name, message), *_ = errors
    fields = [{"field": field, "message": text} for field, text in errors]
    return InvalidInput(sentence("{field}: {message}", field=name, message=message), field=name, errors=fields)


def _first_line(problem: Exception) -> str:
    return str(problem).partition("\n")[0][:200] or type(problem).__name__


# ── fields that a model does not have ────────────────────────────────────────────────────────────


def _unknown(model: type[BaseModel], path: Sequence[str], name: str) -> tuple[str, str]:
    """The path of an unknown field, and a sentence with the likely field name."""
    known = sorted(_names(at)) if (at := _model_at(model, path)) else []
    close = difflib.get_close_matches(name[:LONGEST_NAME].lower(), known, n=1)
    where = ".".join((*path, name[:LONGEST_NAME]))
    if close:
        return where, sentence("there is no such field; did you mean {name}?", name=close[0])
    if known:
        return where, sentence("there is no such field; the fields are {names}", names=", ".join(known[:20]))
    return where, sentence("there is no such field")


def _names(model: type[BaseModel]) -> set[str]:
    aliases = {alias for field in model.model_fields.values() for alias in _aliases(field.validation_alias)}
    return set(model.model_fields) | aliases


def _aliases(alias: Any) -> Iterator[str]:
    """The top-level names of an alias: a string, an `AliasPath`, or `AliasChoices` of both."""
    if isinstance(alias, str):
        yield alias
    elif alias is not None:
        for one in getattr(alias, "choices", [alias]):
            yield one if isinstance(one, str) else str(one.path[0])


def _model_at(model: type[BaseModel], path: Sequence[str]) -> type[BaseModel] | None:
    """The model at that path, if it is certain."""
    found: Any = model
    for part in path:
        if not part.isdigit():
            field = found.model_fields.get(part)
            found = next(_models(field.annotation), None) if field is not None else None
        if found is None:
            return None
    return found if isinstance(found, type) else None


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


@cache
def _takes_extras(model: type[BaseModel]) -> bool:
    """Whether this model, or one inside it, sets how unknown fields are handled."""
    waiting: list[Any] = [model.__pydantic_core_schema__]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if {one.get("extra_behavior"), one.get("extra_fields_behavior")} & {"allow", "ignore"}:
                return True
            waiting += one.values()
        elif isinstance(one, list | tuple):
            waiting += one
    return False


# ── texts ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Words:
    """Annotates a `str` field: ``Annotated[str, Words(most=100)]`` is bounded, then cleaned, then measured.

    Args:
        most, least: length in characters, after cleaning.
        lines: keep line breaks.
    """

    most: int
    least: int = 0
    lines: bool = False

    def read(self, value: Any) -> Any:
        """Clean a text; other types are left to Pydantic. Raises for a text far above the limit."""
        if not isinstance(value, str):
            return value
        if len(value) > self.longest:
            raise PydanticKnownError("string_too_long", {"max_length": self.most})
        return clean(value, lines=self.lines, most=self.longest)

    @property
    def longest(self) -> int:
        """Maximum length before cleaning, which leaves room for spaces and invisible characters."""
        return 4 * self.most + 1000

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        inner = core_schema.str_schema(min_length=self.least or None, max_length=self.most)
        return core_schema.no_info_before_validator_function(self.read, inner)
