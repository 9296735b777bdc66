"""Every error as ``application/problem+json`` (RFC 9457): a stable `code` for programs, texts in the reader's language."""

import json
import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path

from stagepass.content.catalogue import FALLBACK, Catalogue, negotiate
from stagepass.content.translate import translated
from stagepass.errors import RequestError, StageError, StoreUnavailable, Unauthenticated, ValueRefused
from stagepass.inputs import MOST_ERRORS
from stagepass.sentences import Sentence, of_pydantic, sentence

log = logging.getLogger("stagepass.api")

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 2
"""Seconds until the client may retry a request that failed because a service was unavailable."""

_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    415: "unsupported_type",
}


class FieldError(BaseModel):
    """One field at fault."""

    field: str = Field(description="path of the field, such as images.2", examples=["images.2"])
    message: str


class Problem(BaseModel):
    """An error in the format of RFC 9457. Programs branch on `code`; people read `detail`."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="stable identifier of the kind of problem", examples=["urn:stagepass:not_found"])
    title: str
    status: int = Field(ge=400, le=599)
    code: str = Field(description="stable code of the kind of problem", examples=["not_found"])
    detail: str = Field(description="what is wrong and how to fix it, in the language of Accept-Language")
    field: str | None = Field(default=None, description="the first field at fault")
    errors: list[FieldError] | None = Field(default=None, description="all fields at fault")


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    language: str = FALLBACK,
    field: str | None = None,
    headers: Mapping[str, str] | None = None,
    **details: Any,
) -> Response:
    """The response for a problem, in the reader's language. Facts that are None are left out."""
    title = f"title.{status}"
    body = {
        "type": f"urn:stagepass:{code}",
        "title": texts().text(title if title in texts().codes(FALLBACK) else "title", language),
        "status": status,
        "code": code,
        "detail": translated(detail, language),
        "field": field,
        **{name: value for name, value in details.items() if name not in ("type", "title", "status", "code", "detail")},
    }
    if "errors" in body:
        body["errors"] = [{**entry, "message": translated(entry["message"], language)} for entry in body["errors"]]
    text = json.dumps({name: value for name, value in body.items() if value is not None}, ensure_ascii=False)
    sent = {**(headers or {}), "Content-Language": language, "Vary": "Accept-Language"}
    return Response(text.encode("utf-8", "replace"), status, headers=sent, media_type=MEDIA_TYPE)


def of(error: Exception, language: str = FALLBACK) -> Response:
    """The problem for an error. An error that is not one of ours is a 500 that shows no internals."""
    match error:
        case Unauthenticated():
            challenge = {"WWW-Authenticate": "Bearer"}
            return problem(error.status, error.code, error.message, language=language, headers=challenge)
        case RequestError():
            again = error.details.get("retry_after", RETRY_AFTER)
            facts = {"headers": {"Retry-After": str(again)} if error.status in (429, 503) else None, **error.details}
            return problem(error.status, error.code, error.message, language=language, field=error.field, **facts)
        case RequestValidationError():
            return _invalid(error, language)
        case HTTPException():
            code = _CODES.get(error.status_code, "http_error")
            return problem(error.status_code, code, _detail(error), language=language, headers=error.headers)
        case ValueRefused():
            return problem(422, error.code, str(error), language=language)
        case StoreUnavailable():
            detail = sentence("the database is not responding; nothing was changed, so send the request again")
            return _away("store_unavailable", detail, language)
        case StageError(retryable=True):  # routes share the file store with stages
            detail = sentence("a required service is not responding; try again in a few seconds")
            return _away("unavailable", detail, language)
    log.error("a request failed", exc_info=error)
    detail = sentence("internal error; it has been logged. Quote the X-Request-ID header when you report it")
    return problem(500, "internal", detail, language=language)


def language_of(headers: Headers) -> str:
    """The reader's language, by ``Accept-Language``."""
    return negotiate(headers.get("accept-language"), texts().languages)


@cache
def texts() -> Catalogue:
    """The texts of the API."""
    return Catalogue.load("stagepass.api")


def _away(code: str, detail: str, language: str) -> Response:
    return problem(503, code, detail, language=language, headers={"Retry-After": str(RETRY_AFTER)})


def _detail(error: HTTPException) -> str:
    if error.status_code == 404:
        return sentence("no such route; see /docs")
    if error.status_code == 405:
        return sentence("this route accepts {methods}", methods=(error.headers or {}).get("Allow", "another method"))
    return error.detail if isinstance(error.detail, Sentence) else str(error.detail)


def _invalid(error: RequestValidationError, language: str) -> Response:
    errors = [
        {
            "field": ".".join(str(part) for part in found["loc"][1:]) or str(found["loc"][0]),
            "message": of_pydantic(found),
        }
        for found in error.errors()[:MOST_ERRORS]
    ]
    first = errors[0]
    detail = sentence("{field}: {message}", field=first["field"], message=first["message"])
    return problem(422, "invalid_input", detail, language=language, field=first["field"], errors=errors)


def _methods_at(app: FastAPI, path: str) -> set[str]:
    """Every method that some route takes at this path; the router names those of the first one only."""
    found: set[str] = set()
    for route in iter_route_contexts(app.routes):
        if route.path and route.methods and compile_path(route.path)[0].match(path):
            found |= route.methods
    return found


async def _answer(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = ", ".join(sorted(_methods_at(request.app, request.url.path)))
        error = HTTPException(405, error.detail, {**(error.headers or {}), "Allow": allowed})
    return of(error, language_of(request.headers))


def install(app: FastAPI) -> None:
    """Answer these errors as problems; the edge catches all others."""
    for kind in (RequestError, RequestValidationError, HTTPException, StoreUnavailable, ValueRefused, StageError):
        app.add_exception_handler(kind, _answer)
