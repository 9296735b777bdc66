"""The form of a typed question: fields from the JSON schema of its type, and a typed answer from what was filled in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 10_000
"""Characters of a field's text."""


@dataclass(frozen=True, slots=True)
class Field:
    """One input of the form."""

    name: str
    title: str
    kind: str
    """``text``, ``number``, ``whole``, ``checkbox`` or ``choice``."""
    required: bool
    default: Any = None
    choices: tuple[Any, ...] = ()
    most: int = LONGEST


def fields_of(schema: Mapping[str, Any] | None) -> list[Field]:
    """The fields of a flat object; a part that is itself an object or a list is filled in as text."""
    return list(_fields(schema or {}))


def _fields(schema: Mapping[str, Any]) -> Iterator[Field]:
    for name, part in schema.get("properties", {}).items():
        found = _resolved(part, schema)
        kind = {"integer": "whole", "number": "number", "boolean": "checkbox"}.get(found.get("type", ""), "text")
        choices = tuple(found.get("enum", ()))
        yield Field(
            name,
            part.get("description") or part.get("title") or name,
            "choice" if choices else kind,
            name in schema.get("required", ()) and kind != "checkbox",
            part.get("default"),
            choices,
            min(LONGEST, found.get("maxLength", LONGEST)),
        )


def _resolved(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part behind its reference, and without its `null`."""
    if "anyOf" in part:
        part = next((one for one in part["anyOf"] if one.get("type") != "null"), part)
    if "$ref" in part:
        part = schema.get("$defs", {}).get(part["$ref"].rpartition("/")[2], {})
    return part


def read(fields: list[Field], form: Mapping[str, str]) -> tuple[dict[str, Any], str | None]:
    """What was filled in, and the title of the first field that does not fit."""
    answer: dict[str, Any] = {}
    for field in fields:
        text = form.get(f"field.{field.name}", "").strip()
        if field.kind == "checkbox":
            answer[field.name] = bool(text)
        elif not text:
            if field.required:
                return answer, field.title
        else:
            try:
                answer[field.name] = _value(field, text)
            except (ValueError, KeyError):
                return answer, field.title
    return answer, None


def _value(field: Field, text: str) -> Any:
    if len(text) > field.most:
        raise ValueError(field.name)
    match field.kind:
        case "whole":
            return int(text)
        case "number":
            value = float(text)
            if not abs(value) < float("inf"):
                raise ValueError(field.name)
            return value
        case "choice":
            return {str(choice): choice for choice in field.choices}[text]
        case _:
            return text
