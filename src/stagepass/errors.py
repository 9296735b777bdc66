"""Every failure that Stagepass names, in one tree.

    StagepassError
    ├── DeclarationError        a pipeline is declared wrongly (raised at import)
    ├── SettingsError           a setting is missing or wrong (raised at start)
    ├── RequestError            what a caller asked for cannot be done; the edge maps it to HTTP
    │   ├── InvalidInput  422     ├── NotFound   404     ├── Conflict  409
    │   ├── BadRequest    400     ├── TooLarge   413     ├── Forbidden 403
    │   ├── Unauthenticated 401   ├── TooManyRequests 429
    │   └── Unavailable   503
    ├── StoreUnavailable        the database cannot answer now; the work is kept, and tried again
    ├── ValueRefused            the database cannot hold a value; the edge makes 422 of it
    ├── StoreBug                a statement of ours is wrong; nothing was stored
    └── StageError              how an attempt at a stage failed; its class decides what happens next
        ├── Transient             try again, after `retry_after` or the stage's own wait
        │   ├── RateLimited         rate limit reached; the provider says when to retry
        │   ├── TimedOut            a limit of time passed
        │   └── TaskFailed          a remote task ended without a result; a new order may work
        ├── QuotaExhausted        no credit left: no retry helps until a person acts
        ├── Permanent             the same input will fail again
        ├── InvalidOutput         the answer does not fit its type (after one repair)
        ├── Blocked               the provider refused on grounds of safety
        ├── OutcomeUnknown        a purchase may have been made and its answer was lost
        ├── ChildFailed           a job that the stage had started failed, or was cancelled
        ├── CallChanged           the stage's code makes another call than the one whose outcome is kept
        └── WorkerLost            the worker died on each attempt; failed so that other work continues

Each has a stable `code`. All take plain strings and numbers only, so that any of them can be
pickled by a process pool and stored as JSON.
"""

import math
from typing import Any, ClassVar

from stagepass.sentences import Sentence
from stagepass.text import clean

LONGEST_TEXT = 2000
"""Characters of an error's text: what is longer is a web page, a traceback or an attack."""

LONGEST_WAIT = 366 * 86400.0
"""Seconds that a provider may ask to wait."""


class StagepassError(Exception):
    """The root of every error that Stagepass raises on purpose."""

    code: ClassVar[str] = "error"


class DeclarationError(StagepassError):
    """A pipeline's graph, names or types do not fit together; the text names the stage and the fix."""

    code = "declaration"


class SettingsError(StagepassError):
    """A setting is missing or wrong; the text names the setting and the fix."""

    code = "settings"


class StoreUnavailable(StagepassError):
    """The database did not answer in time, or cannot carry out the request now.

    `reached` is True where a server answered with an error: another operation may succeed meanwhile.
    """

    code = "store_unavailable"
    reached: bool = False


class ValueRefused(StagepassError):
    """The database cannot hold one of the values: no attempt with the same value will succeed."""

    code = "value_refused"


class StoreBug(StagepassError):
    """An SQL statement of Stagepass failed or violated the schema. The log has the statement; the message does not."""

    code = "store_bug"


# ── what a caller asked for ──────────────────────────────────────────────────────────────────────


class RequestError(StagepassError):
    """A request cannot be carried out.

    Args:
        message: what is wrong and how to fix it, for a person.
        field: the path of the input field at fault (``images.2``), if one is.
        details: more facts for the client; must be JSON and must hold no personal data.
    """

    code = "request"
    status: ClassVar[int] = 400

    def __init__(self, message: str, *, field: str | None = None, **details: Any) -> None:
        self.message = _text(message)
        super().__init__(self.message)
        self.field = field
        self.details = details

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, {"field": self.field, **self.details})


class BadRequest(RequestError):
    """The request is not one that this route takes."""

    code = "bad_request"


class Unauthenticated(RequestError):
    """The caller sent no credentials, or invalid ones."""

    code = "unauthenticated"
    status = 401


class Forbidden(RequestError):
    """This caller may not do this."""

    code = "forbidden"
    status = 403


class NotFound(RequestError):
    """It does not exist, or belongs to another owner; the answer is the same."""

    code = "not_found"
    status = 404


class Conflict(RequestError):
    """The thing exists, and its state or its content does not allow this."""

    code = "conflict"
    status = 409


class TooLarge(RequestError):
    """The input is larger than the limit that the text names."""

    code = "too_large"
    status = 413


class InvalidInput(RequestError):
    """A field of the input is missing or wrong."""

    code = "invalid_input"
    status = 422


class TooManyRequests(RequestError):
    """The caller is over a quota. The details name the `limit` and the seconds to `retry_after`."""

    code = "too_many_requests"
    status = 429


class Unavailable(RequestError):
    """A part that this needs does not answer now; the same request may work later."""

    code = "unavailable"
    status = 503


def _text(message: object) -> str:
    """The message without characters that cannot be stored or shown; a `Sentence` stays one."""
    text = clean(str(message), lines=True, most=LONGEST_TEXT)
    if not isinstance(message, Sentence):
        return text
    parameters = {name: _text(value) if isinstance(value, str) else value for name, value in message.parameters.items()}
    return Sentence(text, message.template, parameters)


def _wait(seconds: float | None) -> float | None:
    """A provider's word on when to come back, where it is a time at all."""
    return seconds if seconds is not None and math.isfinite(seconds) and 0 <= seconds <= LONGEST_WAIT else None


def _rebuild(kind: type[Any], message: str, kwargs: dict[str, Any]) -> Any:
    return kind(message, **kwargs)


# ── how an attempt at a stage failed ─────────────────────────────────────────────────────────────


class StageError(StagepassError):
    """An attempt at a stage failed.

    Args:
        message: what happened, without keys, personal data or the provider's raw answer.
        provider: who it happened with (``suno``), if anyone.
        retry_after: seconds to wait before it is worth asking again, if the provider said so.
        advice: what a person can do next, if they must.
        not_done: True where it is certain that nothing was bought or started, although no answer came
            (a refused connection). Only `ctx.once` looks at it.
        estimated: `retry_after` is a usual value, since the provider named none: it closes the provider for so
            long, and a stage's own wait for this error goes before it.
        reason: what is at fault, where that matters to an operator: ``key`` for a rejected API key.
    """

    code = "stage_error"
    retryable: ClassVar[bool] = False
    answered: ClassVar[bool] = True
    """The provider answered, so nothing was bought by a call that raised this."""

    # Also for a subclass whose own constructor does not call this one.
    message: str = ""
    provider: str | None = None
    retry_after: float | None = None
    advice: str | None = None
    not_done: bool = False
    estimated: bool = False
    reason: str | None = None

    def __init__(
        self,
        message: str = "",
        *,
        provider: str | None = None,
        retry_after: float | None = None,
        advice: str | None = None,
        not_done: bool = False,
        estimated: bool = False,
        reason: str | None = None,
    ) -> None:
        self.message = _text(message)
        super().__init__(self.message)
        self.provider = provider and clean(provider, most=60)
        self.retry_after = _wait(retry_after)
        self.advice = advice and _text(advice)
        self.not_done = not_done
        self.estimated = estimated
        self.reason = reason and clean(reason, most=60)

    def __reduce__(self) -> tuple[Any, ...]:
        kwargs = {
            "provider": self.provider,
            "retry_after": self.retry_after,
            "advice": self.advice,
            "not_done": self.not_done,
            "estimated": self.estimated,
            "reason": self.reason,
        }
        return _rebuild, (type(self), self.message, kwargs)


class Transient(StageError):
    """It may work the next time: a lost connection, a 5xx, an overloaded server."""

    code = "transient"
    retryable = True
    answered = False


class RateLimited(Transient):
    """The provider's rate limit is reached. `retry_after` applies to all workers that use the provider."""

    code = "rate_limited"
    answered = True


class TimedOut(Transient):
    """A limit of time passed: of the attempt, of a wait, or of a call."""

    code = "timed_out"


class TaskFailed(Transient):
    """A remote task ended without a result. A new order may work."""

    code = "task_failed"
    answered = True


class QuotaExhausted(StageError):
    """The account has no credit or quota left: retries would only burn what is left of it."""

    code = "quota_exhausted"


class Permanent(StageError):
    """The same input will fail again: a wrong request, a missing key, a bug."""

    code = "permanent"


class InvalidOutput(StageError):
    """The provider's answer does not fit the type that was asked for, also after one repair."""

    code = "invalid_output"


class Blocked(StageError):
    """The provider refused the content."""

    code = "blocked"


class OutcomeUnknown(StageError):
    """A call that may have cost money was cut off before its answer was kept; a person decides."""

    code = "outcome_unknown"
    answered = False


class ChildFailed(StageError):
    """A job that the stage had started and waited for failed, or was cancelled.

    Args:
        child: that job's id.
    """

    code = "child_failed"

    def __init__(self, message: str = "", *, child: str = "", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.child = child

    def __reduce__(self) -> tuple[Any, ...]:
        kind, (_, message, kwargs) = super().__reduce__()
        return kind, (type(self), message, {**kwargs, "child": self.child})


class CallChanged(StageError):
    """A `ctx` call stands where another one stood when this stage run began: the code changed under it."""

    code = "call_changed"


class WorkerLost(StageError):
    """The worker process died during each of several attempts at this stage run."""

    code = "worker_lost"
