"""Requests and pages of the API, as types; the records in them are those of `stagepass.views`."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictBool

from stagepass.views.jobs import JobSummary, JobView
from stagepass.views.pipelines import PipelineSummary
from stagepass.views.providers import BreakerView
from stagepass.views.runs import AttemptView, DeadView, HeldView


class WatchLink(BaseModel):
    """An address at which a job can be watched without another proof."""

    url: str = Field(description="a path where PUBLIC_URL is not set")
    expires_at: datetime


class JobList(BaseModel):
    """A page of jobs, the newest first."""

    jobs: list[JobSummary]
    next_cursor: str | None = Field(default=None, description="give it as `cursor` for the next page")


class ResultView(BaseModel):
    """Result of a completed job."""

    job_id: str
    pipeline: str
    result: JsonValue = Field(description="of the last stage, or of each last stage by name; files as signed links")
    finished_at: datetime | None = None


class OutputsView(BaseModel):
    """Outputs of the finished stages."""

    job_id: str
    outputs: dict[str, JsonValue] = Field(description="by stage; a list for a stage that runs per item")


class AttemptList(BaseModel):
    """All attempts of a job that are over, the first first."""

    attempts: list[AttemptView]


class HeldList(BaseModel):
    """A page of held stage runs, the newest first."""

    held: list[HeldView]
    next_cursor: str | None = None


class BreakerList(BaseModel):
    """The providers that are closed for now."""

    providers: list[BreakerView]


class DeadList(BaseModel):
    """A page of dead letters, the newest first."""

    dead: list[DeadView]
    next_cursor: str | None = None


class Redrive(BaseModel):
    """Filter of dead letters to redrive."""

    model_config = ConfigDict(extra="forbid")

    pipeline: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,39}$")
    stage: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,39}$")
    code: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,39}$", description="the error's code")
    limit: int = Field(default=100, ge=1, le=100)
    dry_run: StrictBool = Field(default=False, description="only say how many, and what it would cost")
    anew: StrictBool | Literal["force"] = Field(
        default=False,
        description="redrive only: true gives up what the stages had bought and buys it again; refused while an order "
        'is not collected yet, unless it is "force"',
    )


class Retried(JobView):
    """A job, and the stage of it that runs again."""

    stage: str


class Decision(BaseModel):
    """Decision on a call whose answer was lost."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=80, description="the call's name", examples=["suno_task_id"])
    value: JsonValue = Field(default=None, description="the call's result; the job continues with it")
    again: StrictBool = Field(default=False, description="it had no effect, or paying twice is accepted: make it again")


class PipelineList(BaseModel):
    """Every pipeline."""

    pipelines: list[PipelineSummary]


class Deleted(BaseModel):
    """Counts of deleted data."""

    jobs: int


class Health(BaseModel):
    """Readiness of this process."""

    status: Literal["ok"] = "ok"


class Ready(Health):
    """Whether requests can be served."""

    workers: int = Field(description="worker processes that are alive")
    warnings: list[str] = Field(default_factory=list, examples=[["queue promo.song has no worker"]])
