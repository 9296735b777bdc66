"""A stored error as it is shown: without its trace."""

from typing import Any

from pydantic import BaseModel, Field

from stagepass.content.reader import reader
from stagepass.content.translate import stored_text
from stagepass.engine.model.records import StageRun


class JobError(BaseModel):
    """Why it failed, and what to do next."""

    code: str = Field(description="stable; decide by it", examples=["quota_exhausted"])
    message: str = Field(description="what happened, for a person")
    stage: str | None = Field(default=None, description="where")
    item: int | None = Field(default=None, description="which item, of a stage that runs per item")
    provider: str | None = Field(default=None, description="with whom")
    advice: str | None = Field(default=None, description="what a person can do")
    undone: list[str] | None = Field(default=None, description="stages whose work was undone; the job cannot continue")
    not_undone: list[str] | None = Field(
        default=None, description="stages whose undo failed; redrive its dead letter to try again"
    )


def error_view(error: dict[str, Any] | None, run: StageRun | None = None) -> JobError | None:
    """A stored error, without its trace, in the reader's language."""
    if not error:
        return None
    return JobError(
        code=error.get("code", "error"),
        message=stored_text(error, "message", reader()) or "",
        stage=error.get("stage") or (run.stage if run else None),
        item=error.get("item") if run is None else run.item,
        provider=error.get("provider"),
        advice=stored_text(error, "advice", reader()),
        undone=error.get("undone"),
        not_undone=error.get("not_undone"),
    )
