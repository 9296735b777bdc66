"""`ctx`: jobs that a stage starts."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from stagepass.declare.values import Duration
from stagepass.engine.execute.child_jobs import ChildJobs
from stagepass.engine.execute.forms import awaited, plain
from stagepass.engine.execute.side_by_side import Begun, SideBySide
from stagepass.engine.execute.steps import Steps
from stagepass.engine.model.records import Job


class JobCalls:
    """Part of `Context`: `start` and `run`; `begin`, `gather` and `first`."""

    _child_jobs: ChildJobs
    _side_by_side: SideBySide

    @plain
    def start(self, pipeline: str, input: BaseModel | dict[str, Any], *, key: str) -> Steps[Job]:
        """Accept a job of another pipeline for the same owner, and do not wait for it.

        Args:
            key: the owner's idempotency key: with the same input, the job that is there.

        Raises:
            Conflict: the key was used with another input.
        """
        return self._child_jobs.start(pipeline, input, key)

    start_async = awaited(start)

    @plain
    def run(
        self,
        pipeline: str,
        input: BaseModel | dict[str, Any],
        *,
        type: Any = None,
        name: str | None = None,
        at_most: Duration = "1h",
        every: Duration = "30s",
        saying: str | None = None,
    ) -> Steps[Any]:
        """Start a job of another pipeline once, wait for its end without a slot, and give its result.

        The job has this one's owner and priority. It is cancelled with this stage run. Its end wakes this one at
        once; `every` is only the fallback. When this call is retried after its job failed, that job continues
        from where it failed.

        Args:
            type: what the result is read as; by default plain JSON values.
            name: of this call; by default the pipeline's.
            at_most: from the first look on. It does not count towards the stage's own limits.

        Raises:
            ChildFailed: it failed or was cancelled. TimedOut: it took longer, and is cancelled.
        """
        return self._child_jobs.run(
            pipeline, input, name=name or pipeline, type=type, at_most=at_most, every=every, saying=saying
        )

    run_async = awaited(run)

    @plain
    def begin(
        self, pipeline: str, input: BaseModel | dict[str, Any], *, type: Any = None, name: str | None = None
    ) -> Steps[Begun]:
        """Start a job of another pipeline once, without waiting for it: `gather` or `first` does.

        It is a job like one of `run`: with this one's owner and priority, cancelled with this stage run.

        Args:
            type: what its result is read as.
            name: of this call; by default the pipeline's.
        """
        return self._side_by_side.begin(pipeline, input, name=name or pipeline, type=type)

    begin_async = awaited(begin)

    @plain
    def gather(
        self,
        begun: Sequence[Begun],
        *,
        settled: bool = False,
        at_most: Duration = "1h",
        every: Duration = "30s",
        saying: str | None = None,
    ) -> Steps[list[Any]]:
        """Wait without a slot until all of these jobs have ended, and give their results in the same order.

        Args:
            settled: give a `Settled` for each, with its output or its error, instead of raising.
            at_most: from the first look on. It does not count towards the stage's own limits.

        Raises:
            ChildFailed: one of them failed. TimedOut: they took longer; those that still ran are cancelled.
        """
        return self._side_by_side.gather(begun, settled=settled, at_most=at_most, every=every, saying=saying)

    gather_async = awaited(gather)

    @plain
    def first(
        self, begun: Sequence[Begun], *, at_most: Duration = "1h", every: Duration = "30s", saying: str | None = None
    ) -> Steps[Any]:
        """Wait without a slot for the first of these jobs that completes, cancel the others, and give its result.

        Raises:
            ChildFailed: all of them failed. TimedOut: none completed in time; all are cancelled.
        """
        return self._side_by_side.first(begun, at_most=at_most, every=every, saying=saying)

    first_async = awaited(first)
