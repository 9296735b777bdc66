"""Waits that are written as literals and that the stage's limits end before: found when the module is imported."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from stagepass.declare.values import seconds
from stagepass.errors import DeclarationError
from stagepass.spans import in_words

_WAITS = {
    "sleep": ("duration", 0),
    "sleep_async": ("duration", 0),
    "wait": ("at_most", None),
    "wait_async": ("at_most", None),
}
"""By method: the argument that is a time of this stage's own, and its position."""


def check_waits(body: Callable[..., Any], limit: float, where: str) -> None:
    """Raises `DeclarationError` for a sleep, or a wait's `at_most`, that is longer than an attempt may take.

    Only functions of a module are read; for those made inside another function the call itself is refused.
    """
    if "<locals>" in getattr(body, "__qualname__", "<locals>"):
        return
    for line, method, given, wanted in _literals(body):
        if wanted > limit:
            raise DeclarationError(
                f"{where}: ctx.{method} of {given!r} in line {line} cannot pass within the {in_words(limit)} that an attempt "
                f"may take; raise time_limit and run_limit above it"
            )


def _literals(body: Callable[..., Any]) -> Iterator[tuple[int, str, Any, float]]:
    try:
        lines, first = inspect.getsourcelines(inspect.unwrap(body))
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):  # without its source there is nothing to read
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _WAITS:
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "ctx"):
                continue
            name, position = _WAITS[node.func.attr]
            value = next((one.value for one in node.keywords if one.arg == name), None)
            if value is None and position is not None and len(node.args) > position:
                value = node.args[position]
            if isinstance(value, ast.Constant) and isinstance(value.value, (str, int, float)):
                try:
                    yield first + node.lineno - 1, node.func.attr, value.value, seconds(value.value)
                except DeclarationError as problem:
                    raise DeclarationError(f"line {first + node.lineno - 1}: {problem}") from None
