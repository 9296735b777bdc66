"""Nested jobs: a stage starts a job of another pipeline once, and waits for its end without a slot.

    stage run ──starts, in one transaction with a memo──▶ child job (its `parent` is the stage run)
        ▲                                                    │
        └── woken after the commit that ends it ─────────────┘      a parent that is stopped stops its children

The memo's key (stage run, name) allows one child only. An announcement after a commit is lost when the
process dies just then: the parent's own look, and the relay's look at orphans, find it again.
"""

import json
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, TypeAdapter

from stagepass.declare.values import Duration, seconds
from stagepass.engine.commit.child_jobs import GiveUp, GoOn, Start
from stagepass.engine.commit.committer import Committer
from stagepass.engine.commit.operations import Accepted
from stagepass.engine.commit.submission import body_hash, prepare
from stagepass.engine.execute.call_values import Text
from stagepass.engine.execute.calls import Calls
from stagepass.engine.execute.steps import Steps
from stagepass.engine.execute.steps import Store as InStore
from stagepass.engine.execute.waits import Waits
from stagepass.engine.model import call_records, failpoints
from stagepass.engine.model.call_records import Record
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.ids import new_token
from stagepass.engine.model.outcomes import Cancel
from stagepass.engine.model.records import Job, Memo
from stagepass.engine.model.run_notes import EVERY
from stagepass.engine.model.states import ENDED, JobState
from stagepass.engine.model.store import Store
from stagepass.errors import ChildFailed, Permanent, TimedOut
from stagepass.reports.results import result
from stagepass.sentences import sentence
from stagepass.spans import in_words

Input = BaseModel | dict[str, Any]

STARTED = "run:"
"""Prefix of the memo of a started child; the call's name follows. Its value is the child's id."""

_HASHED = "c."
"""Begins the token of that memo where the hash of the call follows; a release before this one had no hash."""

DEEPEST = 5
"""Maximum nesting depth of jobs: stops a pipeline that runs itself."""


class ChildJobs:
    """`ctx.run` and `ctx.start` of one pass."""

    def __init__(self, calls: Calls, waits: Waits, clock: Clock, store: Store, committer: Committer) -> None:
        self._calls = calls
        self._waits = waits
        self._clock = clock
        self._store = store
        self._committer = committer
        self._claimed = calls.claimed

    def start(self, pipeline: str, input: Input, key: str) -> Steps[Job]:
        """See `Context.start`."""
        self._calls.check()
        registry, owner, priority = self._committer.registry, self._claimed.run.owner, self._claimed.job.priority
        submit = prepare(
            registry,
            pipeline,
            input,
            owner=owner,
            now=self._clock.now(),
            key=key,
            priority=priority,
            across=self._claimed.job.across,
        )
        submit.started_by = self._claimed.run.id
        accepted: Accepted = yield InStore(lambda: self._committer.do(submit))
        return accepted.job

    def run(
        self,
        pipeline: str,
        input: Input,
        *,
        name: str,
        type: Any,
        at_most: Duration,
        every: Duration,
        saying: str | None,
    ) -> Steps[Any]:
        """See `Context.run`."""
        adapter, limit = TypeAdapter(type or Any), seconds(at_most)
        identity = identity_of(pipeline, input)

        def body(own: str, _: Record | None) -> Steps[Any]:
            key, call = f"{STARTED}{own}", call_records.digest("run", name, identity)
            child_id = yield InStore(lambda: self.child_of(own, call, pipeline, input))
            child = yield InStore(lambda: self._store.job(child_id))
            if child is None:
                raise Permanent(
                    sentence("{name}: its job {job} was deleted", name=own, job=child_id),
                    advice=sentence("make this stage again"),
                )
            since = self._waits.begin(key)
            if child.state in ENDED and child.state is not JobState.COMPLETED and self.goes_on(own):
                yield InStore(lambda: self.send_on(own, child_id))
            elif child.state in ENDED:
                return (yield InStore(lambda: self._end(own, child, adapter)))
            text = saying or f"{own}: running"
            left = limit - self._waits.elapsed(since)
            if left <= 0:
                problem = TimedOut(
                    sentence("{name}: not done after {limit}", name=text, limit=in_words(limit)),
                    advice=sentence("the job {job} is cancelled", job=child_id),
                )
                if not (yield InStore(lambda: self._give_up(own, call, child_id, problem))):
                    return (yield from body(own, None))  # it has ended just now
                raise problem
            raise self._waits.pause(min(seconds(every), left), text, key, idle=True, at_most=left)

        return (yield from self._calls.made("run", name, (identity,), body, adapter))

    # ── the parts ──

    def child_of(self, own: str, call: str, pipeline: str, input: Input, *, begun: bool = False) -> str:
        """The child of that call; it is started if it is not there."""
        key = f"{STARTED}{own}"
        memo = self._calls.memo(key)
        if memo is None or memo.value is None:
            return self._start(key, call, pipeline, input, begun=begun)
        if memo.token.startswith(_HASHED) and not memo.token.startswith(_HASHED + call):
            raise call_records.changed(f"~{key}")
        return str(json.loads(memo.value))

    def _start(self, key: str, call: str, pipeline: str, input: Input, *, begun: bool) -> str:
        run, parent = self._claimed.run, self._claimed.job
        if self._depth(parent) >= DEEPEST:
            raise Permanent(
                f"{pipeline}: jobs are nested more than {DEEPEST} deep", advice="does a pipeline run itself?"
            )
        now = self._clock.now()
        registry = self._committer.registry
        submit = prepare(
            registry, pipeline, input, owner=run.owner, now=now, priority=parent.priority, across=parent.across
        )
        job = replace(submit.job, parent=run.id, key=None, stepwise=False)
        memo = Memo(run.id, key, f"{_HASHED}{call}{new_token()[:12]}", f'"{job.id}"', now)
        failpoints.hit("once.before_intent")
        if not self._committer.do(Start(self._claimed, memo, submit.pipeline, job, submit.tags, begun)):
            self._calls.cleaning = True
            raise Cancel
        failpoints.hit("once.after_intent")
        self._calls.note(memo)
        return job.id

    def _depth(self, job: Job) -> int:
        depth, above = 0, job
        while above.parent is not None and depth < DEEPEST:
            found = self._store.job(above.parent.partition(".")[0])
            if found is None:
                break
            depth, above = depth + 1, found
        return depth

    def goes_on(self, own: str) -> bool:
        """Whether this call is tried again, so that a child that had failed is sent on."""
        again = self._claimed.run.notes.again
        return own in again or (EVERY in again and f"-{own}" not in again)

    def send_on(self, own: str, child: str) -> None:
        """Send a child on that had failed or was cancelled."""
        self._committer.do(GoOn(self._claimed, child, own))

    def _end(self, own: str, child: Job, adapter: TypeAdapter[Any]) -> Text:
        if child.state is not JobState.COMPLETED:
            raise failure_of(own, child.id, child.state, child.error)
        text = json.dumps(result(self._store, self._committer.registry, child), ensure_ascii=False)
        return Text(text, adapter.validate_json(text))

    def _give_up(self, own: str, call: str, child_id: str, problem: TimedOut) -> bool:
        """Cancel the child and keep the error in one transaction. False when the child has ended meanwhile."""
        key = call_records.record_name("run", own)
        memo = self._calls.new(key, call_records.raised(call, problem))
        failpoints.hit("call.before_record")
        if not self._committer.do(GiveUp(self._claimed, child_id, memo)):
            return False
        self._calls.note(memo)
        self._calls.passed.add(key)
        self._calls.raised.track(problem, key, own)
        failpoints.hit("call.after_record")
        return True


def identity_of(pipeline: str, input: Input) -> str:
    """Identity of a child: the pipeline and its input, with files by their content."""
    text = input.model_dump_json() if isinstance(input, BaseModel) else TypeAdapter(Any).dump_json(input).decode()
    return body_hash(pipeline, text)


def failure_of(name: str, child: str, state: JobState, problem: dict[str, Any] | None) -> ChildFailed:
    """A child's error as its parent's."""
    error = problem or {}
    where = f" at {error['stage']}" if error.get("stage") else ""
    text = error.get("message") or error.get("code") or f"it was {state.value}"
    return ChildFailed(f"{name}: {state.value}{where}: {text}", advice=error.get("advice"), child=child)
