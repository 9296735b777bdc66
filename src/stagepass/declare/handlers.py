"""Stages outside of the graph, for a job that fails or is cancelled: `@stage.undo`, and `@pipeline.on_failure`.

    trip = Pipeline("trip", input=Trip, undo_on="failed")

    @trip.stage
    def car(ctx: Context, request: Trip) -> Booking: ...

    @car.undo
    def give_back(ctx: Context, request: Trip, car: Booking) -> None: ...

    @trip.on_failure
    def apologise(ctx: Context, request: Trip) -> None: ...

They are stages in every other way: a queue, attempts, limits and `ctx` calls of their own.
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args

from stagepass.declare.handler_settings import HandlerSettings, check_names
from stagepass.declare.mistakes import check_body, check_settings, read_needs
from stagepass.declare.retry import Retry
from stagepass.declare.stage import Role, Stage
from stagepass.declare.values import Duration
from stagepass.errors import DeclarationError

End = Literal["failed", "cancelled"]
"""How a job can end other than by completing."""


Seconds = Callable[[Callable[..., Any], str, Duration], float]
"""Reads a limit of a function: the function, the setting's name, its value."""


def read_undo_on(given: Any, name: str) -> frozenset[str]:
    """The ends of a job for which what it did is undone. Raises `DeclarationError`."""
    ends = (given,) if isinstance(given, str) else tuple(given)
    for end in ends:
        if end not in get_args(End):
            raise DeclarationError(f'pipeline {name!r}: undo_on names {end!r}; there are "failed" and "cancelled"')
    return frozenset(ends)


def check_undo(pipeline: str, stages: Iterable[Stage], undo_on: frozenset[str]) -> None:
    """Raises `DeclarationError` where one of the two is missing: the undo of a stage, or when it runs."""
    undone = [stage for stage in stages if stage.undone_by is not None]
    if undone and not undo_on:
        raise DeclarationError(
            f"stage {undone[0].queue} has an undo, which never runs; say when: "
            f'Pipeline({pipeline!r}, …, undo_on="failed"), or ("failed", "cancelled")'
        )
    if undo_on and not undone:
        raise DeclarationError(f"pipeline {pipeline!r} has undo_on=, and no stage with an undo; write @stage.undo")


def undo_stage(of: Stage, body: Callable[..., Any], settings: HandlerSettings, read: Seconds) -> Stage:
    """The stage that undoes one run of another; by default it needs what that one needs."""
    inherited: HandlerSettings = {"needs": of.needs, "pool": of.pool, **settings}
    return _handler(of.pipeline, body, inherited, read, "undo", (of,), of.over)


def failure_stage(
    pipeline: str, leaves: Iterable[Stage], body: Callable[..., Any], settings: HandlerSettings, read: Seconds
) -> Stage:
    """The stage that runs before the failure of a job is reported."""
    return _handler(pipeline, body, settings, read, "on_failure", tuple(leaves), None)


def _handler(
    pipeline: str,
    body: Callable[..., Any],
    settings: HandlerSettings,
    read: Seconds,
    role: Role,
    after: tuple[Stage, ...],
    over: tuple[Stage, tuple[str, ...]] | None,
) -> Stage:
    check_body(body, pipeline)
    where = f"stage {pipeline}.{body.__name__}"
    check_names(settings, where)
    crashes, concurrency = settings.get("crashes", 3), settings.get("concurrency")
    check_settings(where, crashes=crashes, concurrency=concurrency, batch=None, weight=1.0, when=None, each=None)
    return Stage(
        pipeline=pipeline,
        name=body.__name__,
        body=body,
        after=after,
        over=over,
        when=None,
        retry=settings.get("retry") or Retry(20, wait="5s", at_most="30m"),
        time_limit=read(body, "time_limit", settings.get("time_limit", "5m")),
        run_limit=read(body, "run_limit", settings.get("run_limit", "1d")),
        crashes=crashes,
        needs=read_needs(settings.get("needs", ()), where),
        pool=settings.get("pool", "io"),
        concurrency=concurrency,
        collect="all",
        weight=1.0,
        role=role,
    )
