"""Messages to a job: kept in order from the moment that it is accepted, and a callback is one of them.

A message is kept also while nothing waits for it, while the run waits to retry, and while the job is cancelled
or has failed, since a person may resume it. It is taken in the transaction that ends the wait for it.
"""

from collections.abc import Sequence

from stagepass.engine.model.records import Job, Message, StageRun
from stagepass.engine.model.states import DONE, JobState, RunState
from stagepass.engine.rules.attempt import promote
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.errors import Conflict, NotFound
from stagepass.sentences import sentence

CALLBACK = "~callback:"
"""Prefix of the message name of a stage run's callbacks; the run's id within the job follows."""

MOST_UNREAD = 10_000
"""Messages of one job that nothing has taken yet."""


def callback_name(run_id: str) -> str:
    """The name of the messages that a stage run's callbacks are."""
    return CALLBACK + run_id.partition(".")[2]


def send(uow: UnitOfWork, job: Job, message: Message) -> bool:
    """Keep a message and wake whatever may wait for it. Returns whether it is new.

    Raises:
        Conflict: the job is completed, or too many messages of it are unread.
    """
    if message.key is not None and _is_there(uow, message.job_id, message.key):
        return False
    if job.state is JobState.COMPLETED:
        raise Conflict(sentence("the job {job} is completed and takes no more messages", job=job.id), reason="over")
    unread = uow.tx.unread(job.id, MOST_UNREAD + 1) + sum(one.job_id == job.id for one in uow.fresh_messages)
    if unread >= MOST_UNREAD:
        raise Conflict(
            sentence("{most} messages of this job are unread; send more when it has read some", most=MOST_UNREAD),
            reason="full",
        )
    uow.note_message(message)
    if message.name.startswith(CALLBACK):
        uow.open_runs([run_id := f"{job.id}.{message.name.removeprefix(CALLBACK)}"])
        if (run := uow.runs.get(run_id)) is not None:
            wake_now(uow, run, job)
    else:
        begun = uow.tx.begun(job.id)
        uow.open_runs(begun)
        for run_id in begun:
            if (run := uow.runs.get(run_id)) is not None:
                wake_now(uow, run, job)
    return True


def callback(uow: UnitOfWork, job: Job, message: Message) -> bool:
    """A callback for a stage run, which need not have begun. Returns whether it is kept; a run that is done takes none.

    Raises:
        NotFound: its job has no such stage.
    """
    run_id = f"{job.id}.{message.name.removeprefix(CALLBACK)}"
    pipeline = uow.registry.find(job.pipeline, job.version)
    if pipeline is not None and pipeline.find(message.name.removeprefix(CALLBACK).partition(".")[0]) is None:
        raise NotFound(sentence("there is no stage run {run}", run=run_id), run_id=run_id)
    uow.open_runs([run_id])
    run = uow.runs.get(run_id)
    if job.state is JobState.COMPLETED or (run is not None and run.state in DONE):
        return False
    return send(uow, job, message)


def take_callbacks(uow: UnitOfWork, run: StageRun, seen: Sequence[int]) -> None:
    """A wait is over: what its look has seen is taken. A callback of a release before this one has the number 0."""
    for number in seen:
        if number:
            uow.take_message(number, run.id)
    if seen:
        run.notes.looked = 0
        run.notes.signal = None if 0 in seen else run.notes.signal
        uow.touch_run(run)


def _is_there(uow: UnitOfWork, job_id: str, key: str) -> bool:
    fresh = any(one.job_id == job_id and one.key == key for one in uow.fresh_messages)
    return fresh or uow.tx.has_message(job_id, key)


def child_ended(uow: UnitOfWork, run: StageRun, job: Job) -> bool:
    """A child has ended. A stage that waits for all of its children is woken by the last of them."""
    if run.state is RunState.WAITING and run.notes.awaits_all and uow.tx.open_children(run.id, 1):
        return False
    return wake_now(uow, run, job)


def wake_now(uow: UnitOfWork, run: StageRun, job: Job) -> bool:
    """The awaited message has arrived: poll at once, or skip the next wait. Returns whether the run was waiting."""
    if run.state is RunState.WAITING:
        run.due_at = uow.now
        return promote(uow, run, job)
    if run.state is RunState.RUNNING:
        run.notes.unread = True
        uow.touch_run(run)
    return False
