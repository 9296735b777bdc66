"""Whether this process lives, and whether it can serve."""

import logging
import shutil
from typing import Any

import redis
from fastapi import APIRouter, Request

from stagepass import descriptors
from stagepass.api import problems
from stagepass.api.deps import SystemDep
from stagepass.api.views import Health, Ready
from stagepass.bootstrap import System
from stagepass.engine.model.clock import WRONG
from stagepass.engine.model.controls import Scope
from stagepass.engine.model.records import WorkerRow
from stagepass.errors import SettingsError, StoreUnavailable

FULL = 4 * 2**20
"""Bytes below which a disk counts as full."""

log = logging.getLogger("stagepass.api")

router = APIRouter(tags=["health"])


@router.get("/health/live", summary="Is this process alive?")
async def live() -> Health:
    """The event loop turns. Nothing else is looked at: a restart would not mend a database."""
    return Health()


@router.get("/health/ready", summary="Can requests be served?", response_model=Ready)
def ready(request: Request, system: SystemDep) -> Any:
    """The database and Redis answer. The broker is not asked: submits are accepted without it."""
    failed = {
        name: text
        for name, text in (
            ("database", _database(system)),
            ("redis", _redis(request.app.state.redis)),
            ("descriptors", _descriptors()),
            ("disk", _disk(system)),
        )
        if text is not None
    }
    if failed:
        told = "; ".join(f"{name}: {text}" for name, text in failed.items())
        headers = {"Retry-After": str(problems.RETRY_AFTER)}
        return problems.problem(503, "not_ready", told, headers=headers, failed=failed)
    workers = system.store.workers()
    now = system.engine.clock.now()
    living = system.liveness.living(workers, now)
    unserved = sorted(set(system.registry.queues()) - system.liveness.served(workers, now))
    return Ready(
        workers=len(living),
        warnings=[
            *([] if living else ["no worker is running: jobs are accepted and wait"]),
            *(f"queue {queue} has no worker" for queue in unserved),
            *_paused(system),
            *_wrong_clocks(system, workers),
        ],
    )


def _database(system: System) -> str | None:
    try:
        system.engine.clock.refresh()
        system.store.check()
    except StoreUnavailable:
        return "does not answer"
    except SettingsError as problem:
        log.error("not ready: %s", problem)
        return "its schema is not there or too old; run: stagepass db upgrade"
    try:
        system.store.check_writes()
    except StoreUnavailable:
        return "takes no writes: it is read-only, its disk is full, or its tables are locked; submits are refused"
    return None


def _disk(system: System) -> str | None:
    """Where this installation's own files lie: the embedded database and Redis, and the file store."""
    for folder in {system.settings.folder, system.settings.files_folder}:
        try:
            free = shutil.disk_usage(folder).free
        except FileNotFoundError:
            if folder == system.settings.files_folder and not system.settings.files_url and folder.parent.exists():
                continue  # made with the first file
            return f"the folder {folder} is gone; restart Stagepass with it back in place"
        except OSError as problem:
            return f"the disk of {folder} does not answer: {type(problem).__name__}"
        if free < FULL:
            return f"the disk of {folder} has {free // 1024} kB left; submits may be refused"
    return None


def _descriptors() -> str | None:
    return None if descriptors.are_left() else "this process has no file descriptor left; raise its limit (ulimit -n)"


def _paused(system: System) -> list[str]:
    """What an operator has paused. Anyone may ask for this, so owners are not named."""
    shown = {Scope.ALL: "everything", Scope.OWNER: "an owner"}
    pauses = system.store.pauses()
    return sorted({f"{shown.get(one.scope, f'{one.scope.value} {one.name}')} is paused" for one in pauses})


def _wrong_clocks(system: System, workers: list[WorkerRow]) -> list[str]:
    """Clocks that are off by more than `WRONG`; their times are corrected all the same."""
    off = {worker.host.split("/")[0]: worker.clock_off / 1000 for worker in workers}
    off["the API"] = system.engine.clock.off
    return [
        f"the clock of {place} is {seconds:+.1f} s off the database's; set it by NTP"
        for place, seconds in sorted(off.items())
        if abs(seconds) > WRONG
    ]


def _redis(client: "redis.Redis") -> str | None:
    try:
        client.ping()
    except (redis.RedisError, OSError):
        return "does not answer; events are late, and limited providers wait"
    return None
