"""Small value types that stages, files and the API share."""

import re
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from stagepass.errors import DeclarationError


class File(BaseModel):
    """A file that a job owns: too large for a row, so the row holds this reference to it."""

    model_config = ConfigDict(frozen=True)

    uri: str = Field(description="where the file store keeps it; never a path that a client may name")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0, description="bytes")
    type: str = Field(description="content type, found by looking at the content")
    name: str = Field(default="", description="the name that a person gave it")


Duration = float | int | str | timedelta
"""Seconds as a number, a `timedelta`, or text: ``"500ms"``, ``"30s"``, ``"10m"``, ``"2h"``, ``"7d"``."""

LONGEST = 3660 * 86400.0
"""Seconds of the longest duration, ten years; a time after it may be one that no database holds."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*$")


def seconds(value: Duration) -> float:
    """Seconds of a duration. Raises `DeclarationError` when it is not one."""
    if isinstance(value, timedelta):
        return _bounded(value.total_seconds())
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _bounded(value)
    match = _DURATION.match(value) if isinstance(value, str) else None
    if not match:
        raise DeclarationError(
            f'{value!r} is not a duration; write a number of seconds, or "500ms", "30s", "10m", "2h"'
        )
    return _bounded(float(match[1]) * _UNITS[match[2]])


def _bounded(value: float) -> float:
    if value < 0:
        raise DeclarationError(f"{value!r} is not a duration: it must not be negative")
    if not value <= LONGEST:  # NaN is not, either
        raise DeclarationError(
            f"{float(min(value, 1e300)):g} is not a duration: it must be a number of at most ten years"
        )
    return float(value)
