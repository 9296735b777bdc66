"""One stage of a pipeline: what was declared, and its two hooks."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

from stagepass.declare.batch import Batch
from stagepass.declare.parameter import Parameter
from stagepass.declare.retry import Retry
from stagepass.errors import DeclarationError

Collect = Literal["all", "any", "settled"]


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

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.body(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<stage {self.queue}>"

    @property
    def queue(self) -> str:
        """The name of its queue, and of its task."""
        return f"{self.pipeline}.{self.name}"

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
