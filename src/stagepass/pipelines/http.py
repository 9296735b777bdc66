"""Dependencies of a pipeline's own routes: `routes.py` next to its `pipeline.py` defines `make_router(deps)`.

It may also name an ASGI class `middleware(app, deps)`, which is put around the whole app.
Most pipelines need no routes of their own: the API gives each of them submit, list, events and results.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from stagepass.engine.commit.operations import Accepted
from stagepass.engine.engine import Engine
from stagepass.engine.model.ports import FileStore
from stagepass.engine.model.records import Event, Job

T = TypeVar("T")

Tell = Callable[[Event], tuple[str, dict[str, Any]] | None]
"""An event in a pipeline's own format: its type and data; None if it is not shown."""


class RouteDeps(Protocol):
    """Handed to `make_router`. The router that it returns is mounted below ``/api/v1``, or below the module's `PREFIX`."""

    engine: Engine
    files: FileStore
    environ: Mapping[str, str]
    """The settings as the providers are given them."""
    largest_upload: int
    """Bytes."""
    public_url: str
    """Public URL of this API, without a trailing slash; empty if not set."""

    def sign(self, purpose: str, payload: dict[str, Any], expires_in: float) -> str:
        """A token that carries `payload` and is good for one purpose and `expires_in` seconds."""
        ...

    def verify(self, purpose: str, token: str) -> dict[str, Any]:
        """The payload of such a token. Raises `NotFound` or `Forbidden`."""
        ...

    def stored(self, name: str) -> list[str]:
        """The uris of the files that were kept under a name of 40 characters at most (`engine.store.keep_file`).

        One that begins with ``z`` is of a file that was sent ahead of a job: it is deleted after a day.
        """
        ...

    def stream(self, request: Request, job: Job, tell: Tell) -> Response:
        """The job's events as Server-Sent Events in a pipeline's own words: replayed, then live, to the end."""
        ...

    @property
    def owner(self) -> Callable[..., Any]:
        """For `Depends`: the caller's name. Every route that touches a person's things depends on it."""
        ...

    @property
    def actor(self) -> Callable[..., Any]:
        """The same for a GET that changes something: pages of other sites are refused, as they are for a POST."""
        ...

    @property
    def key(self) -> Callable[..., Any]:
        """For `Depends`: the request's idempotency key, or None."""
        ...

    def read_input(self, pipeline: str) -> Callable[..., Any]:
        """For `Depends`: the input that a request brings for that pipeline, as JSON or as a form with files."""
        ...

    async def read_body(self, request: Request, most: int) -> bytes:
        """A request's body of up to `most` bytes, once it is known that it may be sent. Raises `TooLarge`."""
        ...

    async def in_turn(self, owner: str, work: Callable[[], T]) -> T:
        """Run `work` on a separate thread, in the caller's turn. Raises `TooManyRequests`."""
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

    def lasting_link(self, job: Job, file: Mapping[str, Any]) -> str | None:
        """A link to a stored file of the job that is good for as long as the job is kept; None for a file of others."""
        ...

    @property
    def fast_lane_seconds(self) -> float:
        """Maximum time that a request waits for `engine.run_now`, in seconds."""
        ...

    def served(self) -> set[str]:
        """Queues that some live worker serves."""
        ...

    def delete(self, job_ids: Sequence[str]) -> None:
        """Delete jobs with all that belongs to them."""
        ...
