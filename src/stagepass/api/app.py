"""The app: routes, errors, the edge, and the news of this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from anyio import to_thread
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from stagepass import heap
from stagepass.api import (
    approvals,
    audit,
    bulk,
    callbacks,
    controls,
    dead,
    docs,
    doctor,
    events,
    files,
    health,
    jobs,
    me,
    messages,
    metrics,
    money,
    pipelines,
    problems,
    schedules,
    why,
)
from stagepass.api.edge import Edge
from stagepass.api.metrics import Metrics
from stagepass.api.mount import mount_pipelines
from stagepass.api.openapi import describe
from stagepass.api.quotas import Quotas
from stagepass.api.sse import Encoder
from stagepass.auth.authenticate import make_authenticate
from stagepass.auth.hosts import Hosts
from stagepass.bootstrap import System, keep_private, load_system
from stagepass.bus.connect import sync_client
from stagepass.doctor.presence import Presence
from stagepass.providers.fetching.turns import Turns

_ROUTERS = (
    pipelines,
    jobs,
    why,
    money,
    events,
    dead,
    files,
    messages,
    callbacks,
    approvals,
    schedules,
    controls,
    bulk,
    audit,
    me,
    health,
    doctor,
    metrics,
    docs,
)

_TAGS = [
    {"name": "pipelines", "description": "All pipelines and their inputs"},
    {"name": "jobs", "description": "Submit, show, cancel and resume jobs, and fetch results"},
    {"name": "events", "description": "Watch a job live"},
    {"name": "providers", "description": "Which of them are closed for now"},
    {"name": "dead letters", "description": "What is out of attempts, and what to do about it"},
    {"name": "files", "description": "Results by signed links"},
    {"name": "callbacks", "description": "For providers"},
    {"name": "approvals", "description": "Questions to a person, answered through a signed link"},
    {"name": "schedules", "description": "What is submitted by the clock"},
    {"name": "operations", "description": "What operators do, and the log of it"},
    {"name": "privacy", "description": "Delete what is yours"},
    {"name": "health", "description": "For operators"},
]


def create_app(system: System) -> FastAPI:
    """The API of one process.

    Raises:
        SettingsError: the settings are not safe to serve under; the text names the fix.
    """
    authenticate = make_authenticate(system.settings)
    feed = system.feed()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await feed.start()
        try:
            yield
        finally:
            await feed.stop()
            app.state.redis.close()
            if app.state.presence is not None:
                await to_thread.run_sync(app.state.presence.stop)

    app = FastAPI(
        title="Stagepass",
        version=version("stagepass"),
        summary="Run multi-stage AI jobs that survive crashes, restarts and retries",
        openapi_tags=_TAGS,
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,  # our own, see `docs`
        redoc_url=None,
    )
    app.state.system = system
    app.state.authenticate = authenticate
    app.state.feed = feed
    app.state.presence = None
    quotas = app.state.quotas = Quotas(system.settings, system.store)
    system.engine.admit = quotas.admit
    app.state.turns = Turns(queue=100)
    app.state.encoder = Encoder()
    app.state.metrics = Metrics(system, feed)
    app.state.redis = sync_client(system.redis_url, timeout=1.0)
    problems.install(app)
    for module in _ROUTERS:
        app.include_router(module.router)
    mount_pipelines(app, system)
    _describe_itself(app, system)
    app.add_middleware(
        Edge,
        hosts=Hosts(system.settings),
        largest=max(system.settings.max_input_bytes, callbacks.LARGEST),
        routes={id(route.original_route): route.path or "-" for route in iter_route_contexts(app.routes)},
        seen=app.state.metrics.seen,
    )
    return app


def _describe_itself(app: FastAPI, system: System) -> None:
    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(app, system)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def make() -> FastAPI:
    """For ``uvicorn --factory stagepass.api.app:make``."""
    keep_private()
    system = load_system()
    system.configure_logging()
    app = create_app(system)
    app.state.presence = Presence(system.sources, "api").start()
    heap.settle()
    return app
