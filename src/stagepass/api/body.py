"""Reads JSON bodies: bounded, strict, and before anything of FastAPI's looks at them."""

from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from stagepass.api.edge import BODY
from stagepass.errors import BadRequest, InvalidInput, TooLarge
from stagepass.inputs import validated
from stagepass.sentences import sentence
from stagepass.strict import Unfit, loads

M = TypeVar("M", bound=BaseModel)

_AT_ONCE = 32 * 1024
"""Maximum number of bytes parsed on the event loop, which blocks other requests; more is parsed in a thread."""


def media_type(request: Request) -> str:
    """The content type, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(request: Request, limit: int, *, any_type: bool = False, empty: Any = None) -> Any:
    """The body as JSON; `empty` if there is none.

    Strings are valid Unicode, numbers are finite and nesting is bounded, so that what comes in can be stored.

    Raises:
        TooLarge, BadRequest; 415 for another content type, unless `any_type`.
    """
    kind = media_type(request)
    if not any_type and kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise HTTPException(415, sentence("send the body as JSON, with Content-Type: application/json"))
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > limit:
            raise TooLarge(
                sentence("the body is larger than {limit} bytes; upload large values as files", limit=f"{limit:,}")
            )
    if not content.strip():
        return empty
    try:
        if len(content) <= _AT_ONCE:
            return loads(bytes(content))
        return await run_in_threadpool(loads, bytes(content))
    except Unfit as error:
        raise InvalidInput(str(error), field=error.path or None) from None
    except ValueError as error:
        raise BadRequest(sentence("the body is not valid JSON: {error}", error=error)) from None


async def read_bytes(request: Request, most: int) -> bytes:
    """The whole body, also one that is larger than the limit of most routes. Raises `TooLarge`."""
    request.scope[BODY].largest = most
    content = bytearray()
    async for piece in request.stream():
        content += piece
    return bytes(content)


async def read_model(request: Request, model: type[M], limit: int) -> M:
    """The body as that model. Raises `InvalidInput` besides."""
    return validated(model, await read_json(request, limit, empty={}))


def json_body(model: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """For `openapi_extra`: the body that a route reads itself; `openapi.describe` moves its `$defs` to the components."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}
