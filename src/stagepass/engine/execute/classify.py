"""Turns whatever a stage raised into one of our own plain errors. What is not ours is told apart by its type."""

import traceback

from pydantic import ValidationError

from stagepass.engine.model.ports import Taken
from stagepass.errors import (
    InvalidOutput,
    Permanent,
    RequestError,
    StageError,
    StoreBug,
    StoreUnavailable,
    TimedOut,
    Transient,
    Unavailable,
    ValueRefused,
)


def classify(problem: BaseException) -> StageError:
    """The `StageError` that stands for `problem`.

    Lost connections and time-outs may pass; anything else that is not ours is a bug or a wrong input,
    which another attempt at the same price would meet again.
    """
    if isinstance(problem, StageError):
        return problem
    if isinstance(problem, (Unavailable, StoreUnavailable)):
        return Transient(str(problem))
    if isinstance(problem, ValueRefused):
        return InvalidOutput(str(problem), advice="change what the stage gives to the database; its trace says where")
    if isinstance(problem, (StoreBug, Taken)):
        return Transient(f"it could not be stored: {problem}", advice="the workers' log has the statement")
    if isinstance(problem, RequestError):
        return Permanent(problem.message, advice=f"change the input's field {problem.field}" if problem.field else None)
    if isinstance(problem, TimeoutError):
        return TimedOut(_text(problem))
    if isinstance(problem, (ConnectionError, OSError)):
        return Transient(_text(problem))
    if isinstance(problem, ValidationError):
        return InvalidOutput(f"{problem.title}: {problem.error_count()} value(s) do not fit: {_places(problem)}")
    if isinstance(problem, MemoryError):
        return Transient("out of memory")
    return Permanent(_text(problem), advice="this looks like a bug in the stage; its trace is kept with the attempt")


def trace_of(problem: BaseException, *, limit: int = 4000) -> str:
    """Where it happened: files, lines and functions, without values."""
    frames = traceback.extract_tb(problem.__traceback__)
    lines = [f"{frame.filename.rsplit('site-packages/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames]
    return "\n".join([*lines, type(problem).__name__])[-limit:]


def _text(problem: BaseException) -> str:
    """The type, and its text where that cannot hold what a person wrote."""
    try:
        text = str(problem)[:300]
    except Exception:  # an error whose own text is a bug
        text = ""
    return f"{type(problem).__name__}: {text}" if text else type(problem).__name__


def _places(problem: ValidationError) -> str:
    """Which fields, never their values: they may be personal."""
    errors = problem.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(
        f"{'.'.join(str(part) for part in error['loc']) or 'value'}: {error['type']}" for error in errors[:5]
    )
