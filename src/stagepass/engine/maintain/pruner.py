"""What the relay cleans up once a minute: old events, old jobs with their files, abandoned files."""

import logging
from collections.abc import Sequence

from stagepass.engine.model.clock import Clock
from stagepass.engine.model.ports import FileStore
from stagepass.declare.registry import Registry
from stagepass.files.local import LocalFiles
from stagepass.settings import Settings
from stagepass.store import SqlStore

log = logging.getLogger("stagepass.engine.maintain.pruner")

PAGE = 200
DAY = 86_400_000
ALERTS_KEPT = 7 * DAY
ABANDONED = 86_400.0
"""Seconds after which a file that was never finished is removed."""


class Upkeep:
    """One page per pipeline and run: what is left comes a minute later."""

    def __init__(self, store: SqlStore, registry: Registry, files: FileStore, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._registry = registry
        self._files = files
        self._clock = clock
        self._settings = settings

    def run(self) -> None:
        """Forget what is older than the settings say."""
        now = self._clock.now()
        for pipeline in self._registry:
            kept = (
                self._settings.keep_events_days * DAY if pipeline.keep_events is None else pipeline.keep_events * 1000
            )
            self._store.forget_events(pipeline.name, now - int(kept), PAGE)
            if self._settings.keep_jobs_days:
                self._forget_jobs(pipeline.name, now - int(self._settings.keep_jobs_days * DAY))
        self._store.forget_alerts(now - ALERTS_KEPT)
        self._store.forget_calls(before=now - int(self._settings.keep_events_days * DAY))
        if isinstance(self._files, LocalFiles):
            self._files.sweep(ABANDONED)

    def _forget_jobs(self, pipeline: str, before: int) -> None:
        ids = self._store.ended_jobs(pipeline, before, PAGE)
        for uri in self._store.files_of(ids):
            self._files.delete(uri)
        self._store.delete_jobs(ids)
        if ids:
            log.info("forgot %d jobs of %s", len(ids), pipeline)


def delete_owner(store: SqlStore, files: FileStore, owner: str) -> int:
    """Delete everything of one person, files first. Returns how many jobs that were."""
    count = 0
    while ids := store.owner_jobs(owner, PAGE):
        delete_jobs(store, files, ids)
        count += len(ids)
    return count


def delete_jobs(store: SqlStore, files: FileStore, ids: Sequence[str]) -> None:
    """Delete these jobs, files first, with the calls about them."""
    for uri in store.files_of(ids):
        files.delete(uri)
    for job_id in ids:
        store.forget_calls(job_id=job_id)
    store.delete_jobs(ids)
