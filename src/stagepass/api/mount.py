"""Finds the routes that pipelines bring: a `routes.py` beside a `pipeline.py`, with `make_router(deps)`."""

import importlib
import importlib.util
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from stagepass.api import events, intake
from stagepass.api.body import read_bytes
from stagepass.api.deps import PREFIX, acting_owner, current_owner, idempotency_key, owned_job
from stagepass.api.openapi import input_body
from stagepass.api.uploads import Incoming, read_input
from stagepass.bootstrap import System
from stagepass.declare.pipeline import Pipeline
from stagepass.engine.commit.operations import Accepted
from stagepass.engine.maintain.pruner import delete_jobs
from stagepass.engine.model.actors import AuditEntry, current_actor
from stagepass.engine.model.ports import FileStore
from stagepass.engine.model.records import Job
from stagepass.errors import DeclarationError
from stagepass.pipelines.http import Tell
from stagepass.providers.fetching.turns import Turns
from stagepass.views.files import lasting_link, with_links

T = TypeVar("T")


class Deps:
    """See `stagepass.pipelines.http.RouteDeps`."""

    def __init__(self, system: System, turns: Turns) -> None:
        self.engine = system.engine
        self.files: FileStore = system.files
        self.environ = system.providers.environ
        self.largest_upload = system.settings.max_upload_bytes
        self.public_url = system.settings.public_url.rstrip("/")
        self.owner: Callable[..., Any] = current_owner
        self.actor: Callable[..., Any] = acting_owner
        self.key: Callable[..., Any] = idempotency_key
        self._system = system
        self._turns = turns

    def read_input(self, pipeline: str) -> Callable[..., Any]:
        system = self._system

        async def incoming(request: Request) -> AsyncIterator[Incoming]:
            found = await read_input(request, system.registry.latest(pipeline).input, system.settings)
            try:
                yield found
            finally:
                for upload in found.uploads:
                    upload.content.close()

        return incoming

    async def read_body(self, request: Request, most: int) -> bytes:
        return await read_bytes(request, most)

    async def in_turn(self, owner: str, work: Callable[[], T]) -> T:
        return await self._turns.run(owner, work)

    def submit(
        self, pipeline: str, incoming: Any, *, owner: str, key: str | None = None, stepwise: bool = False
    ) -> Accepted:
        return intake.submit(self._system, pipeline, incoming, owner=owner, key=key, stepwise=stepwise)

    def sign(self, purpose: str, payload: dict[str, Any], expires_in: float) -> str:
        return self._system.links.sign(purpose, payload, expires_in)

    def verify(self, purpose: str, token: str) -> dict[str, Any]:
        return self._system.links.verify(purpose, token)

    def stored(self, name: str) -> list[str]:
        return self._system.store.files_of([name])

    def stream(self, request: Request, job: Job, tell: Tell) -> Response:
        return events.respond(request, job, tell)

    def body(self, pipeline: str) -> dict[str, Any]:
        return {"requestBody": input_body(self._system.registry.latest(pipeline))}

    def job(self, job_id: str, owner: str) -> Job:
        return owned_job(self._system, job_id, owner)

    def with_links(self, job: Job, value: Any) -> Any:
        return with_links(self._system, job, value)

    def lasting_link(self, job: Job, file: Mapping[str, Any]) -> str | None:
        return lasting_link(self._system, job, file)

    @property
    def fast_lane_seconds(self) -> float:
        return self._system.settings.fast_lane_seconds

    def served(self) -> set[str]:
        return self._system.liveness.served(self._system.store.workers(), self._system.engine.clock.now())

    def delete(self, job_ids: Sequence[str]) -> None:
        store, now = self._system.store, self._system.engine.clock.now()
        delete_jobs(store, self._system.files, job_ids)
        if by := current_actor():
            for job_id in job_ids:
                store.note_audit(AuditEntry(now, by, "delete", f"job:{job_id}"))


def mount_pipelines(app: FastAPI, system: System) -> None:
    """Mount every pipeline's own routes. Raises `DeclarationError` for a `routes.py` that makes none."""
    deps = Deps(system, app.state.turns)
    folders = dict.fromkeys(folder for pipeline in system.registry for folder in _folders_of(pipeline))
    for folder in folders:
        routes, name = f"{folder}.routes", folder.rpartition(".")[2]
        if importlib.util.find_spec(routes) is None:
            continue
        module = importlib.import_module(routes)
        make = getattr(module, "make_router", None)
        router = make(deps) if callable(make) else None
        if not isinstance(router, APIRouter):
            raise DeclarationError(f"{routes}: define make_router(deps) that returns a fastapi.APIRouter")
        wrap = getattr(module, "middleware", None)
        if wrap is not None:
            app.add_middleware(wrap, deps=deps)
        app.include_router(router, prefix=getattr(module, "PREFIX", PREFIX), tags=[name])


def _folders_of(pipeline: Pipeline) -> Iterator[str]:
    """The package whose module `pipeline` made it; several pipelines may share one."""
    for name, module in sorted(sys.modules.items()):
        if name.endswith(".pipeline") and any(value is pipeline for value in list(vars(module).values())):
            yield name.rpartition(".")[0]
            return
