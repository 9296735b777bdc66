"""The declaration of a pipeline: its stages and their order.

    promo = Pipeline("promo", input=PromoRequest)

    @promo.stage(retry=Retry(3, wait="30s", factor=2), needs=TextModel)
    def lyric(ctx: Context, request: PromoRequest, model: TextModel) -> Lyric: ...

Everything is checked here, at import: the graph, the names, the types.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Protocol, Unpack

from pydantic import BaseModel

from stagepass.declare.batch import read_batch
from stagepass.declare.brackets import brackets_optional
from stagepass.declare.checks import NAME, check_stage
from stagepass.declare.handler_settings import HandlerSettings
from stagepass.declare.handlers import End, failure_stage, read_undo_on, undo_stage
from stagepass.declare.mistakes import check_body, check_settings, read_needs
from stagepass.declare.retry import Retry
from stagepass.declare.schedule import Missed, Schedule, Schedules
from stagepass.declare.stage import Collect, Stage
from stagepass.declare.values import Duration, seconds
from stagepass.errors import DeclarationError


class Counted(Protocol):
    """Number of runs of a stage of a job, and number of finished ones."""

    total: int
    done: int


class Pipeline:
    """A declaration: its stages, and what each comes after.

    Args:
        name: lower-case letters, digits and underscores; the first half of each queue's name.
        input: the Pydantic model of what is submitted.
        version: raised when stages change in a way that running jobs would not survive; a job keeps its own.
        title: name for people, by language tag.
        examples: inputs that work, shown in the API and run by the contract tests.
        key: the idempotency key that an input brings itself, for a submit that names none.
        stepwise: whether an input asks to hold after each stage.
        keep_events: how long the events of its ended jobs are kept; by default as the settings say.
        keep_jobs: its jobs are a record of what people own, and are kept whatever KEEP_JOBS_DAYS says.
        undo_on: what a job did is undone when it has ``"failed"``, was ``"cancelled"``, or both: see `Stage.undo`.
            Such a job cannot be resumed.
        tags: of every job, or made of its input; a submit adds to them, and may replace them.
    """

    def __init__(
        self,
        name: str,
        *,
        input: type[BaseModel],
        version: int = 1,
        title: Mapping[str, str] | None = None,
        examples: Iterable[Mapping[str, Any]] = (),
        key: Callable[[Any], str | None] | None = None,
        stepwise: Callable[[Any], bool] | None = None,
        keep_events: Duration | None = None,
        keep_jobs: bool = False,
        undo_on: End | Iterable[End] = (),
        tags: Mapping[str, str] | Callable[[Any], Mapping[str, str]] | None = None,
    ) -> None:
        if not NAME.match(name):
            raise DeclarationError(
                f"pipeline {name!r}: a name has lower-case letters, digits and _, and begins with a letter"
            )
        if not (isinstance(input, type) and issubclass(input, BaseModel)):
            raise DeclarationError(f"pipeline {name!r}: input must be a Pydantic model, not {input!r}")
        if version < 1:
            raise DeclarationError(f"pipeline {name!r}: version must be 1 or more, not {version}")
        self.name = name
        self.input = input
        self.version = version
        self.title = dict(title or {})
        self.examples = [dict(example) for example in examples]
        self.key = key
        self.stepwise = stepwise
        self.keep_events = None if keep_events is None else seconds(keep_events)
        self.keep_jobs = keep_jobs
        self.undo_on = read_undo_on(undo_on, name)
        self.tags = tags
        self.stages: dict[str, Stage] = {}
        self.handlers: dict[str, Stage] = {}
        """Stages outside of the graph: see `stagepass.declare.handlers`."""
        self.schedules = Schedules(name, input)

    def __repr__(self) -> str:
        return f"<pipeline {self.name} v{self.version}: {' → '.join(self.stages)}>"

    @brackets_optional
    def stage(
        self,
        body: Callable[..., Any],
        /,
        *,
        after: Stage | list[Stage] | tuple[Stage, ...] | None = None,
        each: str | None = None,
        when: Callable[..., bool] | None = None,
        retry: Retry | None = None,
        time_limit: Duration = "5m",
        run_limit: Duration = "1h",
        crashes: int = 3,
        needs: type | Iterable[type] = (),
        pool: Literal["io", "cpu"] = "io",
        concurrency: int | None = None,
        collect: Collect = "all",
        batch: int | None = None,
        within: Duration = "5s",
        weight: float = 1.0,
    ) -> Stage:
        """Decorator, with brackets or without: makes a function a stage of this pipeline.

        Args:
            after: the stage or stages whose end it waits for.
            each: ``"split.pages"``: run once per item of that list, all at the same time.
            when: a function of the same values that says whether to run at all; else the stage is skipped
                and what follows gets None.
            retry: what happens after an error that may pass; by default 3 retries after 1, 2 and 4 s.
            time_limit: of one attempt.
            run_limit: of the stage run from its first attempt on, waits included.
            crashes: number of worker deaths after which the stage run fails.
            needs: the ports that it uses; a parameter annotated with one is filled with the provider.
            pool: ``"cpu"`` puts it into processes instead of threads.
            concurrency: gives it its own worker group with this many slots, under `stagepass up`.
            collect: for a stage with `each`: whether the next one needs ``"all"`` items, ``"any"``, or
                takes them as they ended (``"settled"``).
            batch: call it once for up to this many runs, of any jobs: each parameter is then a list with one
                entry per run, and it returns a list of as many outputs (or a `StageError` for one that failed).
            within: for a stage with `batch`: how long the first run of a batch waits for it to be full.
            weight: its share of the job's progress, relative to the other stages.
        """
        parents = () if after is None else tuple(after) if isinstance(after, (list, tuple, set)) else (after,)

        check_body(body, self.name)
        where = f"stage {self.name}.{body.__name__}"
        check_settings(
            where, crashes=crashes, concurrency=concurrency, batch=batch, weight=weight, when=when, each=each
        )
        stage = Stage(
            pipeline=self.name,
            name=body.__name__,
            body=body,
            after=parents,
            over=None,
            when=when,
            retry=Retry() if retry is None else retry,
            time_limit=self._limit(body, "time_limit", time_limit),
            run_limit=self._limit(body, "run_limit", run_limit),
            crashes=crashes,
            needs=read_needs(needs, where),
            pool=pool,
            concurrency=concurrency,
            collect=collect,
            weight=weight,
            batch=read_batch(batch, within, where),
            add_undo=self._add_undo,
        )
        check_stage(self.name, self.input, self._by_name, stage, each)
        self.stages[stage.name] = stage
        for parent in {*parents, *((stage.over[0],) if stage.over else ())}:
            parent.next.append(stage)
        return stage

    @brackets_optional
    def on_failure(self, body: Callable[..., Any], /, **settings: Unpack[HandlerSettings]) -> Stage:
        """Decorator: makes a function the stage that runs when a job's failure is decided, before it is reported.

        It takes ``ctx``, ``request``, and by name the output of any stage declared before it, or None where that
        has not finished; `ctx.failure` says what happened. Its settings are those of `stage`; by default it is
        retried 20 times within a day. The job fails however it ends; where it fails itself, it can be redriven.
        """

        if any(handler.role == "on_failure" for handler in self.handlers.values()):
            raise DeclarationError(f"pipeline {self.name!r}: on_failure is declared twice; keep one of them")
        return self._add_handler(failure_stage(self.name, self.leaves, body, settings, self._limit))

    def _add_undo(self, of: Stage, body: Callable[..., Any], settings: HandlerSettings) -> Stage:
        return self._add_handler(undo_stage(of, body, settings, self._limit))

    def _add_handler(self, handler: Stage) -> Stage:
        check_stage(self.name, self.input, self._by_name, handler, None)
        self.handlers[handler.name] = handler
        return handler

    def _limit(self, body: Callable[..., Any], name: str, value: Duration) -> float:
        try:
            return seconds(value)
        except DeclarationError as problem:
            raise DeclarationError(f"stage {self.name}.{body.__name__}: {name}={problem}") from None

    def schedule(
        self,
        cron: str,
        *,
        input: BaseModel | Mapping[str, Any] | None = None,
        zone: str = "UTC",
        name: str = "default",
        owner: str = "local",
        missed: Missed = "once",
        tags: Mapping[str, str] | None = None,
    ) -> Schedule:
        """Submit a job at the times that a cron expression names, in that time zone.

        Args:
            input: of each job.
            name: of this schedule, unique within the pipeline.
            owner: whose jobs they are.
            missed: what was due while no relay ran is made up for ``"once"``, or not at all (``"skip"``).
            tags: of each job.

        Raises:
            DeclarationError: the expression, the zone or the input is wrong.
        """
        return self.schedules.add(cron, input, zone, name, owner, missed, tags or {})

    @property
    def _by_name(self) -> dict[str, Stage]:
        return {**self.stages, **self.handlers}

    @property
    def every(self) -> list[Stage]:
        """The stages, and those outside of the graph."""
        return [*self.stages.values(), *self.handlers.values()]

    def find(self, name: str) -> Stage | None:
        """A stage, also one outside of the graph."""
        return self.stages.get(name) or self.handlers.get(name)

    def handlers_for(self, end: str) -> list[Stage]:
        """What runs before a job ends as ``"failed"`` or ``"cancelled"``, in order."""
        failure = [handler for handler in self.handlers.values() if handler.role == "on_failure"]
        return (self.undos if end in self.undo_on else []) + (failure if end == "failed" else [])

    @property
    def undos(self) -> list[Stage]:
        """The stages that undo others, the last stage's first."""
        return [stage.undone_by for stage in reversed(self.stages.values()) if stage.undone_by is not None]

    @property
    def roots(self) -> list[Stage]:
        """The stages that begin when a job is accepted."""
        return [stage for stage in self.stages.values() if not stage.after]

    @property
    def leaves(self) -> list[Stage]:
        """The stages whose outputs are the job's result."""
        return [stage for stage in self.stages.values() if not stage.next]

    def downstream(self, stage: Stage) -> list[Stage]:
        """Every stage that comes after `stage`, in order of declaration."""
        return [other for other in self.stages.values() if stage in other.ancestors()]

    def progress(self, tally: Mapping[str, Counted], shares: Mapping[str, float] | None = None) -> float:
        """Progress of a job, from 0 to 1 in steps of 0.0001, by its stages' weights.

        Args:
            shares: by stage, the progress of its open runs, summed.
        """
        total = sum(stage.weight for stage in self.stages.values()) or 1.0
        done = 0.0
        for stage in self.stages.values():
            counted = tally.get(stage.name)
            if counted is not None:
                begun = (shares or {}).get(stage.name, 0.0)
                done += stage.weight * ((counted.done + begun) / counted.total if counted.total else 1.0)
        return round(min(1.0, done / total), 4)
