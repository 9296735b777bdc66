"""Finds the routes that pipelines bring: a `routes.py` beside a `pipeline.py`, with `make_router(deps)`."""

import importlib
import importlib.util
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from fastapi import APIRouter, FastAPI, Request

from stagepass.api import intake
from stagepass.api.deps import PREFIX, current_owner, idempotency_key, owned_job
from stagepass.api.openapi import input_body
from stagepass.api.show import with_links
from stagepass.api.uploads import Incoming, read_input
from stagepass.bootstrap import System
from stagepass.engine.operations import Accepted
from stagepass.engine.pipeline import Pipeline
from stagepass.engine.records import Job
from stagepass.errors import DeclarationError


class Deps:
    """See `stagepass.pipelines.http.RouteDeps`."""

    def __init__(self, system: System) -> None:
        self.engine = system.engine
        self.owner: Callable[..., Any] = current_owner
        self.key: Callable[..., Any] = idempotency_key
        self._system = system

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

    def submit(
        self, pipeline: str, incoming: Any, *, owner: str, key: str | None = None, stepwise: bool = False
    ) -> Accepted:
        return intake.submit(self._system, pipeline, incoming, owner=owner, key=key, stepwise=stepwise)

    def body(self, pipeline: str) -> dict[str, Any]:
        return {"requestBody": input_body(self._system.registry.latest(pipeline))}

    def job(self, job_id: str, owner: str) -> Job:
        return owned_job(self._system, job_id, owner)

    def with_links(self, job: Job, value: Any) -> Any:
        return with_links(self._system, job, value)


def mount_pipelines(app: FastAPI, system: System) -> None:
    """Mount every pipeline's own routes. Raises `DeclarationError` for a `routes.py` that makes none."""
    deps = Deps(system)
    folders: dict[str, str] = {}
    for pipeline in system.registry:
        for folder in _folders_of(pipeline):
            folders.setdefault(folder, pipeline.name)
    for folder, name in folders.items():
        routes = f"{folder}.routes"
        if importlib.util.find_spec(routes) is None:
            continue
        make = getattr(importlib.import_module(routes), "make_router", None)
        router = make(deps) if callable(make) else None
        if not isinstance(router, APIRouter):
            raise DeclarationError(f"{routes}: define make_router(deps) that returns a fastapi.APIRouter")
        app.include_router(router, prefix=PREFIX, tags=[name])


def _folders_of(pipeline: Pipeline) -> Iterator[str]:
    """The package whose module `pipeline` made it; several pipelines may share one."""
    for name, module in sorted(sys.modules.items()):
        if name.endswith(".pipeline") and any(value is pipeline for value in list(vars(module).values())):
            yield name.rpartition(".")[0]
            return
