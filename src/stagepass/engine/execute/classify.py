"""Turns any exception of a stage into one of our own errors, by its type."""

import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stagepass.engine.execute.foreign_errors import recognise
from stagepass.engine.model.outcomes import Busy, Cancel, LeaseLost, Wait
from stagepass.engine.model.transaction import Taken
from stagepass.errors import (
    InvalidOutput,
    OutcomeUnknown,
    Permanent,
    RateLimited,
    RequestError,
    StageError,
    StoreBug,
    StoreUnavailable,
    TimedOut,
    Transient,
    Unavailable,
    ValueRefused,
)
from stagepass.sentences import sentence

_BUGS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    NotImplementedError,
    TypeError,
)
"""Errors that are the stage's own mistakes, whatever they were raised from."""

_LONGEST_CHAIN = 5

_BUG = sentence("probably a bug in the stage; the traceback is saved with the attempt: stagepass dead show RUN")


def classify(problem: BaseException, passing: tuple[type[BaseException], ...] = ()) -> StageError:
    """The `StageError` for `problem`.

    Connection errors and time-outs of Python and of the libraries in `foreign_errors.json` are retryable, and so is
    an error raised ``from`` one of them. Any other foreign exception is permanent: a bug or a wrong input, which a
    retry would only pay for again.

    Args:
        passing: the author's own retryable errors (`Retry.on`).
    """
    if isinstance(problem, BaseExceptionGroup):
        return _classify_group(problem, passing)
    if isinstance(problem, StageError):
        return problem
    if isinstance(problem, (Unavailable, StoreUnavailable)):
        return Transient(str(problem))
    if isinstance(problem, ValueRefused):
        return InvalidOutput(str(problem), advice="change what the stage gives to the database; its trace says where")
    if isinstance(problem, (StoreBug, Taken)):
        return Transient(
            sentence("it could not be stored: {problem}", problem=problem),
            advice=sentence("the workers' log has the statement"),
        )
    if isinstance(problem, RequestError):
        return Permanent(problem.message, advice=_change(problem))
    if isinstance(problem, passing):
        return Transient(_text(problem))
    if isinstance(problem, ValidationError):
        return InvalidOutput(
            sentence(
                "{what}: {count} value(s) do not fit: {places}",
                what=problem.title,
                count=problem.error_count(),
                places=_places(problem),
            )
        )
    if isinstance(problem, MemoryError):
        return Transient(sentence("out of memory"))
    if recognised := recognise(problem, _text(problem)):
        return recognised
    return _by_cause(problem, passing) or Permanent(_text(problem), advice=_BUG)


def _change(problem: RequestError) -> str | None:
    return sentence("change the input field {field}", field=problem.field) if problem.field else None


def _by_cause(problem: BaseException, passing: tuple[type[BaseException], ...]) -> StageError | None:
    """An error raised ``from`` a retryable one. Whether work was done before it is unknown."""
    cause = problem
    for _ in range(_LONGEST_CHAIN):
        if isinstance(cause, _BUGS) or cause.__cause__ is None:
            return None
        cause = cause.__cause__
        if isinstance(cause, (RequestError, ValidationError)):
            return None
        known = cause if isinstance(cause, StageError) else recognise(cause, _text(problem))
        if isinstance(cause, passing):
            known = Transient(_text(problem))
        if known is not None:
            kind = next((kind for kind in (RateLimited, TimedOut, Transient) if isinstance(known, kind)), None)
            return kind and kind(_text(problem), retry_after=known.retry_after)
    return None


def _classify_group(group: BaseExceptionGroup[Any], passing: tuple[type[BaseException], ...]) -> StageError:
    """The error of the group that decides. `not_done` only if it holds for all of them."""
    errors = [classify(problem, passing) for problem in leaves(group)]
    decides = next((error for error in errors if not error.retryable), None)
    decides = decides or max(errors, key=lambda error: error.retry_after or 0.0)
    decides.not_done = all(error.not_done for error in errors)
    return decides


def planned(group: BaseExceptionGroup[Any]) -> BaseException | None:
    """A planned outcome among the errors of a group, if none of the errors is final.

    An `asyncio.TaskGroup` wraps also the stage's own words: that it waits, or stops.
    """
    ended = list(leaves(group))
    for kind in (LeaseLost, Cancel, OutcomeUnknown):
        if found := next((one for one in ended if isinstance(one, kind)), None):
            return found
    pauses = [one for one in ended if isinstance(one, (StoreUnavailable, Busy, Wait))]
    failed = [one for one in ended if one not in pauses]
    if any(not classify(one).retryable for one in failed):
        return None
    if away := next((one for one in pauses if isinstance(one, StoreUnavailable)), None):
        return away
    if failed or not pauses:
        return None
    return min(pauses, key=_pause)


def _pause(planned: BaseException) -> float:
    return planned.wait if isinstance(planned, Busy) else planned.seconds if isinstance(planned, Wait) else 0.0


def leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    """The errors in a group and in the groups in it."""
    for problem in group.exceptions:
        if isinstance(problem, BaseExceptionGroup):
            yield from leaves(problem)
        else:
            yield problem


def trace_of(problem: BaseException, *, limit: int = 4000) -> str:
    """The traceback as files, lines and functions, without values."""
    frames = traceback.extract_tb(problem.__traceback__)
    lines = [f"{_in_its_package(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
    return "\n".join([*lines, type(problem).__name__])[-limit:]


def _in_its_package(file: str) -> str:
    """The path as its module is imported: where a machine keeps its files stays on it."""
    roots = (os.path.join(os.path.abspath(root), "") for root in sys.path)
    found = max((root for root in roots if file.startswith(root)), key=len, default="")
    return file[len(found) :] if found else "/".join(Path(file).parts[-2:])


def _text(problem: BaseException) -> str:
    """The type and the first 300 characters of its text."""
    try:
        text = str(problem)[:300]
    except Exception:  # its `__str__` has a bug
        text = ""
    return f"{type(problem).__name__}: {text}" if text else type(problem).__name__


def _places(problem: ValidationError) -> str:
    """The fields at fault, without their values, which may be personal data."""
    errors = problem.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(
        f"{'.'.join(str(part) for part in error['loc']) or 'value'}: {error['type']}" for error in errors[:5]
    )
