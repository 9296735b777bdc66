"""``stagepass worker``: checks the names, then becomes plain Celery."""

import os
import re
import sys
from typing import Annotated

import typer

from stagepass.cli.output import waiting
from stagepass.sentences import sentence

_NAME = re.compile(r"^[A-Za-z0-9._+-]{1,60}$")


def worker(
    queues: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUEUE...", help="Queues to serve, such as promo.lyric, or a pipeline's name for all its queues."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Serve every queue of every pipeline.")] = False,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", "-c", min=1, help="Number of stage runs to execute at once.")
    ] = None,
    pool: Annotated[
        str | None,
        typer.Option(
            metavar="threads|prefork", help="threads for I/O, prefork (processes) for CPU. Default: by stage."
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", "-n", metavar="NAME", help="Its name in Flower and in lists of workers. Default: its queues."
        ),
    ] = None,
) -> None:
    """Run a worker for one or more queues.

    The process becomes a plain Celery worker, so Celery's tools and Flower work with it.

    [bold]Examples[/bold]

      stagepass worker promo.lyric promo.song -c 16

      stagepass worker scan.read --pool prefork -c 2

      stagepass worker --all
    """
    from stagepass import preflight
    from stagepass.bootstrap import load_system
    from stagepass.worker_groups import Group, Pool, celery_command, default_slots, expand, pool_of, stages_of

    if bool(queues) == everything:
        raise typer.BadParameter(sentence("name the queues to serve or give --all"), param_hint="QUEUE")
    if pool not in (None, "threads", "prefork"):
        raise typer.BadParameter(
            sentence("{value} is not one of: {values}", value=f"{pool!r}", values="threads, prefork"),
            param_hint="--pool",
        )
    if name is not None and not _NAME.match(name):
        raise typer.BadParameter(
            sentence("{value} is no name: up to 60 letters, digits and . _ + -", value=f"{name!r}"), param_hint="--name"
        )
    system = load_system()
    names = system.registry.queues() if everything else expand(system.registry, queues or [])
    preflight.check(system)
    system.check_needs(tuple(names))
    preflight.wait_for_services(system, "worker", waiting)
    system.store.check()
    chosen = pool or pool_of(stages_of(system.registry, names))
    kind: Pool = "prefork" if chosen == "prefork" else "threads"
    slots = concurrency or default_slots(system.registry, names, kind)
    name = name or ("all" if everything else "+".join(queues or []))
    # the process id keeps the names of several on one machine apart
    group = Group(f"{name}.{os.getpid()}", tuple(names), slots, kind)
    sys.stdout.flush()
    os.execv(sys.executable, celery_command(sys.executable, group, loglevel=system.settings.log_level))  # noqa: S606  (no shell is what is wanted)
