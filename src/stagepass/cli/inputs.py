"""A job's input from the command line: JSON, single fields, and files that are put into the store."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from stagepass.errors import InvalidInput, NotFound, TooLarge
from stagepass.sentences import sentence
from stagepass.strict import Unfit, loads

if TYPE_CHECKING:
    from stagepass.declare.values import File
    from stagepass.engine.model.ports import FileStore
    from stagepass.providers.fetching.accept import FileField

LARGEST = 15 * 1024 * 1024
"""Bytes of a file, where the settings do not say."""


def read_input(given: str | None) -> dict[str, Any]:
    """``--input``: JSON itself, ``@file``, or ``-`` for standard input. Raises `InvalidInput` or `NotFound`."""
    if given is None:
        return {}
    if given == "-":
        source, content = "standard input", sys.stdin.read().encode("utf-8", "surrogateescape")
    elif given.startswith("@"):
        source = given[1:]
        content = _read(Path(source))
    else:
        source, content = "--input", given.encode("utf-8", "surrogateescape")
    value = _json(content, source, "input")
    if not isinstance(value, dict):
        raise InvalidInput(sentence("{source} must be one JSON object: {{…}}", source=source), field="input")
    return value


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise NotFound(sentence("{path} cannot be read: {problem}", path=path, problem=problem.strerror)) from None


def _json(content: bytes, source: str, field: str) -> Any:
    try:
        return loads(content)
    except Unfit as problem:
        refusal = sentence("{field}: {message}", field=source, message=problem)
        raise InvalidInput(refusal, field=problem.path or field) from None
    except ValueError as problem:
        refusal = sentence("{source} is not valid JSON: {problem}", source=source, problem=problem)
        raise InvalidInput(refusal, field=field) from None


def set_fields(input: dict[str, Any], given: Sequence[str], model: type[BaseModel]) -> None:
    """``--set field=text`` and ``--set field:=json``; dots lead into objects; a list's field is appended to."""
    for entry in given:
        name, equals, value = entry.partition("=")
        if not equals or not name:
            raise InvalidInput(
                sentence("--set {entry}: write field=value, or field:=JSON", entry=f"{entry!r}"), field="set"
            )
        if name.endswith(":"):
            given_json = _json(value.encode("utf-8", "surrogateescape"), f"--set {name[:-1]}", name[:-1])
            _put(input, name[:-1], given_json, None)
        else:
            _put(input, name, value, model)


def set_files(
    input: dict[str, Any], given: Sequence[str], model: type[BaseModel], files: "FileStore", largest: int = LARGEST
) -> "list[File]":
    """``--file field=path``: checks and stores each file, and puts it into its field. Returns the stored files.

    All are checked before the first is stored: what is refused leaves nothing behind.
    """
    checked = [(name, _checked(path, name, model, largest)) for name, path in map(_named, given)]
    stored = []
    for name, (path, content, kind) in checked:
        kept = files.put(content, name=path.name, type=kind, folder="uploads")
        stored.append(kept)
        _put(input, name, kept.model_dump(), model)
    return stored


def _named(entry: str) -> tuple[str, Path]:
    name, equals, path = entry.partition("=")
    if not equals or not name:
        raise InvalidInput(sentence("--file {entry}: write field=path", entry=f"{entry!r}"), field="file")
    return name, Path(path).expanduser()


def _checked(path: Path, name: str, model: type[BaseModel], largest: int) -> tuple[Path, bytes, str]:
    """The file with its content and type, if the field takes it: a clip must not fail for a text among its photos."""
    from stagepass.providers.fetching.accept import checked_kind

    field, content = _field(model, name), _content(path, largest)
    try:
        return path, content, checked_kind(content, field, str(path), largest)
    except InvalidInput as problem:
        said = problem.message
        if not said.startswith(f"{path}:"):
            said = sentence("{field}: {message}", field=path, message=said)
        raise InvalidInput(said, field=name) from None


def _field(model: type[BaseModel], name: str) -> "FileField":
    from stagepass.providers.fetching.accept import FileField, file_fields

    takes = file_fields(model)
    if name in takes:
        return takes[name]
    if "." in name:  # it lies deeper: the input's own check decides
        return FileField(many=False, most=1, accept=())
    raise InvalidInput(
        sentence(
            "{field}: does not accept files; fields that do: {names}", field=name, names=", ".join(takes) or "none"
        ),
        field=name,
    )


def _content(path: Path, largest: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > largest:
            raise TooLarge(
                sentence(
                    "{path} is {size} MiB; the limit is {most} MiB",
                    path=path,
                    size=f"{size / 2**20:.1f}",
                    most=f"{largest / 2**20:g}",
                )
            )
        return path.read_bytes()
    except OSError as problem:
        raise NotFound(sentence("{path} cannot be read: {problem}", path=path, problem=problem.strerror)) from None


def _put(input: dict[str, Any], name: str, value: Any, model: type[BaseModel] | None) -> None:
    from stagepass.providers.fetching.accept import is_many

    *path, last = name.split(".")
    place: Any = input
    for part in path:
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            raise InvalidInput(sentence("{name}: {part} is not an object", name=name, part=part), field=name)
    field = model.model_fields.get(last) if model is not None and not path else None
    if field is not None and is_many(field.annotation):
        place.setdefault(last, []).append(value)
    else:
        place[last] = value
