"""Follows a job to its end: live by Redis, and by SQL alone where Redis is away."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from stagepass.cli.output import note
from stagepass.engine.model.ports import Tick
from stagepass.engine.model.records import Event, Job
from stagepass.engine.model.states import ENDED, JobState

if TYPE_CHECKING:
    from stagepass.bootstrap import System

NOBODY = 3.0
"""Seconds without events after which the queues are checked for workers."""

Take = Callable[[Event | Tick, Job | None], None]
"""Gets each piece of news; with the job as stored, where the news may have changed more than itself tells."""


def follow(system: "System", job: Job, take: Take) -> Job:
    """Hand on a job's news until it has ended, or waits for a person. Returns the job as it is then."""
    return asyncio.run(_follow(system, job, take))


async def _follow(system: "System", job: Job, take: Take) -> Job:
    _say_once_when_redis_is_away()
    feed = system.feed()
    await feed.start()
    hint = asyncio.create_task(_hint(system, job)) if job.state not in ENDED else None
    try:
        async with aclosing(feed.follow(job.id, over=job.state in ENDED)) as told:
            async for news in told:
                if hint and (isinstance(news, Tick) or news.type.startswith("stage.")):
                    hint.cancel()
                if isinstance(news, Tick):
                    take(news, None)
                    continue
                stored = await asyncio.to_thread(system.engine.job, job.id, None)
                take(news, stored)
                if stored.state is JobState.HELD and news.seq >= stored.seq:
                    break
    finally:
        if hint:
            hint.cancel()
        await feed.stop()
    return system.engine.job(job.id, None)


async def _hint(system: "System", job: Job) -> None:
    """Print a hint if nothing happens because no worker serves the queue."""
    await asyncio.sleep(NOBODY)
    waiting = {run.queue for run in await asyncio.to_thread(system.engine.runs, job) if run.state == "ready"}
    missing = waiting - system.liveness.served(await asyncio.to_thread(system.store.workers), system.engine.clock.now())
    if missing:
        note("watch.nobody", style="yellow", queues=", ".join(sorted(missing)))


class _Once(logging.Handler):
    """Prints one message in place of the first warning, and drops the rest."""

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger(record.name).removeHandler(self)
        note("watch.no_redis", style="yellow")


def _say_once_when_redis_is_away() -> None:
    log = logging.getLogger("stagepass.listen")
    log.setLevel(logging.WARNING)
    log.propagate = False
    log.handlers[:] = [_Once(), logging.NullHandler()]
