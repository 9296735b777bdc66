"""One stage of a pipeline: what was declared, its two hooks, and what undoes it."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Unpack

from pydantic import TypeAdapter

from stagepass.declare.batch import Batch
from stagepass.declare.brackets import brackets_optional
from stagepass.declare.handler_settings import HandlerSettings
from stagepass.declare.parameter import Parameter
from stagepass.declare.retry import Retry
from stagepass.errors import DeclarationError

Collect = Literal["all", "any", "settled"]
Role = Literal["stage", "undo", "on_failure"]


@dataclass(eq=False)
class Stage:
    """One stage of a pipeline, checked. Calling it calls the function it was made of."""

    pipeline: str
    name: str
    body: Callable[..., Any]
    after: tuple["Stage", ...]
    over: tuple["Stage", tuple[str, ...]] | None
    when: Callable[..., bool] | None
    retry: Retry
    time_limit: float
    run_limit: float
    crashes: int
    needs: tuple[type, ...]
    pool: Literal["io", "cpu"]
    concurrency: int | None
    collect: Collect
    weight: float
    batch: Batch | None = None
    recover: Callable[..., Any] | None = None
    cancel: Callable[..., Any] | None = None
    parameters: tuple[Parameter, ...] = ()
    when_parameters: tuple[Parameter, ...] = ()
    output: TypeAdapter[Any] = field(default_factory=lambda: TypeAdapter(Any))
    output_type: Any = None
    next: list["Stage"] = field(default_factory=list)
    role: Role = "stage"
    """Its place: in the graph, or outside of it; see `stagepass.declare.handlers`."""
    undone_by: "Stage | None" = None
    add_undo: Callable[..., "Stage"] | None = None
    """Of its pipeline: declares the stage that undoes it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.body(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<stage {self.queue}>"

    @property
    def queue(self) -> str:
        """The name of its queue, and of its task."""
        return f"{self.pipeline}.{self.name}"

    @property
    def undoes(self) -> "Stage | None":
        """The stage of which it undoes the runs."""
        return self.after[0] if self.role == "undo" else None

    @property
    def mapped(self) -> bool:
        """Whether it runs once per item of a list."""
        return self.over is not None

    def ancestors(self) -> Iterator["Stage"]:
        """Every stage that is done before this one begins."""
        seen: set[str] = set()
        todo = list(self.after)
        while todo:
            stage = todo.pop()
            if stage.name not in seen:
                seen.add(stage.name)
                yield stage
                todo.extend(stage.after)

    def on_recover(self, hook: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator: asked when a `ctx.once` call may have been made and its answer was lost.

        The hook takes ``name``, the memo's, and by name whatever its stage takes. It returns the value if it
        can find it, raises `NotDone` if it is certain that the call had no effect, and None leaves the
        decision to a person.
        """
        _refuse_hook(self, hook)
        self.recover = self._checked_hook(hook, "name")
        return hook

    def on_cancel(self, hook: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator: stops what was begun elsewhere, when the job is cancelled.

        The hook takes ``memos``, the stored values by name, and by name whatever its stage takes.
        """
        _refuse_hook(self, hook)
        self.cancel = self._checked_hook(hook, "memos")
        return hook

    @brackets_optional
    def undo(self, body: Callable[..., Any], /, **settings: Unpack[HandlerSettings]) -> "Stage":
        """Decorator, with brackets or without: makes a function the stage that undoes this one.

        It runs where the pipeline's `undo_on` says so, once for each run of this stage that has finished: the last
        stage's first, and all items of a stage side by side. It takes by name what this stage takes, and this
        stage's output. Its settings are those of a stage; by default it is retried 20 times within a day, and needs
        what this stage needs. What a stage had begun when it failed, it cleans up itself, or the pipeline's
        `on_failure` does.
        """

        if self.undone_by is not None:
            raise DeclarationError(f"stage {self.queue} has an undo already: {self.undone_by.name}")
        if self.add_undo is None:
            raise DeclarationError(f"stage {self.queue} runs when a job has stopped; nothing undoes it")
        self.undone_by = self.add_undo(self, body, settings)
        return self.undone_by

    def _checked_hook(self, hook: Callable[..., Any], own: str) -> Callable[..., Any]:
        known = {"ctx", own, *(parameter.name for parameter in self.parameters)}
        for name in inspect.signature(hook).parameters:
            if name not in known:
                raise DeclarationError(
                    f"stage {self.queue}: nothing fills the parameter {name!r} of the hook {hook.__name__}; "
                    f"it can take: {', '.join(sorted(known))}"
                )
        return hook


def _refuse_hook(stage: Stage, hook: Callable[..., Any]) -> None:
    """Raises `DeclarationError`: hooks are about what one run began elsewhere, and noted with ``ctx.once``."""
    if stage.batch is not None:
        raise DeclarationError(
            f"stage {stage.queue}: a stage with batch= has no {hook.__name__}: its calls belong to many jobs at once"
        )
