"""What a pipeline's own routes may use: `routes.py` beside its `pipeline.py` defines `make_router(deps)`.

Most pipelines need no routes of their own: the API gives each of them submit, list, events and results.
"""

from collections.abc import Callable
from typing import Any, Protocol

from stagepass.engine.engine import Engine
from stagepass.engine.operations import Accepted
from stagepass.engine.records import Job


class RouteDeps(Protocol):
    """Handed to `make_router`. The routers that it returns are mounted below ``/api/v1``."""

    engine: Engine

    @property
    def owner(self) -> Callable[..., Any]:
        """For `Depends`: the caller's name. Every route that touches a person's things depends on it."""
        ...

    @property
    def key(self) -> Callable[..., Any]:
        """For `Depends`: the request's idempotency key, or None."""
        ...

    def read_input(self, pipeline: str) -> Callable[..., Any]:
        """For `Depends`: the input that a request brings for that pipeline, as JSON or as a form with files."""
        ...

    def submit(
        self, pipeline: str, incoming: Any, *, owner: str, key: str | None = None, stepwise: bool = False
    ) -> Accepted:
        """Accept a job of what `read_input` gave."""
        ...

    def body(self, pipeline: str) -> dict[str, Any]:
        """For `openapi_extra`: what `read_input` takes."""
        ...

    def job(self, job_id: str, owner: str) -> Job:
        """The owner's job. Raises `NotFound`, also for text that is no id."""
        ...

    def with_links(self, job: Job, value: Any) -> Any:
        """A stored output with a signed link in each file's place."""
        ...
