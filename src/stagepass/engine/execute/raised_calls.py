"""Errors that the calls of a pass raised: should one leave the stage, its call is tried again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stagepass.engine.model.outcomes import Failure
from stagepass.errors import TaskFailed, Transient


@dataclass(slots=True)
class _Raised:
    """An error that a call of this pass raised, and what is dropped should it leave the stage."""

    problem: BaseException
    key: str
    drop: tuple[str, ...]
    began: tuple[str, int] | None = None
    """The wait that continues across attempts, and its start: `at_most` starts once."""
    children: tuple[str, ...] = ()
    """Calls whose child is sent on by the next try."""


class RaisedCalls:
    """The errors of one pass.

    Args:
        waits: by call: when a wait that is under way began.
    """

    def __init__(self, waits: dict[str, int]) -> None:
        self._waits = waits
        self._raised: list[_Raised] = []

    def track(
        self, problem: BaseException, key: str, own: str, *, drop: Sequence[str] = (), children: Sequence[str] = ()
    ) -> None:
        """A call raises this now: should it leave the stage, that call is tried again."""
        name = wait_name(key, own)
        since = self._waits.pop(name, None)
        goes_on = since is not None and key.startswith("~wait:") and not begins_anew(problem)
        children = children or ([own] if key.startswith("~run:") else [])
        began = (name, since) if goes_on and since is not None else None
        self._raised.append(_Raised(problem, key, (key, *drop), began, tuple(children)))

    def knows(self, problem: BaseException, key: str) -> bool:
        return any(one.problem is problem and one.key == key for one in self._raised)

    def blame(self, problem: BaseException, failure: Failure) -> None:
        """The stage failed: say which call it was, and what is dropped so that it can be tried again."""
        own = [one for one in self._raised if any(one.problem is leaf for leaf in _leaves(problem))]
        failure.call = own[0].key if own else ""
        failure.drop = [name for one in own for name in one.drop]
        failure.again = [child for one in own for child in one.children]
        for one in own:
            if one.began is not None:
                self._waits.setdefault(*one.began)


def wait_name(key: str, own: str) -> str:
    """The name in the run's notes of the wait that a call makes."""
    return own if key.startswith("~wait:") else key.removeprefix("~")


def begins_anew(problem: BaseException) -> bool:
    """Whether a wait with this outcome is over: a failed poll or a deadline keeps the elapsed time."""
    return isinstance(problem, TaskFailed) or not isinstance(problem, (Transient, OSError))


def _leaves(problem: BaseException) -> Iterator[BaseException]:
    yield problem
    if isinstance(problem, BaseExceptionGroup):
        for inner in problem.exceptions:
            yield from _leaves(inner)
