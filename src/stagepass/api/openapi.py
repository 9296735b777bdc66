"""The API's own description: FastAPI's, with each pipeline's input, every error, and the ways to say who one is."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext, iter_route_contexts

from stagepass.api.deps import (
    PREFIX,
    acting,
    acting_owner,
    current_actor,
    current_owner,
    current_watcher,
    observer,
    payload_reader,
)
from stagepass.api.problems import MEDIA_TYPE, Problem
from stagepass.bootstrap import System
from stagepass.declare.pipeline import Pipeline
from stagepass.providers.fetching.accept import file_fields
from stagepass.settings import Settings
from stagepass.views.pipelines import input_schema

_SUBMIT = f"{PREFIX}/pipelines/{{name}}/jobs"
_REF = "#/components/schemas/{model}"

_DESCRIPTION = """
Submit a job, watch its events, fetch its result.

Every error is `application/problem+json` with a stable `code`. Send an `Idempotency-Key` with each submit, so that
it can be repeated safely.
"""

_ERRORS = {
    "400": "Malformed request",
    "401": "Authentication required",
    "403": "Not allowed",
    "404": "Not found, or it belongs to another owner",
    "409": "Conflict with the current state",
    "413": "Too large",
    "415": "Unsupported content type",
    "422": "Invalid input",
    "429": "Rate limit exceeded, or too much at once; `limit` names the limit, and Retry-After the time to wait",
    "503": "A required service is not responding; try again after Retry-After",
}


_OWNERS = (current_owner, current_actor, acting, acting_owner, observer, payload_reader, current_watcher)


def requires_owner(route: RouteContext) -> bool:
    """Whether a route identifies the caller."""
    dependant = getattr(route, "dependant", None)
    return isinstance(dependant, Dependant) and any(found.call in _OWNERS for found in _all(dependant))


def _all(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _all(inner)


def describe(app: FastAPI, system: System) -> dict[str, Any]:
    """The OpenAPI document."""
    schema = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=_DESCRIPTION,
        tags=app.openapi_tags,
        routes=app.routes,
    )
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template=_REF)
    schemas.update(problem.pop("$defs", {}), Problem=problem)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    _share_types(schema)
    _secure(app, schema, system.settings)
    _tell_errors(schema)
    _spread_submit(schema, system)
    return schema


def _operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in schema["paths"].values():
        yield from (operation for operation in path.values() if isinstance(operation, dict))


def _share_types(schema: dict[str, Any]) -> None:
    """Types inside the bodies of routes that read them themselves stand where their references point."""
    for operation in _operations(schema):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schema["components"]["schemas"].update(content["schema"].pop("$defs", {}))


def _tell_errors(schema: dict[str, Any]) -> None:
    content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}
    for operation in _operations(schema):
        responses = operation["responses"]
        responses.pop("422", None)
        for status, text in _ERRORS.items():
            responses.setdefault(status, {"description": text, "content": content})


def _secure(app: FastAPI, schema: dict[str, Any], settings: Settings) -> None:
    schemes = security_schemes(settings)
    schema["components"]["securitySchemes"] = schemes
    for route in iter_route_contexts(app.routes):
        if requires_owner(route) and route.path_format in schema["paths"]:
            for method in route.methods or ():
                operation = schema["paths"][route.path_format].get(method.lower())
                if operation is not None:
                    operation["security"] = [{name: []} for name in schemes]
                    if settings.auth_mode == "none":
                        operation["security"].append({})


def security_schemes(settings: Settings) -> dict[str, Any]:
    """Security schemes for these settings."""
    bearer = {"type": "http", "scheme": "bearer"}
    match settings.auth_mode:
        case "api_key":
            return {"bearer": bearer, "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}
        case "jwt":
            return {"bearer": {**bearer, "bearerFormat": "JWT"}}
        case "header":
            told = "set by the gateway, never by the client"
            return {"gateway": {"type": "apiKey", "in": "header", "name": settings.user_header, "description": told}}
    told = "any name; this installation asks for no proof, and answers only its own machine"
    return {"user": {"type": "apiKey", "in": "header", "name": settings.user_header, "description": told}}


# ── submitting, pipeline by pipeline ─────────────────────────────────────────────────────────────


def _spread_submit(schema: dict[str, Any], system: System) -> None:
    """One operation per pipeline in place of the one with a name in its path, so that each shows its own input."""
    operation = schema["paths"].pop(_SUBMIT)["post"]
    for pipeline in system.registry:
        add_schemas(schema, pipeline)
        own = {
            **operation,
            "operationId": f"submit_{pipeline.name}",
            "summary": f"Submit a job of {pipeline.name}",
            "parameters": [found for found in operation["parameters"] if found["in"] != "path"],
            "requestBody": input_body(pipeline),
        }
        schema["paths"][_SUBMIT.format(name=pipeline.name)] = {"post": own}


def add_schemas(schema: dict[str, Any], pipeline: Pipeline) -> None:
    """The pipeline's types, named so that two pipelines do not meet."""
    schemas = schema["components"]["schemas"]
    found = input_schema(pipeline, f"#/components/schemas/{pipeline.name}.{{model}}")
    schemas.update({f"{pipeline.name}.{name}": inner for name, inner in found.pop("$defs", {}).items()})
    schemas[f"{pipeline.name}.input"] = found


def input_body(pipeline: Pipeline) -> dict[str, Any]:
    """The body of a submit: JSON, and a form where there are fields that take files."""
    ref = {"$ref": f"#/components/schemas/{pipeline.name}.input"}
    as_json: dict[str, Any] = {"schema": ref}
    if pipeline.examples:
        as_json["examples"] = {f"example {n}": {"value": value} for n, value in enumerate(pipeline.examples, 1)}
    content = {"application/json": as_json}
    if fields := file_fields(pipeline.input):
        binary = {"type": "string", "format": "binary"}
        properties: dict[str, Any] = {"input": {"type": "string", "description": "the other fields, as JSON"}}
        properties.update(
            {name: {"type": "array", "items": binary} if f.many else binary for name, f in fields.items()}
        )
        content["multipart/form-data"] = {"schema": {"type": "object", "properties": properties}}
    return {"required": True, "content": content}
