"""The checks of a stage when it is declared: its name, its place in the graph, its settings, its types."""

import re
from collections.abc import Mapping

from pydantic import BaseModel

from stagepass.declare.literals import check_waits
from stagepass.declare.retry import Retry
from stagepass.declare.signature import read_parameters
from stagepass.declare.stage import Stage
from stagepass.errors import DeclarationError

NAME = re.compile(r"^[a-z][a-z0-9_]{0,39}$")


def check_stage(
    pipeline: str, input: type[BaseModel], stages: Mapping[str, Stage], stage: Stage, each: str | None
) -> None:
    """Check a stage, and read what fills its parameters.

    Args:
        stages: the stages that were declared before it, those outside of the graph too.

    Raises:
        DeclarationError: with a sentence that names the stage.
    """
    where = f"stage {stage.queue}"
    if not NAME.match(stage.name):
        raise DeclarationError(f"{where}: the function's name must be lower-case letters, digits and _")
    if stage.name in stages:
        raise DeclarationError(f"{where} is declared twice; rename one of the two functions")
    if stage.name in ("ctx", "request"):
        raise DeclarationError(f"{where}: the name {stage.name!r} is taken; rename the function")
    _check_parents(pipeline, stages, stage, where)
    if each is not None:
        stage.over = _check_each(stage, each, where)
    _check_settings(stage, where)
    read_parameters(input, stages, stage, where)
    check_waits(stage.body, min(stage.time_limit, stage.run_limit), where)


def _check_settings(stage: Stage, where: str) -> None:
    if not isinstance(stage.retry, Retry):
        raise DeclarationError(f'{where}: retry={stage.retry!r} is not a Retry; write retry=Retry(3, wait="5s")')
    for name, value in (("time_limit", stage.time_limit), ("run_limit", stage.run_limit), ("weight", stage.weight)):
        if value <= 0:
            raise DeclarationError(f"{where}: {name} must be above 0")
    if stage.time_limit > stage.run_limit:
        raise DeclarationError(f"{where}: time_limit (one attempt) is longer than run_limit (all of them)")
    if stage.crashes < 1:
        raise DeclarationError(f"{where}: crashes must be 1 or more")
    if stage.concurrency is not None and stage.concurrency < 1:
        raise DeclarationError(f"{where}: concurrency must be 1 or more")
    if stage.pool not in ("io", "cpu"):
        raise DeclarationError(f'{where}: pool is "io" (threads) or "cpu" (processes), not {stage.pool!r}')
    if stage.collect not in ("all", "any", "settled"):
        raise DeclarationError(f'{where}: collect is "all", "any" or "settled", not {stage.collect!r}')
    if stage.collect != "all" and stage.over is None:
        raise DeclarationError(f"{where}: collect={stage.collect!r} is for a stage with each=, which has items")


def _check_parents(pipeline: str, stages: Mapping[str, Stage], stage: Stage, where: str) -> None:
    for parent in stage.after:
        if not isinstance(parent, Stage):
            raise DeclarationError(
                f"{where}: after={parent!r} is not a stage; name the function that @{pipeline}.stage decorates"
            )
        if stages.get(parent.name) is not parent:
            raise DeclarationError(f"{where}: it comes after {parent.queue}, which is not a stage of {pipeline!r}")


def _check_each(stage: Stage, each: str, where: str) -> tuple[Stage, tuple[str, ...]]:
    head, *path = each.split(".")
    source = next((parent for parent in stage.ancestors() if parent.name == head), None)
    if source is None:
        known = ", ".join(sorted(parent.name for parent in stage.ancestors())) or "nothing"
        raise DeclarationError(f'{where}: each="{each}" begins with {head!r}, but it comes after {known}')
    if source.mapped:
        raise DeclarationError(f'{where}: each="{each}": {head!r} is itself run per item; put a stage between them')
    return source, tuple(path)
