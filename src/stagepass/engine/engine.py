"""The engine's front: what the API, the CLI and tests ask of it. Every change goes over the committer."""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Unpack

from pydantic import BaseModel

from stagepass import forking
from stagepass.declare.registry import Registry
from stagepass.declare.tags import name_of, read_tags
from stagepass.declare.values import File
from stagepass.engine.commit import child_jobs
from stagepass.engine.commit.committer import CommitReport, Committer
from stagepass.engine.commit.message_checks import new_callback, new_message
from stagepass.engine.commit.operations import Accepted, OnJob, OnRun, Submit
from stagepass.engine.commit.submission import MAX_INPUT, SubmitOptions, prepare
from stagepass.engine.execute.dispatcher import Dispatcher
from stagepass.engine.execute.fastlane import FastLane
from stagepass.engine.model.actors import Act, act_of
from stagepass.engine.model.clock import Clock, SystemClock
from stagepass.engine.model.filters import JobFilter, RunFilter
from stagepass.engine.model.orders import Anew
from stagepass.engine.model.ports import Bell, Bus
from stagepass.engine.model.records import Event, Job, StageRun
from stagepass.engine.rules import answer, messages, operator, stop
from stagepass.engine.rules.unit_of_work import Dice, UnitOfWork
from stagepass.errors import InvalidInput, NotFound
from stagepass.inputs import json_text
from stagepass.reports import results
from stagepass.reports.reads import Database
from stagepass.sentences import sentence

OPERATOR = None
"""Stands for all owners: only the CLI and the relay act as it."""


class Engine:
    """One process's door to the system.

    Args:
        bell: rings a queue after a commit that made work ready.
        bus: tells the events of a commit.
        make_lane: makes this process's fast lane when it is first asked for; None where there is none.
    """

    def __init__(
        self,
        store: Database,
        registry: Registry,
        bell: Bell,
        bus: Bus,
        *,
        clock: Clock | None = None,
        dice: Dice = random.uniform,
        max_input: int = MAX_INPUT,
        make_lane: Callable[[], FastLane | None] = lambda: None,
    ) -> None:
        self.store = store
        self.registry = registry
        self.bell = bell
        self.bus = bus
        self.clock = clock or SystemClock()
        self.committer = Committer(store, registry, self._announce, clock=self.clock, dice=dice)
        self.dispatcher: Dispatcher | None = None
        """Set in a worker: work that becomes ready here is taken here first."""
        self._max_input = max_input
        self.admit: Callable[[str], None] = lambda owner: None
        """Asked before a job of an owner's is accepted here; raises where a quota is used up. The API sets it."""
        self._make_lane = make_lane
        self.renew()
        forking.renews(self)

    def renew(self) -> None:
        """A forked child runs none of its parent's stages."""
        self.dispatcher = None
        self._lane: FastLane | None = None
        self._lane_lock = threading.Lock()

    def _announce(self, news: CommitReport) -> None:
        if news.events:
            for name, seconds, *labels in news.measures:
                self.bus.observe(name, seconds, *labels)
            self.bus.publish(news.events)
        for queue, run in {run.queue: run for run in news.ready}.items():
            local = self.dispatcher
            if local is None or queue not in local.queues:
                self.bell.ring(queue, run.job_id, run.id, full=queue in news.behind)
            elif not local.wake():
                local.pass_on(queue)
        child_jobs.after_commit(self.committer, news.woken, news.left_alone)

    # ── submitting ──

    def submit(
        self,
        pipeline: str,
        input: Mapping[str, Any] | BaseModel,
        *,
        owner: str = "local",
        key: str | None = None,
        priority: int = 0,
        across: bool = False,
        delay: float = 0.0,
        stepwise: bool = False,
        files: Sequence[File] = (),
        tags: Mapping[str, str] | None = None,
    ) -> Accepted:
        """Accept a job. When this returns, it is kept.

        Args:
            key: the owner's idempotency key: the same key and input give the same job again. By default the one
                that the input itself brings, if its pipeline knows of one.
            priority: -100 to 100; higher goes first among the owner's own jobs.
            across: the priority also holds beside the jobs of other owners: for callers who may.
            delay: seconds before the first stages are ready.
            stepwise: hold after each stage until `resume`.
            files: uploads that become the job's own; each was noted by `store.doom` before it was written.
            tags: up to 20 texts by name, by which the job is found; those of its pipeline come with them.

        Raises:
            NotFound: no such pipeline. InvalidInput: names the field. TooLarge. Conflict: the key was used
            with another input.
        """
        accepted: Accepted = self.committer.do(
            self._prepare(
                pipeline,
                input,
                owner=owner,
                key=key,
                priority=priority,
                across=across,
                delay=delay,
                stepwise=stepwise,
                files=files,
                tags=tags,
            )
        )
        return accepted

    def run_now(
        self,
        pipeline: str,
        input: Mapping[str, Any] | BaseModel,
        *,
        budget: float,
        **options: Unpack[SubmitOptions],
    ) -> Accepted:
        """Accept a job and run its stages in this process, for up to `budget` seconds.

        It returns as soon as the job has ended, or cannot continue here: its time is up, it has to wait, or this
        process runs as many as allowed. Then the workers take over; check `job.state`. Options and errors
        are those of `submit`.
        """
        submit = self._prepare(pipeline, input, **options)
        with self._lane_lock:
            self._lane = lane = self._lane or self._make_lane()
        accepted: Accepted = lane.run(submit, budget) if lane is not None else self.committer.do(submit)
        return accepted

    def _prepare(self, pipeline: str, input: Mapping[str, Any] | BaseModel, **options: Unpack[SubmitOptions]) -> Submit:
        self.admit(options.get("owner", "local"))
        return prepare(self.registry, pipeline, input, now=self.clock.now(), max_input=self._max_input, **options)

    # ── reading ──

    def job(self, job_id: str, owner: str | None) -> Job:
        """One job. Raises `NotFound`, also when it is another owner's."""
        job = self.store.job(job_id)
        if job is None or (owner is not None and job.owner != owner):
            raise NotFound(sentence("there is no job {job}", job=job_id), job_id=job_id)
        return job

    def job_by_key(self, key: str, owner: str) -> Job:
        """The job of an owner's idempotency key. Raises `NotFound`."""
        job = self.store.job_by_key(owner, key)
        if job is None:
            raise NotFound(sentence("there is no job with the key {key}", key=key), key=key)
        return job

    def jobs(self, which: JobFilter) -> list[Job]:
        return self.store.jobs(which)

    def look(self, job_id: str, owner: str | None) -> tuple[Job, list[StageRun]]:
        """A job and its stage runs as they were at one moment, without outputs. Raises `NotFound` as `job` does."""
        found = self.store.look(job_id)
        if found is None or (owner is not None and found[0].owner != owner):
            raise NotFound(sentence("there is no job {job}", job=job_id), job_id=job_id)
        return found

    def runs(self, job: Job) -> list[StageRun]:
        return self.store.runs_of(job.id)

    def events(self, job_id: str, after: int = 0, limit: int = 500) -> list[Event]:
        return self.store.events(job_id, after, limit)

    def result(self, job: Job) -> Any:
        """The output of the last stage, or of each last stage by name. None until the job is completed."""
        return results.result(self.store, self.registry, job)

    def outputs(self, job: Job, *, every: bool = False) -> dict[str, Any]:
        """Stored outputs by stage: of the last stages, or of every one."""
        return results.outputs(self.store, self.registry, job, every=every)

    def find_runs(self, which: RunFilter) -> list[StageRun]:
        """Stage runs in these states, such as dead letters and held ones."""
        return self.store.find_runs(which)

    # ── what people ask for ──

    def cancel(self, job_id: str, owner: str | None) -> Job:
        """Stop it: what is queued or waits at once, what runs at its next `ctx` call."""
        return self._on_job(job_id, owner, stop.cancel, act_of("cancel"))

    def tag(self, job_id: str, owner: str | None, tags: Mapping[str, str | None]) -> Job:
        """Set tags of a job, beside those that it has; None removes one. Raises `InvalidInput`."""
        checked: dict[str, str | None] = {**read_tags({n: v for n, v in tags.items() if v is not None})}
        checked |= {name_of(name): None for name, value in tags.items() if value is None}
        return self._on_job(job_id, owner, partial(operator.tag, tags=checked), act_of("tag", tags=checked))

    # The next three continue with the orders that exist. `anew` gives those up and buys again: `Anew.YES` raises
    # `Conflict` while one has not been collected, `Anew.FORCE` does not.

    def resume(self, job_id: str, owner: str | None, *, anew: Anew = Anew.NO) -> Job:
        """Resume a failed, cancelled or held job; finished stages are kept."""
        return self._on_job(job_id, owner, partial(operator.resume, anew=anew), act_of("resume", anew=_said(anew)))

    def retry(self, job_id: str, stage: str, owner: str | None, *, anew: Anew = Anew.NO) -> Job:
        """Run a stage again from the stored results of earlier stages; later stages follow.

        Raises:
            Conflict: also if later stages were bought for its current result and would have to be bought again.
        """
        given = act_of("retry", stage=stage, anew=_said(anew))
        return self._on_job(job_id, owner, partial(operator.retry_stage, name=stage, anew=anew), given)

    def redrive(self, run_id: str, owner: str | None, *, anew: Anew = Anew.NO) -> Job:
        """Redrive a dead letter, with the other runs that its job stopped."""
        return self._on_run(run_id, owner, partial(operator.redrive, anew=anew), act_of("redrive", anew=_said(anew)))

    def discard(self, run_id: str, owner: str | None) -> Job:
        """Give a dead letter up; its job stays failed."""
        return self._on_run(run_id, owner, operator.discard, act_of("discard"))

    def decide(self, run_id: str, owner: str | None, *, name: str, value: Any = None, again: bool = False) -> Job:
        """Decide on a call with an unknown outcome: `value` is its result, or `again` repeats it."""
        if again == (value is not None):
            raise InvalidInput(sentence("send either the call's result as value, or again=true"), field="value")
        text = None if again else json_text(value, "value")
        given = act_of("decide", call=name, decision="again" if again else "keep")
        return self._on_run(run_id, owner, partial(operator.decide, name=name, value=text), given)

    def signal(self, run_id: str, payload: Any) -> bool:
        """A verified callback for a stage run. Late ones are harmless. Returns whether it is kept.

        Raises:
            NotFound. TooLarge: the payload has more than 32,000 bytes as JSON.
        """
        message = new_callback(run_id, payload, self.clock.now())
        kept: bool = self.committer.do(OnJob(message.job_id, OPERATOR, partial(messages.callback, message=message)))
        return kept

    def send(
        self, job_id: str, name: str, payload: Any = None, *, owner: str | None = OPERATOR, key: str | None = None
    ) -> bool:
        """Send a message to a job, for a stage that calls `ctx.receive(name)`, now or later.

        Args:
            key: the sender's own; within a job the same key is kept once. Returns whether the message is new.

        Raises:
            NotFound, InvalidInput, TooLarge. Conflict: the job is completed, or too many of its messages are unread.
        """
        message = new_message(job_id, name, payload, self.clock.now(), key)
        sent = OnJob(job_id, owner, partial(messages.send, message=message), act_of("send", message=name))
        new: bool = self.committer.do(sent)
        return new

    def answer(
        self,
        run_id: str,
        *,
        name: str,
        ask: str,
        approved: bool,
        note: str = "",
        filled: dict[str, Any] | None = None,
    ) -> None:
        """A person's answer, by a link that was verified. Raises `NotFound`, and `Conflict` when it is not open.

        Args:
            filled: what the person filled in, where the question has a type.
        """
        given = partial(answer.answer, name=name, ask=ask, approved=approved, note=note, filled=filled)
        self.committer.do(OnRun(run_id, OPERATOR, given, act_of("answer", question=name, approved=approved)))

    def _on_job(
        self, job_id: str, owner: str | None, act: Callable[[UnitOfWork, Job], Job], audited: Act | None
    ) -> Job:
        job: Job = self.committer.do(OnJob(job_id, owner, act, audited))
        return job

    def _on_run(
        self, run_id: str, owner: str | None, act: Callable[[UnitOfWork, StageRun, Job], Job], audited: Act | None
    ) -> Job:
        job: Job = self.committer.do(OnRun(run_id, owner, act, audited))
        return job

    def close(self, *, lane_grace: float = 0.0) -> None:
        """Carry out what is under way, and let go of everything."""
        if self._lane is not None:
            self._lane.close(lane_grace)
        self.committer.close()
        self.bell.close()
        self.bus.close()
        self.store.close()


def _said(anew: Anew) -> str | None:
    return None if anew is Anew.NO else anew.value
