"""Finds the file fields of an input and checks the types of files, for the API and the command line alike."""

import fnmatch
import functools
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, cast

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from stagepass.declare.values import File
from stagepass.errors import InvalidInput
from stagepass.providers.fetching.images import check_image
from stagepass.providers.fetching.kinds import HEAD, kind_of, named
from stagepass.sentences import sentence

MAX_FILES = 20
"""Files of one form, where the field itself does not say."""


@dataclass(frozen=True, slots=True)
class FileField:
    """A field of an input that takes uploads."""

    many: bool
    most: int
    accept: tuple[str, ...]
    """Content types, ``image/*`` among them; empty for any."""


@functools.cache
def file_fields(model: type[BaseModel]) -> dict[str, FileField]:
    """The fields of an input that take uploads: those whose type names `stagepass.File`."""
    return {name: _file_field(info) for name, info in model.model_fields.items() if _names_file(info.annotation)}


def _file_field(info: FieldInfo) -> FileField:
    many = is_many(info.annotation)
    most = next((m.max_length for m in info.metadata if isinstance(m, annotated_types.MaxLen)), MAX_FILES)
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    accept = extra.get("accept", ("image/*",) if extra.get("format") in ("photo", "photos") else ())
    accepted = (accept,) if isinstance(accept, str) else tuple(str(kind) for kind in cast(Sequence[Any], accept))
    return FileField(many, most if many else 1, accepted)


def _names_file(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, File):
        return True
    if isinstance(annotation, typing.TypeVar | str):
        return False
    inner = getattr(annotation, "__value__", None)
    return _names_file(inner) if inner is not None else any(map(_names_file, typing.get_args(annotation)))


def is_many(annotation: Any) -> bool:
    """Whether a field of this type holds several values."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return is_many(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return any(map(is_many, typing.get_args(annotation)))
    found = origin or annotation
    return isinstance(found, type) and issubclass(found, list | tuple | set | frozenset | Sequence) and found is not str


def checked_kind(content: bytes, field: FileField, where: str, most: int) -> str:
    """The content's type, found by looking at it.

    Args:
        where: what an error names: a path such as ``images.2``.
        most: bytes that it may have.

    Raises:
        InvalidInput: it is none of the types that the field takes, or a damaged picture.
        TooLarge: it is larger.
    """
    if not content:
        raise InvalidInput(sentence("{where}: the file is empty; choose another file", where=where), field=where)
    pictures_only = all(kind.startswith("image/") for kind in field.accept) and field.accept
    kind = kind_of(content[:HEAD])
    if pictures_only or kind in ("image/jpeg", "image/png", "image/webp"):
        kind = check_image(content, max_bytes=most, field=where).type
    kind = kind or _unknown(content)
    if field.accept and not any(fnmatch.fnmatchcase(kind, pattern) for pattern in field.accept):
        raise InvalidInput(
            sentence(
                "{where}: this is {named}; accepted types: {accept}",
                where=where,
                named=named(kind),
                accept=", ".join(field.accept),
            ),
            field=where,
        )
    return kind


def _unknown(content: bytes) -> str:
    try:
        return "application/octet-stream" if "\0" in content.decode("utf-8") else "text/plain"
    except UnicodeDecodeError:
        return "application/octet-stream"
