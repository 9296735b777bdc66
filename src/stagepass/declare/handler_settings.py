"""What `@stage.undo` and `@pipeline.on_failure` may be declared with; the meaning is that of `Pipeline.stage`."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypedDict

from stagepass.declare.retry import Retry
from stagepass.declare.values import Duration
from stagepass.errors import DeclarationError


class HandlerSettings(TypedDict, total=False):
    """By default it is retried 20 times within a day."""

    retry: Retry | None
    time_limit: Duration
    run_limit: Duration
    crashes: int
    needs: type | Iterable[type]
    pool: Literal["io", "cpu"]
    concurrency: int | None


def check_names(settings: Mapping[str, Any], where: str) -> None:
    """Raises `DeclarationError` for a setting that there is not."""
    known = HandlerSettings.__annotations__
    for name in settings:
        if name not in known:
            raise DeclarationError(f"{where}: there is no setting {name!r}; there are: {', '.join(known)}")
