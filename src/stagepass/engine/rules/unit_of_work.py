"""The unit of work: what a transaction has read and locked, and all that it will write at its end.

The rules change the objects in here; they never speak SQL. At the end the store writes the changes
in a few statements, however many jobs they belong to.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

from stagepass.declare.registry import Registry
from stagepass.declare.values import File
from stagepass.engine.model.actors import Act, AuditEntry
from stagepass.engine.model.bulk import Bulk
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.controls import Pause, RuntimeLimit
from stagepass.engine.model.records import UNREAD, Attempt, Event, Job, Memo, Message, Spend, StageRun
from stagepass.engine.model.states import DONE, ENDED, JOB_MOVES, OPEN, RUN_MOVES, JobState, RunState
from stagepass.engine.model.transaction import Changes, Tx

_WITHOUT_PROGRESS = frozenset({"job.accepted", "stage.started", "stage.answered"})
"""Types of event that do not change a job's progress."""


Dice = Callable[[float, float], float]

Measure = tuple[Any, ...]
"""A histogram's name, seconds, and its labels."""


class UnitOfWork:
    """Jobs and stage runs by id, and the list of what has changed."""

    def __init__(self, tx: Tx, clock: Clock, registry: Registry, dice: Dice = random.uniform) -> None:
        self.dice = dice
        """Spreads retries: returns a random number between two others."""
        self.tx = tx
        self.registry = registry
        self.now = clock.now()
        self.jobs: dict[str, Job] = {}
        self.runs: dict[str, StageRun] = {}
        self.events: list[Event] = []
        self.ready: dict[str, StageRun] = {}
        """Runs that became ready in here, and are not claimed yet."""
        self.woken: list[str] = []
        """Stage runs whose child ended in here."""
        self.left_alone: list[str] = []
        """Children of stage runs that were stopped in here."""
        self.measures: list[Measure] = []
        """Durations that ended in here, for histograms; recorded after the commit."""
        self.behind: set[str] = set()
        """Queues in which others were ready before what became ready in here."""
        self._changes = Changes(events=self.events)
        self._read: dict[str, set[RunState]] = defaultdict(set)
        """By job: the states of which all stored runs are in here."""
        self._guards: dict[str, tuple[RunState, str | None]] = {}
        self._new_jobs: dict[str, Job] = {}
        self._new_runs: dict[str, StageRun] = {}
        self._touched_jobs: dict[str, Job] = {}
        self._touched_runs: dict[str, StageRun] = {}

    # ── reading ──

    def open_jobs(self, ids: Iterable[str], *, skip_locked: bool = False) -> None:
        """Lock and read these jobs, unless they are in here already."""
        missing = sorted({i for i in ids if i not in self.jobs})
        if missing:
            for job in self.tx.lock_jobs(missing, skip_locked=skip_locked):
                self.jobs[job.id] = job

    def open_runs(self, ids: Iterable[str], *, skip_locked: bool = False) -> None:
        """Read these stage runs; their jobs must be locked first."""
        missing = [i for i in ids if i not in self.runs]
        if missing:
            self._take(self.tx.runs(missing, skip_locked=skip_locked))

    def runs_in(self, job_id: str, states: Set[RunState]) -> list[StageRun]:
        """The stage runs of a locked job that are in one of these states by now."""
        unread = states - self._read[job_id]
        if unread:
            self._read[job_id] |= unread
            dropped = set(self._changes.dropped_runs)
            stored = self.tx.runs_of(job_id, unread)
            self._take(run for run in stored if run.id not in self.runs and run.id not in dropped)
        return [run for run in self.runs.values() if run.job_id == job_id and run.state in states]

    def has_completed(self, job_id: str, stage: str) -> bool:
        """Whether any run of a locked job's stage is completed."""
        mine = (run for run in self.runs.values() if run.job_id == job_id and run.stage == stage)
        if any(run.state is RunState.COMPLETED for run in mine):
            return True
        return self.tx.has_run(job_id, stage, RunState.COMPLETED)

    def read_inputs(self, claimed: Iterable[StageRun]) -> None:
        """Inputs of these runs and their jobs, if they were not read with them."""
        claimed = list(claimed)
        self.read_job_inputs({run.job_id for run in claimed})
        items = [run.id for run in claimed if run.item_input == UNREAD]
        if items:
            for run_id, item in self.tx.item_inputs(items).items():
                self.runs[run_id].item_input = item

    def run_outputs(self, run_ids: Sequence[str]) -> dict[str, str | None]:
        """Outputs of these runs, by id, also of those that ended in here."""
        here = {i: self.runs[i].output for i in run_ids if i in self.runs and self.runs[i].output != UNREAD}
        missing = [i for i in run_ids if i not in here]
        return here | (self.tx.run_outputs(missing) if missing else {})

    def ended_runs(self, job_id: str, stage: str) -> list[StageRun]:
        """Runs of a stage that ended in here, so that the store does not know it yet."""
        return [
            run
            for run in self._touched_runs.values()
            if run.job_id == job_id and run.stage == stage and run.state in (*DONE, RunState.FAILED)
        ]

    def _take(self, runs: Iterable[StageRun]) -> None:
        for run in runs:
            self.runs[run.id] = run
            self._guards[run.id] = (run.state, run.token)

    def adopt(self, run: StageRun, job: Job) -> None:
        """Take in a row that the store has just locked for a claim."""
        if run.id not in self.runs:
            self._take([run])
        mine = self.jobs.setdefault(job.id, job)
        if mine.input == UNREAD:
            mine.input = job.input

    def read_job_inputs(self, job_ids: Iterable[str]) -> None:
        """The inputs of these jobs, as far as they were not read with them."""
        unread = sorted(job_id for job_id in job_ids if self.jobs[job_id].input == UNREAD)
        if unread:
            for job_id, text in self.tx.inputs(unread).items():
                self.jobs[job_id].input = text

    # ── changing ──

    def add_job(self, job: Job) -> None:
        self.jobs[job.id] = self._new_jobs[job.id] = job

    def job_by_key(self, owner: str, key: str) -> Job | None:
        """The job that this owner's key belongs to, also when it was added in here."""
        fresh = next((job for job in self._new_jobs.values() if job.key == key and job.owner == owner), None)
        return fresh or self.tx.job_by_key(owner, key)

    def add_run(self, run: StageRun) -> None:
        self.runs[run.id] = self._new_runs[run.id] = run
        if run.state is RunState.READY:
            self.ready[run.id] = run

    def drop_run(self, run: StageRun) -> None:
        """Take a run out, as if it had never begun; its attempts stay on record."""
        self.runs.pop(run.id, None)
        self.ready.pop(run.id, None)
        self._touched_runs.pop(run.id, None)
        if self._new_runs.pop(run.id, None) is None:
            self._changes.dropped_runs.append(run.id)

    def move_run(self, run: StageRun, to: RunState) -> None:
        """Change a run's state; a move that the table does not have is a bug and is refused."""
        if to not in RUN_MOVES[run.state]:
            raise AssertionError(f"{run.id}: {run.state} → {to} is not a move")
        run.state = to
        self.touch_run(run)
        if to is RunState.READY:
            self.ready[run.id] = run
        else:
            self.ready.pop(run.id, None)

    def move_job(self, job: Job, to: JobState) -> None:
        """Change a job's state, as its table allows."""
        if to is job.state:
            return
        if to not in JOB_MOVES[job.state]:
            raise AssertionError(f"job {job.id}: {job.state} → {to} is not a move")
        job.state = to
        self.touch_job(job)
        if to in ENDED:
            self.measure("stagepass_job_seconds", self.now - job.created_at, job.pipeline, to.value)

    def touch_job(self, job: Job) -> None:
        job.updated_at = self.now
        if job.id not in self._new_jobs:
            self._touched_jobs[job.id] = job

    def touch_run(self, run: StageRun) -> None:
        if run.id not in self._new_runs:
            self._touched_runs[run.id] = run

    def move_back(self, run_id: str, turn: int) -> None:
        """A ready run whose turn another one of its owner has used gets the turn of that one."""
        if run_id in self.ready:
            self.ready[run_id].turn = turn
        else:
            self._changes.turns.append((run_id, turn))

    def emit(self, job: Job, type: str, run: StageRun | None = None, **data: Any) -> Event:
        """Number and note an event of a locked job."""
        job.seq += 1
        self.touch_job(job)
        if type not in _WITHOUT_PROGRESS:
            data["progress"] = self._progress(job, run)
        event = Event(
            job_id=job.id,
            seq=job.seq,
            type=type,
            at=self.now,
            stage=run.stage if run else None,
            item=run.item if run else None,
            data={name: value for name, value in data.items() if value is not None},
            queue=run.queue if run else None,
        )
        self.events.append(event)
        return event

    def _progress(self, job: Job, run: StageRun | None) -> float | None:
        """Progress of the job as in its views: by finished runs, and by the progress of this run."""
        if job.state is JobState.COMPLETED:
            return 1.0
        pipeline = self.registry.find(job.pipeline, job.version)
        share = {run.stage: run.progress} if run is not None and run.state in OPEN else None
        return pipeline.progress(job.tally, share) if pipeline is not None else None

    def measure(self, name: str, milliseconds: int, *labels: str) -> None:
        """Note a duration for a histogram."""
        self.measures.append((name, max(0, milliseconds) / 1000, *labels))

    def note_attempt(self, run: StageRun, outcome: str, error: dict[str, Any] | None = None) -> None:
        """Record that the current attempt is over."""
        if run.attempt_at is not None:
            self.measure("stagepass_stage_run_attempt_seconds", self.now - run.attempt_at, run.queue, outcome)
        self._changes.attempts.append(
            Attempt(
                run_id=run.id,
                job_id=run.job_id,
                number=run.attempts,
                worker=run.worker or "",
                began_at=run.attempt_at or self.now,
                ended_at=self.now,
                outcome=outcome,
                error=error,
            )
        )

    def note_intent(self, memo: Memo) -> None:
        self._changes.intents.append(memo)

    def note_memo(self, memo: Memo) -> None:
        self._changes.memos.append(memo)

    def forget(self, run_id: str, name: str | None = None, token: str | None = None) -> None:
        """Drop one memo of a run (only the one with that token, if given), or all of them."""
        self._changes.forgotten.append((run_id, name, token))

    def keep_files(self, job: Job, files: Sequence[File]) -> None:
        """These uploads belong to a new job."""
        if files:
            self._changes.files.append((job, files))

    def note_message(self, message: Message) -> None:
        self._changes.messages.append(message)

    def take_message(self, number: int, run_id: str) -> None:
        """Mark a message as read by that run."""
        self._changes.taken.append((number, run_id))

    def return_messages(self, run_id: str) -> None:
        """Return the run's messages, because it is run again."""
        self._changes.returned.append(run_id)

    @property
    def fresh_messages(self) -> list[Message]:
        """Messages that were sent in here."""
        return self._changes.messages

    def note_spend(self, spend: Spend) -> None:
        self._changes.spends.append(spend)

    def note_act(
        self, act: Act, subject: str, job: Job | None, before: Any, after: Any, *, owner: str | None = None
    ) -> None:
        """Record an act of a person, in the transaction that carries it out.

        Args:
            before, after: what changed, as JSON values. A job or a run has a state.
            owner: whom it concerns, where it is not about a job.
        """
        if job is not None:
            before, after = {"state": before}, {"state": after, **act.details}
        entry = AuditEntry(
            self.now,
            act.by,
            act.name,
            subject,
            job.id if job else None,
            job.owner if job else owner,
            act.bulk_id,
            before,
            after,
        )
        self._changes.audit.append(entry)

    def set_tags(self, job_id: str, tags: Mapping[str, str | None]) -> None:
        """Give a job these tags, beside those that it has; None removes one."""
        self._changes.tags.extend((job_id, name, value) for name, value in tags.items())

    def tags_of_run(self, run_id: str) -> dict[str, str]:
        """The tags of a stage run's job, which the jobs that it starts have, too."""
        return self.tx.tags(run_id.partition(".")[0])

    def save_bulk(self, bulk: Bulk) -> None:
        self._changes.bulks.append(bulk)

    def set_control(self, control: Pause | RuntimeLimit) -> None:
        self._changes.controls.append(control)

    def lift(self, control: Pause | RuntimeLimit) -> None:
        self._changes.lifted.append(control)

    def more_running(self, queue: str) -> int:
        """By how many more runs of a queue run after this transaction than before it."""
        more = sum(run.queue == queue and run.state is RunState.RUNNING for run in self._new_runs.values())
        for run_id, run in self._touched_runs.items():
            if run.queue == queue:
                more += (run.state is RunState.RUNNING) - (self._guards[run_id][0] is RunState.RUNNING)
        return more

    # ── writing ──

    def line_up(self, idle: Set[str] = frozenset()) -> None:
        """Give each run that became ready its turn, so that owners take turns.

        A run goes behind its owner's last ready run of that queue that is at least as urgent, or, where there is
        none, to the place that is being served now. So ten thousand runs of one owner leave the next place to
        another's, and an urgent one passes its owner's others only.
        A run that has begun (it waited, or was handed on) goes to the place that is being served: what is
        under way is finished before more is begun.

        Args:
            idle: queues that are known to hold no ready run, so that there is nothing to go behind.
        """
        groups: dict[tuple[str, int, str, int], list[StageRun]] = defaultdict(list)
        for run in sorted(self.ready.values(), key=lambda run: -run.urgency):
            groups[(run.queue, run.priority, run.owner, run.urgency)].append(run)
        asked = [key for key in groups if key[0] not in idle]
        known = dict(zip(asked, self.tx.line_up(asked), strict=True)) if asked else {}
        given: dict[tuple[str, int, str], int] = {}
        """The place behind what was lined up in here for an owner, the more urgent first."""
        for key, runs in groups.items():
            last, first = known.get(key, (None, None))
            if first is not None:
                self.behind.add(key[0])
            start = max(last + 1 if last is not None else (first or 0), given.get(key[:3], 0))
            for run in runs:
                if run.attempts:
                    run.turn = first or 0
                else:
                    run.turn, start = start, start + 1
                    given[key[:3]] = start

    def save(self) -> None:
        """Write everything, once."""
        changes = self._changes
        changes.new_jobs = list(self._new_jobs.values())
        changes.new_runs = list(self._new_runs.values())
        changes.jobs = [self._touched_jobs[i] for i in sorted(self._touched_jobs)]
        touched = sorted(self._touched_runs)  # in one order, as the heartbeats too, so that none waits for another
        changes.runs = [(self._touched_runs[i], *self._guards[i]) for i in touched]
        self.tx.save(changes)
