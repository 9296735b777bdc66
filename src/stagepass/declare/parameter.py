"""Source of the value of a stage's parameter."""

from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, TypeAdapter

T = TypeVar("T")


class Settled(BaseModel, Generic[T]):
    """Outcome of one item of a stage with ``collect="settled"``: its output or its error."""

    item: int
    output: T | None = None
    error: dict[str, Any] | None = None


class JobFailure(BaseModel):
    """Why a job has failed: `ctx.failure`."""

    code: str
    """Stable; decide by it."""
    message: str = ""
    stage: str | None = None
    item: int | None = None
    provider: str | None = None
    advice: str | None = None


Source = Literal["ctx", "request", "stage", "own", "item", "port"]
"""`own`: the output of the very run that an undo undoes."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a stage, and where its value comes from.

    `adapter` reads the stored JSON; a port has none.
    """

    name: str
    source: Source
    type: Any
    adapter: TypeAdapter[Any] | None = None
    listed: bool = False
    """The output of a stage with `each`: a list of the items' outputs."""
