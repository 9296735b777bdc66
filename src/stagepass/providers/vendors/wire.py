"""Vendors' answers as plain values that can be kept, and the one error for a shape that is not the vendor's own."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stagepass.providers.answers import OddAnswer

LONGEST_WORD = 2_048
"""Characters of an id, a status or an address."""


def strict_json(content: bytes) -> Any:
    """The values in an answer; a number that JSON cannot hold counts as not given.

    Raises:
        ValueError: it is not JSON, or nested too deeply to be read.
    """
    try:
        return json.loads(content, parse_constant=lambda _: None, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


@contextmanager
def own_shape(provider: str) -> Iterator[None]:
    """Around the reading of an answer: one in another shape may pass, and does not say what the vendor has done."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError):
        raise OddAnswer(f"{provider}: answered in a shape that is not its own", provider=provider) from None


def word(value: Any) -> str:
    """An id, a status or an address, as text that can be kept; empty where there is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    return str(value)[:LONGEST_WORD].encode(errors="replace").decode().replace("\0", "")


def amount(value: Any, most: float = 1e9) -> float:
    """A length or a count that a vendor gave as a number or as text; 0 where there is none that makes sense.

    Args:
        most: beyond it, it makes no sense.
    """
    try:
        number = float(value) if isinstance(value, (str, int, float)) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    return number if 0 < number <= most else 0.0


def record(value: Any) -> dict[str, Any]:
    """An object next to an answer, such as its usage; empty if it is not one, which loses no answer."""
    return value if isinstance(value, dict) else {}
