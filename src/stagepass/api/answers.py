"""Answers whose body was checked when it was made: written once, and not read back to be checked again."""

from collections.abc import Mapping

from fastapi import Response
from pydantic import BaseModel


def answer(body: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The model as JSON. Its route names the same model as `response_model`, for the description of the API."""
    return Response(body.model_dump_json(), status, dict(headers or {}), media_type="application/json")
