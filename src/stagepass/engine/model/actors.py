"""People who act, their roles, and what the audit log keeps of each act.

The edge (the API's sign-in, the CLI) says once who acts; each act that follows is recorded under that name. What the
engine does by itself has no actor and leaves no entry.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """What a caller may do."""

    USER = "user"
    """Sees and acts on their own jobs."""
    VIEWER = "viewer"
    """Sees everything, without payloads unless a setting allows it, and acts on nothing."""
    OPERATOR = "operator"
    """Sees everything and acts on everything."""

    @property
    def sees_all(self) -> bool:
        """Whether other people's jobs are visible."""
        return self is not Role.USER


@dataclass(frozen=True, slots=True)
class Actor:
    """A person at one of the edges.

    Attributes:
        origin: where the request came from, such as ``api 10.0.0.7`` or ``cli build-3``.
        why: the reason that the person gave.
    """

    name: str
    role: Role
    origin: str
    why: str | None = None

    @property
    def scope(self) -> str | None:
        """The owner whose things they may see; None: everyone's."""
        return None if self.role.sees_all else self.name


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act of a person. `before` and `after` are what changed, as JSON values; never a payload."""

    at: int
    by: Actor
    act: str
    subject: str
    """What it was done to: ``job:ID``, ``run:ID``, ``queue:promo.song``, ``provider:suno``, …"""
    job_id: str | None = None
    owner: str | None = None
    """Of the job."""
    bulk_id: str | None = None
    """The bulk operation that it was part of."""
    before: Any = None
    after: Any = None
    id: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Act:
    """An act that is asked for; it becomes an entry in the transaction that carries it out."""

    name: str
    by: Actor
    details: dict[str, Any] = field(default_factory=dict)
    """Added to what is kept as the outcome."""
    bulk_id: str | None = None


_current: ContextVar[Actor | None] = ContextVar("stagepass_actor", default=None)


def set_actor(actor: Actor | None) -> None:
    """From here on in this context, this person acts."""
    _current.set(actor)


def current_actor() -> Actor | None:
    """Who acts in this context; None for what the engine does by itself."""
    return _current.get()


def act_of(name: str, **details: Any) -> Act | None:
    """The act of the current person. Details that are None are left out."""
    actor = _current.get()
    given = {key: value for key, value in details.items() if value is not None}
    return Act(name, actor, given) if actor is not None else None
