"""Children side by side: `ctx.begin` starts one, `ctx.gather` waits for all of them, `ctx.first` for the first.

They are found by the stage run that is their parent, so a list of thousands costs no notes; while a stage gathers,
only the end of its last child wakes it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import TypeAdapter

from stagepass.declare.parameter import Settled
from stagepass.declare.values import Duration, seconds
from stagepass.engine.commit.child_jobs import cancel_job
from stagepass.engine.commit.committer import Committer
from stagepass.engine.commit.operations import OnJob
from stagepass.engine.execute.call_values import Text
from stagepass.engine.execute.calls import Calls
from stagepass.engine.execute.child_jobs import ChildJobs, Input, failure_of, identity_of
from stagepass.engine.execute.steps import Steps
from stagepass.engine.execute.steps import Store as InStore
from stagepass.engine.execute.waits import Waits
from stagepass.engine.model import call_records
from stagepass.engine.model.call_records import Record
from stagepass.engine.model.states import ENDED, JobState
from stagepass.engine.model.store import JobEnd, Store
from stagepass.errors import ChildFailed, Permanent, TimedOut
from stagepass.reports.results import results_of
from stagepass.sentences import sentence
from stagepass.spans import in_words


@dataclass(frozen=True, slots=True)
class Begun:
    """A child that was begun: hand it to `ctx.gather` or `ctx.first`."""

    name: str
    """Of the call, with its number."""
    job_id: str
    type: Any = None


class SideBySide:
    """`ctx.begin`, `ctx.gather` and `ctx.first` of one pass."""

    def __init__(self, calls: Calls, waits: Waits, child_jobs: ChildJobs, store: Store, committer: Committer) -> None:
        self._calls = calls
        self._waits = waits
        self._child_jobs = child_jobs
        self._store = store
        self._committer = committer

    def begin(self, pipeline: str, input: Input, *, name: str, type: Any) -> Steps[Begun]:
        """See `Context.begin`. It shares its names with `ctx.run`."""
        self._calls.check()
        own = self._calls.number("run", name)
        call = call_records.digest("run", name, identity_of(pipeline, input))
        child_id = yield InStore(lambda: self._child_jobs.child_of(own, call, pipeline, input, begun=True))
        return Begun(own, child_id, type)

    def gather(
        self, begun: Sequence[Begun], *, settled: bool, at_most: Duration, every: Duration, saying: str | None
    ) -> Steps[list[Any]]:
        """See `Context.gather`."""

        def body(own: str, _: Record | None) -> Steps[Text]:
            ends = yield InStore(lambda: self._ends(begun))
            open_ = [one for one in begun if ends[one.job_id].state not in ENDED]
            failed = [one for one in begun if ends[one.job_id].state in (JobState.FAILED, JobState.CANCELLED)]
            if failed and not settled and not open_:
                raise self._failure(failed[0], ends)
            if not open_:
                text = yield InStore(lambda: self._texts(begun, ends))
                return Text(text, json.loads(text))
            raise (
                yield from self._pause(own, open_, at_most, every, saying or f"{len(open_)} jobs: running", all_=True)
            )

        entries = yield from self._calls.made(
            "gather", "gather", [one.job_id for one in begun], body, children=[one.name for one in begun]
        )
        return self._read(begun, entries, settled)

    def first(self, begun: Sequence[Begun], *, at_most: Duration, every: Duration, saying: str | None) -> Steps[Any]:
        """See `Context.first`."""
        if not begun:
            raise ValueError("ctx.first needs at least one child that was begun")

        def body(own: str, _: Record | None) -> Steps[Text]:
            ends = yield InStore(lambda: self._ends(begun))
            done = [one for one in begun if ends[one.job_id].state is JobState.COMPLETED]
            open_ = [one for one in begun if ends[one.job_id].state not in ENDED]
            if done:
                winner = min(done, key=lambda one: ends[one.job_id].finished_at or 0)
                yield InStore(lambda: self._cancel(open_))
                text = yield InStore(lambda: self._texts([winner], ends))
                (entry,) = json.loads(text)
                place = next(number for number, one in enumerate(begun) if one is winner)
                return Text(json.dumps([place, entry["output"]], ensure_ascii=False), [place, entry["output"]])
            if not open_:
                raise self._failure(begun[-1], ends)
            raise (
                yield from self._pause(own, open_, at_most, every, saying or "the first of several jobs", all_=False)
            )

        place, output = yield from self._calls.made(
            "first", "first", [one.job_id for one in begun], body, children=[one.name for one in begun]
        )
        return TypeAdapter(begun[place].type or Any).validate_python(output)

    # ── the parts ──

    def _ends(self, begun: Sequence[Begun]) -> dict[str, JobEnd]:
        """How each child stands; one that is tried again is sent on first."""
        ends = self._store.job_ends([one.job_id for one in begun])
        for one in begun:
            end = ends.get(one.job_id)
            if end is None:
                raise Permanent(
                    sentence("{name}: its job {job} was deleted", name=one.name, job=one.job_id),
                    advice=sentence("make this stage again"),
                )
            if end.state in (JobState.FAILED, JobState.CANCELLED) and self._child_jobs.goes_on(one.name):
                self._child_jobs.send_on(one.name, one.job_id)
                ends[one.job_id] = JobEnd(one.job_id, JobState.RUNNING, None, None)
        return ends

    def _pause(
        self, own: str, open_: Sequence[Begun], at_most: Duration, every: Duration, saying: str, *, all_: bool
    ) -> Steps[BaseException]:
        key, limit = f"{'gather' if all_ else 'first'}:{own}", seconds(at_most)
        left = limit - self._waits.elapsed(self._waits.begin(key))
        if left <= 0:
            yield InStore(lambda: self._cancel(open_))
            return TimedOut(
                sentence("{name}: not done after {limit}", name=saying, limit=in_words(limit)),
                advice=sentence("{count} jobs are cancelled", count=len(open_)),
            )
        self._calls.awaits_all = all_
        return self._waits.pause(min(seconds(every), left), saying, key, idle=True, at_most=left)

    def _cancel(self, open_: Sequence[Begun]) -> None:
        futures = self._committer.put(*(OnJob(one.job_id, None, partial(cancel_job)) for one in open_))
        for future in futures:
            future.result()

    def _failure(self, one: Begun, ends: dict[str, JobEnd]) -> ChildFailed:
        end = ends[one.job_id]
        return failure_of(one.name, one.job_id, end.state, end.error)

    def _texts(self, begun: Sequence[Begun], ends: dict[str, JobEnd]) -> str:
        """A JSON list of how each ended, in the order in which they were begun."""
        done = [one.job_id for one in begun if ends[one.job_id].state is JobState.COMPLETED]
        outputs = results_of(self._store, self._committer.registry, done)
        entries = []
        for one in begun:
            end = ends[one.job_id]
            problem = None if end.state is JobState.COMPLETED else self._failure(one, ends)
            error = problem and {"code": (end.error or {}).get("code", end.state.value), "message": problem.message}
            entries.append({"output": outputs.get(one.job_id), "error": error})
        return json.dumps(entries, ensure_ascii=False)

    @staticmethod
    def _read(begun: Sequence[Begun], entries: Sequence[dict[str, Any]], settled: bool) -> list[Any]:
        adapters: dict[Any, TypeAdapter[Any]] = {}
        found: list[Any] = []
        for number, (one, entry) in enumerate(zip(begun, entries, strict=True)):
            adapter = adapters.setdefault(id(one.type), TypeAdapter(one.type or Any))
            value = None if entry["error"] else adapter.validate_python(entry["output"])
            found.append(Settled(item=number, output=value, error=entry["error"]) if settled else value)
        return found
