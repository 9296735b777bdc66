"""Reads a job's input from a request: JSON, or a form with files. Limits apply while it arrives."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO, cast

from fastapi import Request
from pydantic import BaseModel
from python_multipart.exceptions import FormParserError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from stagepass.api.body import media_type, read_json
from stagepass.api.edge import BODY
from stagepass.errors import BadRequest, InvalidInput, TooLarge
from stagepass.providers.fetching.accept import MAX_FILES, FileField, checked_kind, file_fields, is_many
from stagepass.sentences import sentence
from stagepass.settings import Settings
from stagepass.strict import Unfit, loads

_MAX_TEXTS = 200
_INPUT = "input"


@dataclass(slots=True)
class Upload:
    """An uploaded file, in memory or in a temporary file until the request ends."""

    field: str
    name: str
    content: BinaryIO
    size: int
    kind: str = ""
    """Its content type, once its content was looked at."""


@dataclass(slots=True)
class Incoming:
    """An input as it was sent: unchecked values, and uploaded files."""

    values: Any
    uploads: list[Upload] = field(default_factory=list)


def largest_form(settings: Settings) -> int:
    """Bytes of the largest form."""
    return MAX_FILES * settings.max_upload_bytes + settings.max_input_bytes + 64 * 1024


async def read_input(request: Request, model: type[BaseModel], settings: Settings) -> Incoming:
    """Read a request for a pipeline with this input; close the uploads when done."""
    if media_type(request) != "multipart/form-data":
        return Incoming(await read_json(request, settings.max_input_bytes))
    takes = file_fields(model)
    request.scope[BODY].largest = largest_form(settings)
    parser = _Parser(request, takes, settings)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise BadRequest(sentence("the form cannot be read: {message}", message=error.message)) from None
    except FormParserError:
        raise BadRequest(sentence("the form cannot be read: malformed multipart body")) from None
    texts: dict[str, list[str]] = {}
    uploads: list[Upload] = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if value.filename or value.size:  # a browser sends an empty part where no file was chosen
                uploads.append(Upload(name, value.filename or "", value.file, value.size or 0))
        else:
            texts.setdefault(name, []).append(value)
    incoming = Incoming(_values(texts, model), uploads)
    await _look_at(request, incoming, takes, settings)
    return incoming


async def _look_at(request: Request, incoming: Incoming, takes: dict[str, FileField], settings: Settings) -> None:
    """Detect each file's type, on separate threads, in the caller's turn."""
    state = request.app.state
    if not incoming.uploads:
        return
    owner = state.authenticate(request).name
    await run_in_threadpool(state.quotas.check_bytes, owner)
    counts: dict[str, int] = {}
    for upload in incoming.uploads:
        name, field = upload.field, takes[upload.field]
        there = incoming.values.get(name) if isinstance(incoming.values, dict) else None
        number = counts.setdefault(name, len(there) if isinstance(there, list) else 0)
        counts[name] += 1
        where = f"{name}.{number}" if field.many else name
        upload.kind = await state.turns.run(owner, partial(_kind_of, upload, field, where, settings.max_upload_bytes))


def _kind_of(upload: Upload, field: FileField, where: str, most: int) -> str:
    upload.content.seek(0)
    return checked_kind(upload.content.read(), field, where, most)


def _values(texts: dict[str, list[str]], model: type[BaseModel]) -> Any:
    """The form's text fields as an input: one field `input` that holds JSON, or a field for each."""
    if _INPUT in texts and _INPUT not in model.model_fields:
        if len(texts) > 1 or len(texts[_INPUT]) > 1:
            raise InvalidInput(
                sentence("send either one field `input` with JSON, or one field per value"), field=_INPUT
            )
        try:
            return loads(texts[_INPUT][0] or "{}")
        except Unfit as error:
            raise InvalidInput(str(error), field=error.path or _INPUT) from None
        except ValueError as error:
            raise InvalidInput(sentence("input: not valid JSON: {error}", error=error), field=_INPUT) from None
    values: dict[str, Any] = {}
    for name, given in texts.items():
        declared = model.model_fields.get(name)
        if declared is not None and is_many(declared.annotation):
            values[name] = [text for text in given if text]
        elif len(given) > 1:
            raise InvalidInput(
                sentence("{name}: sent {count} times, but takes one value", name=name, count=len(given)), field=name
            )
        elif given[0] or declared is None or declared.is_required():  # an empty optional field is one left out
            values[name] = given[0]
    return values


class _Parser(MultiPartParser):
    """Starlette's parser, with limits of size for files, and for which fields may hold one."""

    def __init__(self, request: Request, takes: dict[str, FileField], settings: Settings) -> None:
        super().__init__(
            request.headers,
            cast(Any, _pieces(request)),
            max_files=max(MAX_FILES, sum(field.most for field in takes.values())),
            max_fields=_MAX_TEXTS,
            max_part_size=settings.max_input_bytes,
        )
        self._takes = takes
        self._most_bytes = settings.max_upload_bytes
        self._counts: dict[str, int] = {}
        self._bytes = 0

    # Forms are UTF-8 (RFC 7578); a sender's `charset` would choose among all of Python's codecs.
    @property
    def _charset(self) -> str:
        return "utf-8"

    @_charset.setter
    def _charset(self, value: str) -> None: ...

    def on_part_end(self) -> None:
        part = self._current_part
        if part.file is None and not _is_utf8(part.data):
            raise InvalidInput(
                sentence(
                    "{field}: the text is not UTF-8; send the form as UTF-8 (accept-charset on a page)",
                    field=part.field_name[:60],
                ),
                field=part.field_name[:60],
            )
        super().on_part_end()

    def on_headers_finished(self) -> None:
        found = self._current_part.content_disposition or b""
        if not _is_utf8(found):  # an old program's names of files; the library would read them as Latin-1
            self._current_part.content_disposition = found.decode("cp949", "replace").encode()
        super().on_headers_finished()
        part = self._current_part
        self._bytes = 0
        if part.file is None or not part.file.filename:
            return
        takes = self._takes.get(part.field_name)
        if takes is None:
            names = ", ".join(self._takes) or "none"
            raise InvalidInput(
                sentence(
                    "{field}: does not accept files; fields that do: {names}", field=part.field_name[:60], names=names
                ),
                field=part.field_name[:60],
            )
        self._counts[part.field_name] = count = self._counts.get(part.field_name, 0) + 1
        if count > takes.most:
            raise InvalidInput(
                sentence("{field}: accepts at most {most} file(s)", field=part.field_name, most=takes.most),
                field=part.field_name,
            )

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is not None:
            self._bytes += end - start
            if self._bytes > self._most_bytes:
                name = self._current_part.field_name
                number = self._counts.get(name, 1) - 1
                raise TooLarge(
                    sentence("the file is larger than the limit of {size} MiB", size=f"{self._most_bytes / 2**20:g}"),
                    field=f"{name}.{number}",
                )
        super().on_part_data(data, start, end)


def _is_utf8(data: bytes | bytearray) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    async for piece in request.stream():
        yield piece
