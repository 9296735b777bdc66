"""One act on many jobs: chosen by a filter, carried out page by page in the background, and stored so that it can be resumed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from stagepass.engine.model.actors import Actor
from stagepass.engine.model.orders import Anew
from stagepass.engine.model.states import JobState

MOST = 100_000
"""Jobs or dead letters of one bulk operation."""

REFUSALS_KEPT = 100


class BulkAct(StrEnum):
    """What is done to each."""

    CANCEL = "cancel"
    RESUME = "resume"
    REDRIVE = "redrive"
    DISCARD = "discard"
    TAG = "tag"

    @property
    def on_dead_letters(self) -> bool:
        """Whether it chooses stage runs that have failed, rather than jobs."""
        return self in (BulkAct.REDRIVE, BulkAct.DISCARD)


class BulkState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    """By a person, before its end."""


FITTING: Mapping[BulkAct, tuple[JobState, ...]] = {
    BulkAct.CANCEL: (JobState.QUEUED, JobState.RUNNING, JobState.HELD),
    BulkAct.RESUME: (JobState.FAILED, JobState.CANCELLED, JobState.HELD),
    BulkAct.TAG: (),
}
"""States of the jobs that an act is for; none: any."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which jobs, or which dead letters. Only those that were submitted before `until`."""

    owner: str | None = None
    pipeline: str | None = None
    stage: str | None = None
    """Of dead letters."""
    states: tuple[JobState, ...] = ()
    code: str | None = None
    tags: tuple[tuple[str, str | None], ...] = ()
    since: int | None = None
    until: int | None = None


@dataclass(slots=True)
class Bulk:
    """A bulk operation as it is stored."""

    id: str
    act: BulkAct
    selection: Selection
    by: Actor
    total: int
    usd: float | None
    created_at: int
    updated_at: int
    anew: Anew = Anew.NO
    tags: dict[str, str | None] = field(default_factory=dict)
    state: BulkState = BulkState.RUNNING
    position: str | None = None
    """The last id that is done."""
    done: int = 0
    refused: int = 0
    refusals: dict[str, str] = field(default_factory=dict)
    """The first ones, by id: why."""
    finished_at: int | None = None


def as_stored(selection: Selection) -> dict[str, Any]:
    """The selection as JSON values; `selection_of` reads it."""
    found = {
        "owner": selection.owner,
        "pipeline": selection.pipeline,
        "stage": selection.stage,
        "states": [state.value for state in selection.states],
        "code": selection.code,
        "tags": [list(tag) for tag in selection.tags],
        "since": selection.since,
        "until": selection.until,
    }
    return {name: value for name, value in found.items() if value not in (None, [])}


def selection_of(stored: Mapping[str, Any]) -> Selection:
    """What `as_stored` wrote."""
    return Selection(
        owner=stored.get("owner"),
        pipeline=stored.get("pipeline"),
        stage=stored.get("stage"),
        states=tuple(JobState(state) for state in stored.get("states", ())),
        code=stored.get("code"),
        tags=tuple((name, value) for name, value in stored.get("tags", ())),
        since=stored.get("since"),
        until=stored.get("until"),
    )
