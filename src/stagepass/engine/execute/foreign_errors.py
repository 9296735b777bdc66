"""Errors of Python and of other libraries that may pass, recognised without importing the libraries.

`foreign_errors.json` names base classes by their top-level module. They are looked for along an error's MRO, the most
derived class first, so that a library's own subclasses are covered.
"""

import errno
import importlib.resources
import json
import re
import socket
import ssl
import subprocess
from asyncio import IncompleteReadError
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from stagepass.errors import Permanent, QuotaExhausted, RateLimited, StageError, TimedOut, Transient

_KINDS = ("final", "not_sent", "timed_out", "passing")
_MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class Known:
    """Knowledge about errors of other libraries.

    Attributes:
        classes: the kind of an error, by top-level module and class name.
        statuses: where an error holds an HTTP status or a code that stands for one, by module.
        reasons: where an error holds the error that caused it, by module.
        meaning: HTTP statuses by the codes that stand for them.
        never: a pattern for messages of errors that do not pass, whatever their class.
        errnos: numbers of the system's errors that may pass.
    """

    classes: Mapping[tuple[str, str], frozenset[str]]
    statuses: Mapping[str, tuple[str, ...]]
    reasons: Mapping[str, tuple[str, ...]]
    meaning: Mapping[str, int]
    never: re.Pattern[str]
    errnos: frozenset[int]


@cache
def known() -> Known:
    """The table, read once."""
    table = json.loads((importlib.resources.files(__package__) / "foreign_errors.json").read_text())
    classes: dict[tuple[str, str], set[str]] = {}
    for library in table["libraries"]:
        for module in library["modules"]:
            for kind in _KINDS:
                for name in library.get(kind, ()):
                    classes.setdefault((module, name), set()).add(kind)
    by_module = {module: library for library in table["libraries"] for module in library["modules"]}
    return Known(
        {key: frozenset(kinds) for key, kinds in classes.items()},
        {module: tuple(library.get("status", ())) for module, library in by_module.items()},
        {module: tuple(library.get("reason", ())) for module, library in by_module.items()},
        table["statuses"],
        re.compile(table["never_passing"], re.IGNORECASE),
        frozenset(getattr(errno, name) for name in table["passing_errnos"] if hasattr(errno, name)),
    )


def recognise(problem: BaseException, text: str) -> StageError | None:
    """The `StageError` for a known error; None for an unknown one.

    Args:
        text: the message of the result.
    """
    if isinstance(problem, ssl.SSLCertVerificationError) or known().never.search(str(problem)[:2000]):
        return Permanent(text) if _passes(problem) else None
    return (
        _by_reason(problem, text) or _by_status(problem, text) or _by_class(problem, text) or _by_system(problem, text)
    )


def _passes(problem: BaseException) -> bool:
    return isinstance(problem, OSError) or any(True for _ in _kinds(problem))


def _kinds(problem: BaseException) -> Iterator[frozenset[str]]:
    for kind in type(problem).__mro__:
        if found := known().classes.get((kind.__module__.partition(".")[0], kind.__name__)):
            yield found


def _modules(problem: BaseException) -> list[str]:
    return list(dict.fromkeys(kind.__module__.partition(".")[0] for kind in type(problem).__mro__))


def _by_reason(problem: BaseException, text: str) -> StageError | None:
    """By the error inside of a wrapper, such as that of `urllib.error.URLError`."""
    reason: Any = problem
    for _ in range(_MOST_REASONS):
        places = [place for module in _modules(reason) for place in known().reasons.get(module, ())]
        inner = next((found for place in places if isinstance(found := _at(reason, place), BaseException)), None)
        if inner is None:
            break
        reason = inner
    return recognise(reason, text) if reason is not problem else None


def _by_status(problem: BaseException, text: str) -> StageError | None:
    """By the error's HTTP status, or a code that maps to one."""
    places = [place for module in _modules(problem) for place in known().statuses.get(module, ())]
    given = [found for place in places if (found := _at(problem, place)) is not None]
    status = next((known().meaning[code] for code in given if isinstance(code, str) and code in known().meaning), None)
    if status is None:
        status = next((int(code) for code in given if isinstance(code, int) and 400 <= code < 600), None)
    match status:
        case None:
            return None
        case 402:
            return QuotaExhausted(text, advice="top up the account")
        case 425 | 429:
            return RateLimited(text, retry_after=_retry_after(problem))
        case 408 | 504:
            return TimedOut(text)
        case _ if status >= 500 and status not in (501, 505):
            return Transient(text, retry_after=_retry_after(problem))
    return Permanent(text)


def _by_class(problem: BaseException, text: str) -> StageError | None:
    kinds = list(_kinds(problem))
    if not kinds:
        return None
    if "final" in kinds[0]:
        return Permanent(text)
    timed_out = isinstance(problem, TimeoutError) or any("timed_out" in kind for kind in kinds)
    not_done = any("not_sent" in kind for kind in kinds)
    return TimedOut(text, not_done=not_done) if timed_out else Transient(text, not_done=not_done)


def _by_system(problem: BaseException, text: str) -> StageError | None:
    """Python's own: connections and time-outs, and of the system's other errors those whose cause can go away."""
    if isinstance(problem, (TimeoutError, subprocess.TimeoutExpired)):
        return TimedOut(text)
    if isinstance(problem, (ConnectionRefusedError, socket.gaierror)):
        return Transient(text, not_done=True)
    if isinstance(problem, (ConnectionError, ssl.SSLError, socket.herror, IncompleteReadError)):
        return Transient(text)
    if isinstance(problem, OSError):
        # with a text and no number it is a library's word about a file: damaged, of another kind
        unknown = type(problem) is OSError and not problem.args
        return Transient(text) if unknown or problem.errno in known().errnos else Permanent(text)
    return None


def _at(problem: Any, path: str) -> Any:
    """The value at a dotted path of attributes and keys; a method is called."""
    found = problem
    for name in path.split("."):
        try:
            found = found[name] if isinstance(found, Mapping) else getattr(found, name, None)
            found = found() if callable(found) and not isinstance(found, type) else found
        except Exception:
            return None
    return found


def _retry_after(problem: BaseException) -> float | None:
    """Seconds, where the answer inside of the error names them as a number."""
    headers = _at(problem, "response.headers") or _at(problem, "headers")
    try:
        seconds = float(headers["retry-after"])
    except Exception:
        return None
    return min(seconds, 86_400.0) if seconds > 0 else None
