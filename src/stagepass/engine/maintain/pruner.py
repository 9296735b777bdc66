"""Deletes what is older than it has to be kept: events, ended jobs with their files, alerts, unfinished uploads."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from stagepass.declare.registry import Registry
from stagepass.engine.model.actors import AuditEntry, current_actor
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.ids import new_token
from stagepass.engine.model.ports import FileStore
from stagepass.engine.model.store import Retention
from stagepass.errors import StagepassError

log = logging.getLogger("stagepass.pruner")

PAGE = 50
"""Jobs of one transaction: each may have thousands of events."""

FILES = 200
"""Files of one look at what is doomed."""

DOWNLOADS = 3_600_000
"""Milliseconds for which the files of a job that was kept long enough outlive it: a download under way ends in peace."""

DAY = 86_400_000
ALERTS_KEPT = 7 * DAY
ABANDONED = 86_400.0
"""Seconds after which a file that was never finished is removed."""


class Pruner:
    """Deletes one page per pipeline and run; the rest follows a minute later.

    Args:
        keep_events_days: how long the events of an ended job are kept, where its pipeline does not say.
        keep_jobs_days: how long ended jobs are kept; 0 keeps them forever.
    """

    def __init__(
        self,
        store: Retention,
        registry: Registry,
        files: FileStore,
        clock: Clock,
        *,
        keep_events_days: float,
        keep_jobs_days: float,
    ) -> None:
        self._store = store
        self._registry = registry
        self._files = files
        self._clock = clock
        self._keep_events_days = keep_events_days
        self._keep_jobs_days = keep_jobs_days

    def run(self) -> None:
        """Forget what is older than the settings say."""
        now = self._clock.now()
        for pipeline in self._registry:
            kept = self._keep_events_days * DAY if pipeline.keep_events is None else pipeline.keep_events * 1000
            self._store.forget_events(pipeline.name, now - int(kept), PAGE)
            if self._keep_jobs_days and not pipeline.keep_jobs:
                self._forget_jobs(pipeline.name, now - int(self._keep_jobs_days * DAY))
        if self._keep_jobs_days:
            self._store.forget_audit(now - int(self._keep_jobs_days * DAY))
        self._store.forget_alerts(now - ALERTS_KEPT)
        self._store.forget_calls(before=now - int(self._keep_events_days * DAY))
        self._store.forget_ahead(now=now, before=now - DAY)
        self._files.sweep(ABANDONED)
        sweep_doomed(self._store, self._files, now)

    def _forget_jobs(self, pipeline: str, before: int) -> None:
        ids = self._store.ended_jobs(pipeline, before, PAGE)
        gone = self._store.delete_jobs(ids, self._clock.now() + DOWNLOADS, ended_before=before) if ids else []
        if gone:
            log.info("forgot %d jobs of %s", len(gone), pipeline)


def sweep_doomed(store: Retention, files: FileStore, now: int) -> None:
    """Delete the files whose time is over. One that cannot be deleted now is tried again at the next look."""
    uris = store.condemned(now, FILES)
    gone = []
    for uri in uris:
        try:
            files.delete(uri)
        except (OSError, StagepassError) as problem:
            log.warning("a file could not be deleted: %s", type(problem).__name__)
        else:
            gone.append(uri)
    if gone:
        store.forget_doomed(gone)


def delete_owner(store: Retention, files: FileStore, owner: str, now: int) -> int:
    """Delete everything of one person. Returns how many jobs that were.

    The audit log keeps that it was done, and acts that concern other people too, under a random name.
    """
    count = 0
    while ids := store.owner_jobs(owner, PAGE):
        delete_jobs(store, files, ids)
        count += len(ids)
    store.forget_calls(owner=owner)
    while store.forget_ahead(now=0, owner=owner):
        pass
    store.condemn_owner(owner)
    sweep_doomed(store, files, 0)
    alias = f"deleted-{new_token()[:12]}"
    store.forget_person(owner, alias)
    if by := current_actor():
        unnamed = replace(by, name=alias, origin="", why=None) if by.name == owner else by
        store.note_audit(AuditEntry(now, unnamed, "delete_data", f"owner:{alias}", owner=alias, after={"jobs": count}))
    return count


def delete_jobs(store: Retention, files: FileStore, ids: Sequence[str]) -> None:
    """Delete these jobs, rows first, then files, with the calls about them."""
    for job_id in ids:
        store.forget_calls(job_id=job_id)
    store.delete_jobs(ids, 0)
    sweep_doomed(store, files, 0)
