"""Finds values that JSON cannot hold: half characters, numbers that are not finite or too large, endless depth."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from stagepass.providers.vendors.dialect import DEEPEST

_MOST_INTEGER = 2**63
"""Integers of JSON readers have 64 bits."""


def lost_in_json(value: Any) -> tuple[tuple[Any, ...], str] | None:
    """The first place in a value that would be lost or changed on its way through JSON, and why; None without one.

    Args:
        value: a model, a dataclass, or plain values in lists and mappings.
    """
    waiting: list[tuple[Any, tuple[Any, ...]]] = [(value, ())]
    while waiting:
        part, path = waiting.pop()
        if len(path) > DEEPEST:
            return path[:3], f"there are more than {DEEPEST} levels"
        if wrong := _wrong(part):
            return path, wrong
        waiting += [(inner, (*path, name)) for name, inner in _parts(part)]
    return None


def _wrong(value: Any) -> str | None:
    if isinstance(value, str) and not _is_text(value):
        return "this text holds half a character (a lone surrogate)"
    if isinstance(value, float) and not math.isfinite(value):
        return "this number is not finite"
    if isinstance(value, int) and not -_MOST_INTEGER <= value < _MOST_INTEGER:
        return "this number is too large"
    return None


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parts(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, BaseModel):
        return [*value.__dict__.items(), *(value.model_extra or {}).items()]
    if isinstance(value, Mapping):
        return [(name, part) for name, one in value.items() for part in (name, one)]
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(enumerate(value))
    if dataclasses.is_dataclass(value):
        return [(one.name, getattr(value, one.name, None)) for one in dataclasses.fields(value)]
    return []
