"""A lock that a process holds while it lives, and what the relay sees of all of them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass


class ProcessLock(ABC):
    """Of one process; whatever ends the process releases it."""

    @abstractmethod
    def take(self) -> int | None:
        """Take one. Returns its key, or None where none can be had, as behind a pool. Raises `StoreUnavailable`."""

    @abstractmethod
    def lost_within(self, seconds: float) -> bool:
        """Whether it is lost, though the process lives. Waits that long for it."""

    @abstractmethod
    def close(self) -> None:
        """Let go."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A worker that says that it holds a lock."""

    worker: str
    beat: int
    is_free: bool
    """No process holds it: that one is dead, or has lost its connection and will say so."""


@dataclass(frozen=True, slots=True)
class LockLook:
    """One look at the locks."""

    workers: Sequence[Watched]
    same_session: bool
    """The server is known to be the one of the last look: a restart releases every lock, and kills no worker."""
