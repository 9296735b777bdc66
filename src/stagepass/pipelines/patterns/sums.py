"""The sums that the patterns do."""

import math

from stagepass import Permanent
from stagepass.pipelines.patterns.models import Number


def add(a: Number, b: Number) -> Number:
    """Raises `Permanent` when the sum is larger than a number can be."""
    return _finite(a + b)


def multiply(a: Number, b: Number) -> Number:
    """Raises `Permanent` when the product is larger than a number can be."""
    return _finite(a * b)


def _finite(value: Number) -> Number:
    try:
        if math.isfinite(value):
            return value
    except OverflowError:  # a whole number that no float can hold
        pass
    raise Permanent("the result is larger than a number can be", advice="send smaller numbers")
