"""``stagepass api``: run only the HTTP API."""

import os
import socket
from typing import Annotated

import typer

from stagepass.cli import port as ports


def api(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: HOST, or 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on. Default: PORT, or 8000.", min=0, max=65535)
    ] = None,
    fd: Annotated[int | None, typer.Option("--socket", help="A bound socket to listen on.", hidden=True)] = None,
) -> None:
    """Run the HTTP API: jobs, live events, result files.

    `stagepass up` runs one. You can run several behind a load balancer; they share only the database and Redis.

    [bold]Example[/bold]

      DATABASE_URL=postgresql://me@db/stagepass REDIS_URL=redis://cache stagepass api --host 0.0.0.0 --port 8000
    """
    from stagepass import preflight
    from stagepass.auth.authenticate import make_authenticate
    from stagepass.cli.service import begin

    if host is not None:
        os.environ["HOST"] = host  # what the settings check is where it really listens
    system = begin()
    settings = system.settings
    make_authenticate(settings)
    host, port = settings.host if host is None else host, settings.port if port is None else port
    listening = socket.socket(fileno=fd) if fd is not None else ports.bind(host, port)
    preflight.wait_for_services(system, "api")
    system.store.check()
    _serve(listening, settings.max_connections)


def _serve(listening: socket.socket, most: int) -> None:
    import uvicorn

    from stagepass import descriptors

    descriptors.raise_limit()
    config = uvicorn.Config(
        "stagepass.api.app:make",  # by name: the ways in do not import each other
        factory=True,
        log_config=None,
        access_log=False,
        http="stagepass.api.deadlines:Deadlines",
        limit_concurrency=min(most, descriptors.connections()),
        proxy_headers=False,  # the peer's own address decides whom AUTH_MODE=header believes
        # event streams are open-ended: clients reconnect and continue where they were
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run(sockets=[listening])
