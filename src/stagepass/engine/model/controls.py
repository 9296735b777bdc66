"""What an operator has set at run time: pauses, and limits that replace those of the settings.

A claim obeys pauses and the limits of queues in the statement that looks for ready runs. The limits of providers, and
providers that are closed by hand, are copied to Redis, where calls ask; SQL keeps them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from stagepass.engine.model.limits import Limit

EVERYTHING = "*"
"""Name of the pause of everything."""


class Scope(StrEnum):
    """What a pause or a limit is for."""

    ALL = "all"
    PIPELINE = "pipeline"
    QUEUE = "queue"
    OWNER = "owner"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing of this starts; what runs continues. A paused provider is closed: its calls wait."""

    scope: Scope
    name: str
    since: int
    actor: str
    why: str | None = None

    def holds(self, queue: str, owner: str) -> bool:
        """Whether it keeps a ready run of this queue and owner from being claimed."""
        match self.scope:
            case Scope.ALL:
                return True
            case Scope.PIPELINE:
                return queue.partition(".")[0] == self.name
            case Scope.QUEUE:
                return queue == self.name
            case Scope.OWNER:
                return owner == self.name
        return False


@dataclass(frozen=True, slots=True)
class RuntimeLimit:
    """Limits of a provider's calls; or of a queue's stage runs that run at the same time, over all workers."""

    scope: Scope
    name: str
    limit: Limit
    since: int
    actor: str
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Controls:
    """What claims have to obey."""

    pauses: tuple[Pause, ...] = ()
    concurrency: Mapping[str, int] = field(default_factory=dict)
    """By queue."""

    def holds(self, queue: str, owner: str) -> bool:
        """Whether a pause keeps this from starting."""
        return any(pause.holds(queue, owner) for pause in self.pauses)


NOTHING = Controls()
