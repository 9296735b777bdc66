"""``stagepass up``: everything for one machine, with nothing to configure."""

import json as json_
import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagepass.cli import port as ports
from stagepass.cli.installation import shown
from stagepass.cli.output import Json, as_json, err, note, waiting, warn
from stagepass.cli.texts import language, text
from stagepass.sentences import sentence

if TYPE_CHECKING:
    from stagepass.bootstrap import System
    from stagepass.cli.supervise import Orders
    from stagepass.declare.pipeline import Pipeline
    from stagepass.settings import Settings
    from stagepass.worker_groups import Group

SHOWN = "promo"
"""The pipeline that a newcomer is shown."""

Data = Annotated[Path | None, typer.Option("--data", help="Data folder. Default: DATA_DIR, or ./.stagepass.")]


def up(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: HOST, or 127.0.0.1.")] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on; 0 picks a free one. Default: PORT, or 8000.", min=0, max=65535),
    ] = None,
    data: Data = None,
    workers: Annotated[
        str | None,
        typer.Option(
            help='Worker groups, such as "promo.lyric=4 promo.song,promo.video=2". Default: WORKERS, or by stage.'
        ),
    ] = None,
    no_redis: Annotated[
        bool, typer.Option("--no-redis", help="Do not start a Redis server; set REDIS_URL or BROKER_URL.")
    ] = False,
    json: Json = False,
) -> None:
    """Start everything on this machine: database, Redis, API, workers, relay.

    Needs no configuration. Processes that die are restarted. Ctrl-C or SIGTERM waits for running work first.
    With --json, prints one line when everything is ready.

    [bold]Examples[/bold]

      stagepass up

      stagepass up --port 8080 --data /var/lib/stagepass

      stagepass up --workers "promo.lyric=4 promo.song,promo.video=2"

      DATABASE_URL=postgresql://me@db/stagepass BROKER_URL=amqp://mq stagepass up --host 0.0.0.0
    """
    from stagepass.cli import supervise
    from stagepass.embedded.lock import FolderLock
    from stagepass.settings import Settings

    began = time.monotonic()
    given = {"host": host, "port": port, "data_dir": data and data.resolve(), "workers": workers}
    settings = Settings.load(**{name: value for name, value in given.items() if value is not None})
    lock = _locked(FolderLock(settings.folder))
    held = ports.bind(settings.host, settings.port)
    settings = settings.model_copy(update={"port": held.getsockname()[1]})
    system, groups = _prepare(settings, no_redis=no_redis)
    supervise.become(_orders(system, groups, lock.fds, held.fileno(), began, redis=not no_redis))


def _locked(lock: Any) -> Any:
    from stagepass.errors import Conflict, SettingsError

    try:
        return lock.acquire()
    except SettingsError as problem:
        raise Conflict(sentence("{problem}: stagepass up --data OTHER", problem=problem)) from None


def _prepare(settings: "Settings", *, no_redis: bool) -> "tuple[System, list[Group]]":
    """Whatever can be wrong is found here, before anything is started."""
    from stagepass import preflight
    from stagepass.auth.authenticate import make_authenticate
    from stagepass.bootstrap import load_system
    from stagepass.errors import SettingsError
    from stagepass.worker_groups import worker_groups

    make_authenticate(settings)
    if no_redis and not (settings.redis_url or settings.broker_url):
        raise SettingsError(sentence("--no-redis needs a broker: set REDIS_URL=redis://… or BROKER_URL=amqp://…"))
    system = load_system(settings)
    preflight.check(system)
    for warning in preflight.warnings(system):
        warn(warning)
    groups = worker_groups(system.registry, settings.workers)
    served = {queue for group in groups for queue in group.queues}
    if missing := [queue for queue in system.registry.queues() if queue not in served]:
        note("up.unserved", style="yellow", queues=", ".join(missing))
    system.check_needs(tuple(served))
    preflight.wait_for_services(system, "up", waiting)
    system.prepare_database()
    return system, groups


def _orders(
    system: "System", groups: "list[Group]", lock: tuple[int, ...], socket: int, began: float, *, redis: bool
) -> "Orders":
    from stagepass.cli.plan import Plan
    from stagepass.cli.supervise import Orders
    from stagepass.worker_groups import stages_of

    settings, registry = system.settings, system.registry
    secrets = {
        group.name: set().union(*(system.providers.secrets(stage) for stage in stages_of(registry, group.queues)))
        for group in groups
    }
    auto = "text" if sys.stderr.isatty() else "json"
    log_format = auto if settings.log_format == "auto" else settings.log_format
    facts = _facts(system)
    return Orders(
        children=Plan(settings, groups, secrets, socket, lock[-1:], log_format).children(),
        redis=str(settings.folder) if redis and settings.embedded_redis else None,
        host=settings.host,
        port=settings.port,
        wanted=sorted({queue for group in groups for queue in group.queues}),
        began=began,
        banner="" if as_json() else _banner(system, facts),
        facts=facts if as_json() else None,
        waiting_api=text("up.waiting_api"),
        waiting_workers=text("up.waiting_workers"),
        hold=[*reversed(lock), socket],
    )


def _facts(system: "System") -> dict[str, Any]:
    """Address, data folder and pipelines of this installation."""
    settings = system.settings
    host = ports.reachable(settings.host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
    return {
        "ready": True,
        "url": url,
        "docs": f"{url}/docs",
        "data": str(settings.folder),
        "pipelines": [pipeline.name for pipeline in system.registry],
        "pid": os.getpid(),
    }


def _banner(system: "System", facts: dict[str, Any]) -> str:
    """The same for people, rendered here because the supervisor cannot use colours."""
    from rich.panel import Panel
    from rich.table import Table

    from stagepass.cli.supervise import SECONDS

    rows = Table.grid(padding=(0, 2))
    for code, value in (
        ("up.url", facts["url"]),
        ("up.docs", facts["docs"]),
        ("up.data", shown(system.settings.folder)),
        ("up.pipelines", ", ".join(facts["pipelines"]) or text("up.none")),
        ("up.try", _first_steps(system)),
        ("up.stop", "Ctrl-C"),
    ):
        rows.add_row(f"[dim]{text(code)}[/dim]", value)
    console = err()
    with console.capture() as drawn:
        title = text("up.ready", seconds=SECONDS)
        console.print(Panel(rows, title=title, title_align="left", border_style="green", expand=False))
    return drawn.get()


def _first_steps(system: "System") -> str:
    """A command for another terminal that runs as it is: the pipeline's first example supplies the values."""
    first = min(system.registry, key=_interest, default=None)
    if first is None:
        return "stagepass new hello"
    folder = system.settings.folder
    where = [] if folder == Path.cwd() / ".stagepass" else [f"DATA_DIR={shlex.quote(shown(folder))}"]
    return " ".join([*where, "stagepass submit", first.name, *_values(first), "--watch"])


def _values(pipeline: "Pipeline") -> list[str]:
    """``--set`` options for the required fields, from an example that the reader of this language can read."""
    readable = (entry for entry in pipeline.examples if language() == "ko" or str(entry).isascii())
    example = dict(next(readable, next(iter(pipeline.examples), {})))
    options = []
    for name, field in pipeline.input.model_fields.items():
        if not field.is_required() and (name != "language" or name not in example):
            continue
        value = example.get(name, "VALUE")
        given = f"{name}={value}" if isinstance(value, str) else f"{name}:={json_.dumps(value, ensure_ascii=False)}"
        options.append(f"--set {shlex.quote(given)}")
    return options


def _interest(pipeline: "Pipeline") -> tuple[bool, bool]:
    """Their own before ours, and of ours the one with most to see."""
    return pipeline.input.__module__.startswith("stagepass."), pipeline.name != SHOWN
