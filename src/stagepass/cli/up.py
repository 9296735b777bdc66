"""``stagepass up``: everything for one machine, with nothing to configure."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagepass.cli import port as ports
from stagepass.cli.output import Json, as_json, emit, err, note
from stagepass.cli.texts import text

if TYPE_CHECKING:
    from stagepass.bootstrap import System
    from stagepass.cli.groups import Group
    from stagepass.settings import Settings

Data = Annotated[Path | None, typer.Option("--data", help="Data folder. Default: DATA_DIR, or .stagepass here.")]


def up(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: HOST, or 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0: any free one. Default: PORT, or 8000.", min=0, max=65535)
    ] = None,
    data: Data = None,
    workers: Annotated[
        str | None,
        typer.Option(help='Worker groups: "promo.lyric=4 promo.song,promo.video=2". Default: WORKERS, or by stage.'),
    ] = None,
    no_redis: Annotated[
        bool, typer.Option("--no-redis", help="Start no Redis server; needs REDIS_URL or BROKER_URL.")
    ] = False,
    json: Json = False,
) -> None:
    """Start everything on this machine: database, Redis, API, workers, relay.

    Needs no configuration. What dies is started again; Ctrl-C or SIGTERM lets running work end first.
    With --json one line is printed when all is ready.

    [bold]Examples[/bold]

      stagepass up

      stagepass up --port 8080 --data /var/lib/stagepass

      stagepass up --workers "promo.lyric=4 promo.song,promo.video=2"

      DATABASE_URL=postgresql://me@db/stagepass BROKER_URL=amqp://mq stagepass up --host 0.0.0.0
    """
    from stagepass.embedded import parent
    from stagepass.embedded.console import Console
    from stagepass.embedded.lock import FolderLock
    from stagepass.embedded.supervisor import Supervisor
    from stagepass.settings import Settings

    began = time.monotonic()
    parent.watch()
    given = {"host": host, "port": port, "data_dir": data and data.resolve(), "workers": workers}
    settings = Settings.load(**{name: value for name, value in given.items() if value is not None})
    with _locked(FolderLock(settings.folder)) as lock:
        ports.wait_free(settings.host, settings.port, 0)
        with ports.bind(settings.host, settings.port) as held:
            settings = settings.model_copy(update={"port": held.getsockname()[1]})
            system, groups = _prepare(settings, no_redis=no_redis)
            plan = _plan(system, groups, held.fileno(), (lock.fd,), redis=settings.embedded_redis and not no_redis)
            children = plan.children(_Ready(system, groups, began))
            code = Supervisor(children, console=Console(sys.stderr)).run()
    raise typer.Exit(code)


def _locked(lock: Any) -> Any:
    from stagepass.errors import Conflict, SettingsError

    try:
        return lock.acquire()
    except SettingsError as problem:
        raise Conflict(f"{problem}: stagepass up --data OTHER") from None


def _prepare(settings: "Settings", *, no_redis: bool) -> "tuple[System, list[Group]]":
    """Whatever can be wrong is found here, before anything is started."""
    from stagepass.bootstrap import load_system
    from stagepass.cli.groups import worker_groups
    from stagepass.errors import SettingsError
    from stagepass.store import migrate

    if no_redis and not (settings.redis_url or settings.broker_url):
        raise SettingsError("--no-redis: then say where a broker is: REDIS_URL=redis://… or BROKER_URL=amqp://…")
    system = load_system(settings)
    groups = worker_groups(system.registry, settings.workers)
    served = {queue for group in groups for queue in group.queues}
    if missing := [queue for queue in system.registry.queues() if queue not in served]:
        note("up.unserved", style="yellow", queues=", ".join(missing))
    system.check_needs(tuple(served))
    if not migrate.is_current(settings.database):
        migrate.upgrade(settings.database)
    return system, groups


def _plan(system: "System", groups: "list[Group]", socket: int, hold: tuple[int, ...], *, redis: bool) -> Any:
    from stagepass.cli.groups import stages_of
    from stagepass.cli.plan import Plan

    secrets = {
        group.name: set().union(
            *(system.providers.secrets(stage) for stage in stages_of(system.registry, group.queues))
        )
        for group in groups
    }
    auto = "text" if sys.stderr.isatty() else "json"
    log_format = auto if system.settings.log_format == "auto" else system.settings.log_format
    return Plan(system.settings, groups, secrets, redis, socket, hold, log_format)


class _Ready:
    """Asked by the supervisor until it says yes: the API listens, and every queue has a worker. Then it says so."""

    def __init__(self, system: "System", groups: "list[Group]", began: float) -> None:
        self._system = system
        self._wanted = {queue for group in groups for queue in group.queues}
        self._began = began

    def __call__(self) -> bool:
        settings = self._system.settings
        if not ports.answers(settings.host, settings.port):
            raise RuntimeError(text("up.waiting_api"))
        if missing := self._wanted - self._served():
            raise RuntimeError(text("up.waiting_workers", queues=", ".join(sorted(missing))))
        announce(self._system, time.monotonic() - self._began)
        self._system.store.close()
        return True

    def _served(self) -> set[str]:
        from stagepass.engine.place import alive, place

        rows = self._system.store.workers()
        return {queue for row in rows if row.host == place() and alive(row.pid) for queue in row.queues}


def announce(system: "System", seconds: float) -> None:
    """Say where it listens, what it serves, and how to stop it."""
    settings = system.settings
    host = ports.reachable(settings.host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
    names = [pipeline.name for pipeline in system.registry]
    if as_json():
        emit(
            {
                "ready": True,
                "url": url,
                "docs": f"{url}/docs",
                "data": str(settings.folder),
                "pipelines": names,
                "pid": os.getpid(),
                "seconds": round(seconds, 2),
            }
        )
        return
    from rich.panel import Panel
    from rich.table import Table

    facts = Table.grid(padding=(0, 2))
    for code, value in (
        ("up.url", url),
        ("up.docs", f"{url}/docs"),
        ("up.data", _short(settings.folder)),
        ("up.pipelines", ", ".join(names) or text("up.none")),
        ("up.try", _first_steps(system)),
        ("up.stop", "Ctrl-C"),
    ):
        facts.add_row(f"[dim]{text(code)}[/dim]", value)
    title = text("up.ready", seconds=f"{seconds:.1f}")
    err().print(Panel(facts, title=title, title_align="left", border_style="green", expand=False))


def _first_steps(system: "System") -> str:
    """A command that works with the first pipeline, once its … are filled in."""
    first = next(iter(system.registry), None)
    if first is None:
        return "stagepass new hello"
    needed = [name for name, field in first.input.model_fields.items() if field.is_required()]
    return " ".join(["stagepass submit", first.name, *(f"--set {name}=…" for name in needed), "--watch"])


def _short(folder: Path) -> str:
    here = Path.cwd()
    return f"./{folder.relative_to(here)}" if folder.is_relative_to(here) else str(folder)
