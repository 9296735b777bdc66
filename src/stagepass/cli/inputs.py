"""A job's input from the command line: JSON, single fields, and files that are put into the store."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_origin

from pydantic import BaseModel

from stagepass.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from stagepass.engine.ports import FileStore
    from stagepass.engine.values import File


def read_input(given: str | None) -> dict[str, Any]:
    """``--input``: JSON itself, ``@file``, or ``-`` for standard input. Raises `InvalidInput` or `NotFound`."""
    if given is None:
        return {}
    if given == "-":
        source, content = "standard input", sys.stdin.read()
    elif given.startswith("@"):
        source = given[1:]
        content = _read(Path(source))
    else:
        source, content = "--input", given
    try:
        value = json.loads(content)
    except json.JSONDecodeError as problem:
        raise InvalidInput(f"{source} is not JSON: {problem}", field="input") from None
    if not isinstance(value, dict):
        raise InvalidInput(f"{source} must be one JSON object: {{…}}", field="input")
    return value


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise NotFound(f"{path} cannot be read: {getattr(problem, 'strerror', None) or 'not text'}") from None


def set_fields(input: dict[str, Any], given: Sequence[str], model: type[BaseModel]) -> None:
    """``--set field=text`` and ``--set field:=json``; dots lead into objects; a list's field is appended to."""
    for entry in given:
        name, equals, value = entry.partition("=")
        if not equals or not name:
            raise InvalidInput(f"--set {entry!r}: write field=value, or field:=JSON", field="set")
        if name.endswith(":"):
            try:
                _put(input, name[:-1], json.loads(value), None)
            except json.JSONDecodeError as problem:
                raise InvalidInput(f"--set {entry!r}: not JSON: {problem}", field=name[:-1]) from None
        else:
            _put(input, name, value, model)


def set_files(input: dict[str, Any], given: Sequence[str], model: type[BaseModel], files: "FileStore") -> "list[File]":
    """``--file field=path``: stores each file and puts it into its field. Returns the stored files."""
    stored = []
    for entry in given:
        name, equals, path = entry.partition("=")
        if not equals or not name:
            raise InvalidInput(f"--file {entry!r}: write field=path", field="file")
        kept = store_file(Path(path).expanduser(), files)
        stored.append(kept)
        _put(input, name, kept.model_dump(), model)
    return stored


def store_file(path: Path, files: "FileStore") -> "File":
    """A file of this machine, in the store. Raises `NotFound`, or `InvalidInput` for a damaged picture."""
    from stagepass.providers.fetching.images import check_image
    from stagepass.providers.fetching.kinds import HEAD, kind_of

    try:
        with path.open("rb") as source:
            kind = kind_of(source.read(HEAD)) or _by_name(path)
            if kind in ("image/jpeg", "image/png", "image/webp"):
                kind = check_image(path, field=path.name).type
            source.seek(0)
            return files.put(source, name=path.name, type=kind, folder="uploads")
    except OSError as problem:
        raise NotFound(f"{path} cannot be read: {problem.strerror}") from None


def _by_name(path: Path) -> str:
    import mimetypes

    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _put(input: dict[str, Any], name: str, value: Any, model: type[BaseModel] | None) -> None:
    *path, last = name.split(".")
    place: Any = input
    for part in path:
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            raise InvalidInput(f"{name}: {part} is not an object", field=name)
    field = model.model_fields.get(last) if model is not None and not path else None
    if field is not None and get_origin(field.annotation) is list:
        place.setdefault(last, []).append(value)
    else:
        place[last] = value
