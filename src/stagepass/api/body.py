"""Reads JSON bodies: bounded, strict, and before anything of FastAPI's looks at them."""

from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.exceptions import HTTPException

from stagepass.engine.commit.submission import invalid_input
from stagepass.errors import BadRequest, TooLarge

M = TypeVar("M", bound=BaseModel)


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
        raise HTTPException(415, "send the body as JSON, with Content-Type: application/json")
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > limit:
            raise TooLarge(f"the body is larger than {limit:,} bytes; upload large values as files")
    if not content.strip():
        return empty
    try:
        return from_json(bytes(content), allow_inf_nan=False)
    except ValueError as error:
        raise BadRequest(f"the body is not valid JSON: {error}") from None


async def read_model(request: Request, model: type[M], limit: int) -> M:
    """The body as that model. Raises `InvalidInput` besides."""
    value = await read_json(request, limit, empty={})
    try:
        return model.model_validate(value)
    except ValidationError as problem:
        raise invalid_input(problem) from None


def json_body(model: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """For `openapi_extra`: the body that a route reads itself."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}
