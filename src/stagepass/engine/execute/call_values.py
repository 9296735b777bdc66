"""What a call gave, as JSON and read back: with a declared type, or as its own class."""

from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter

from stagepass.engine.model import call_records
from stagepass.engine.model.call_records import Record


@dataclass(frozen=True, slots=True)
class Text:
    """The result of a call, with the JSON it was read from."""

    text: str
    value: Any


@dataclass(frozen=True, slots=True)
class Kept:
    """The result of a call whose own transaction has stored its record."""

    value: Any


def kind_of(value: Any) -> tuple[str, TypeAdapter[Any]]:
    """The class of a value, or of a list's entries, so that it is read back as one; anything else is plain JSON."""
    entries = value if isinstance(value, list) else [value]
    kinds = {type(entry) for entry in entries}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is None or not (issubclass(kind, BaseModel) or is_dataclass(kind)):
        return "", TypeAdapter(Any)
    name = call_records.class_name(kind)
    return (f"list {name}", TypeAdapter(list[kind])) if isinstance(value, list) else (name, TypeAdapter(kind))  # type: ignore[valid-type]


def reader_of(record: Record, adapter: TypeAdapter[Any] | None) -> Callable[[Any], Any]:
    if adapter is None and record.kind:
        kind = call_records.find_class(record.kind.removeprefix("list "))
        if kind is not None:
            adapter = TypeAdapter(list[kind] if record.kind.startswith("list ") else kind)  # type: ignore[valid-type]
    return (adapter or TypeAdapter(Any)).validate_json
