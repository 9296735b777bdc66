"""Every error as ``application/problem+json`` (RFC 9457), with a stable `code` to decide by and a text for people."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from stagepass.errors import RequestError, StageError, StoreUnavailable, Unauthenticated, ValueRefused

log = logging.getLogger("stagepass.api")

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 2
"""Seconds after which a request that found a part of the system away may be sent again."""

_TITLES = {
    400: "The request is not understood",
    401: "Who is asking is not known",
    403: "This is not allowed",
    404: "There is no such thing",
    405: "This method is not offered here",
    406: "This form of answer is not offered here",
    409: "The state of things does not allow this",
    413: "This is too large",
    415: "This form of content is not taken",
    422: "The input does not fit",
    429: "Asked too often",
    500: "Something is broken here",
    503: "A part of the system does not answer",
}
_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_type"}


class FieldError(BaseModel):
    """One field at fault."""

    field: str = Field(description="its path, such as images.2", examples=["images.2"])
    message: str


class Problem(BaseModel):
    """An error, as RFC 9457 has it. Decide by `code`; show `detail`."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="names the kind of problem; never changes", examples=["urn:stagepass:not_found"])
    title: str
    status: int = Field(ge=400, le=599)
    code: str = Field(description="the same as a word", examples=["not_found"])
    detail: str = Field(description="what is wrong and how to put it right, for a person")
    field: str | None = Field(default=None, description="the first field at fault")
    errors: list[FieldError] | None = Field(default=None, description="all fields at fault")


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    field: str | None = None,
    headers: Mapping[str, str] | None = None,
    **details: Any,
) -> Response:
    """The response for a problem. What is None is left out."""
    body = {
        "type": f"urn:stagepass:{code}",
        "title": _TITLES.get(status, "This cannot be done"),
        "status": status,
        "code": code,
        "detail": detail,
        "field": field,
        **{name: value for name, value in details.items() if name not in ("type", "title", "status", "code", "detail")},
    }
    text = json.dumps({name: value for name, value in body.items() if value is not None}, ensure_ascii=False)
    return Response(text.encode("utf-8", "replace"), status, headers=headers, media_type=MEDIA_TYPE)


def of(error: Exception) -> Response:
    """The problem that an error is. What is not one of ours is a 500 that tells nothing of the inside."""
    match error:
        case Unauthenticated():
            return problem(error.status, error.code, error.message, headers={"WWW-Authenticate": "Bearer"})
        case RequestError():
            again = error.details.get("retry_after", RETRY_AFTER)
            headers = {"Retry-After": str(again)} if error.status in (429, 503) else None
            return problem(error.status, error.code, error.message, field=error.field, headers=headers, **error.details)
        case RequestValidationError():
            return _invalid(error)
        case HTTPException():
            code = _CODES.get(error.status_code, "http_error")
            return problem(error.status_code, code, _detail(error), headers=error.headers)
        case ValueRefused():
            return problem(422, error.code, str(error))
        case StoreUnavailable():
            return _away("store_unavailable", "the database does not answer; nothing was done, so send this again")
        case StageError(retryable=True):  # a way out that routes share with stages: the file store
            return _away("unavailable", "a part that this needs does not answer now; send this again a little later")
    log.error("a request failed", exc_info=error)
    return problem(500, "internal", "an error of this service's own; it was noted, and its operator can find it")


def _away(code: str, detail: str) -> Response:
    return problem(503, code, detail, headers={"Retry-After": str(RETRY_AFTER)})


def _detail(error: HTTPException) -> str:
    if error.status_code == 404:
        return "there is nothing at this address; /docs lists what there is"
    if error.status_code == 405:
        return f"this address takes {(error.headers or {}).get('Allow', 'another method')}"
    return str(error.detail)


def _invalid(error: RequestValidationError) -> Response:
    errors = [
        {"field": ".".join(str(part) for part in found["loc"][1:]) or str(found["loc"][0]), "message": found["msg"]}
        for found in error.errors()
    ]
    first = errors[0]
    return problem(422, "invalid_input", f"{first['field']}: {first['message']}", field=first["field"], errors=errors)


async def _answer(_: Request, error: Exception) -> Response:
    return of(error)


def install(app: FastAPI) -> None:
    """Answer these errors as problems; what is left is caught at the edge."""
    for kind in (RequestError, RequestValidationError, HTTPException, StoreUnavailable, ValueRefused, StageError):
        app.add_exception_handler(kind, _answer)
