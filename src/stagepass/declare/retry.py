"""When a failed attempt is followed by another."""

import difflib
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from stagepass.declare.values import Duration, seconds
from stagepass.errors import DeclarationError, StageError


@dataclass(frozen=True, slots=True)
class Again:
    """Exception for one error code: number of retries, and wait before each."""

    times: int | None = None
    wait: Duration | None = None


class Retry:
    """Number of retries of a stage, and the wait before each.

    Args:
        times: retries after the first attempt.
        wait: before the first retry.
        factor: each further wait is this many times the one before.
        at_most: no wait is longer.
        jitter: each wait is made longer or shorter by up to this share, so that retries do not march in step.
        special: by error code (``"rate_limited"``), what holds instead.
        on: exceptions of your own, or of a library, that may pass, beside those that Stagepass knows.
    """

    def __init__(
        self,
        times: int = 3,
        *,
        wait: Duration = "1s",
        factor: float = 2.0,
        at_most: Duration = "10m",
        jitter: float = 0.1,
        special: Mapping[str, Again] | None = None,
        on: type[Exception] | Iterable[type[Exception]] = (),
    ) -> None:
        if isinstance(times, bool) or not isinstance(times, int):
            raise DeclarationError(f"Retry: times={times!r} is not a whole number; write Retry(3)")
        if times < 0 or not 1 <= factor < 1e6 or not 0 <= jitter < 1:
            raise DeclarationError("Retry: times must be ≥ 0, factor from 1 and jitter from 0 to below 1")
        self.times = times
        self.wait = seconds(wait)
        self.factor = factor
        self.at_most = seconds(at_most)
        self.jitter = jitter
        self.special = _special(special)
        self.on = _on(on)

    def next_wait(
        self,
        error: StageError,
        *,
        failures: int,
        same_failures: int,
        dice: Callable[[float, float], float] = random.uniform,
    ) -> float | None:
        """Seconds to wait before the next attempt, or None when there is to be none.

        Args:
            failures: how many attempts have failed, this one included.
            same_failures: how many of them with this error's code.
            dice: gives a number between two others.
        """
        special = self.special.get(error.code)
        if not error.retryable and special is None:
            return None
        if special and special.times is not None:
            if same_failures > special.times:
                return None
        elif failures > self.times:
            return None
        wait = self.wait * self.factor ** min(failures - 1, 64)
        if special and special.wait is not None:
            wait = seconds(special.wait)
        own = error.estimated and special is not None and special.wait is not None
        if error.retry_after and not own:  # the provider knows better; never earlier than it said
            return error.retry_after * (1 + dice(0, self.jitter))
        return min(wait * (1 + dice(-self.jitter, self.jitter)), self.at_most)

    def left(self, error: StageError, *, failures: int, same_failures: int) -> int:
        """Retries that are left after a failure, the next one included. Arguments as for `next_wait`."""
        special = self.special.get(error.code)
        if special and special.times is not None:
            return max(0, special.times - same_failures + 1)
        return max(0, self.times - failures + 1) if error.retryable or special else 0


def _special(given: Mapping[str, Again] | None) -> dict[str, Again]:
    codes = sorted(_codes(StageError))
    for code, again in (given or {}).items():
        if code not in codes:
            raise DeclarationError(
                f"Retry: special names {code!r}, which is no error's code; {_known(str(code), codes)}"
            )
        if not isinstance(again, Again):
            raise DeclarationError(f'Retry: special[{code!r}] is {again!r}; write Again(times=1), or Again(wait="5m")')
    return dict(given or {})


def _codes(kind: type[StageError]) -> set[str]:
    return {kind.code}.union(*map(_codes, kind.__subclasses__()))


def _known(given: str, codes: list[str]) -> str:
    close = difflib.get_close_matches(given, codes, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(codes)}"


def _on(given: type[Exception] | Iterable[type[Exception]]) -> tuple[type[Exception], ...]:
    kinds = (given,) if isinstance(given, type) else tuple(given)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise DeclarationError(f"Retry: on={kind!r} is not an exception's class; write on=(MyError,)")
        if issubclass(kind, StageError) and not kind.retryable:
            raise DeclarationError(
                f"Retry: on={kind.__name__} is an error of Stagepass; write special={{{kind.code!r}: Again(times=1)}}"
            )
    return kinds
