"""What the API answers, as types. Times are ISO 8601 in UTC; owners, tokens, workers and places of files are left out."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from stagepass.engine.model.states import JobState


class JobError(BaseModel):
    """Why it failed, and what to do next."""

    code: str = Field(description="stable; decide by it", examples=["quota_exhausted"])
    message: str = Field(description="what happened, for a person")
    stage: str | None = Field(default=None, description="where")
    item: int | None = Field(default=None, description="which item, of a stage that runs per item")
    provider: str | None = Field(default=None, description="with whom")
    advice: str | None = Field(default=None, description="what a person can do")


class StageView(BaseModel):
    """One stage of a job. Of a stage that runs per item, all items together."""

    name: str
    state: str = Field(
        description="pending, ready, running, waiting, retrying, parked, held, completed, skipped, failed, discarded "
        "or cancelled",
        examples=["running"],
    )
    attempts: int = Field(ge=0, description="of all items together")
    progress: float = Field(ge=0, le=1)
    message: str | None = Field(default=None, description="what it is busy with", examples=["song: generating, 30 s"])
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: JobError | None = None
    total: int | None = Field(default=None, description="items, of a stage that runs per item")
    done: int | None = Field(default=None, description="items that are done")
    children: list[str] = Field(default_factory=list, description="jobs that it has started and waits for")
    run_id: str | None = Field(default=None, description="its id, for redrive and decide; by item for a stage of items")


class Links(BaseModel):
    """Where to go on."""

    self: str
    events: str
    result: str


class WatchLink(BaseModel):
    """An address at which a job can be watched without another proof."""

    url: str = Field(description="a path where PUBLIC_URL is not set")
    expires_at: datetime


class JobSummary(BaseModel):
    """A job in a list."""

    id: str
    pipeline: str
    version: int
    state: JobState
    progress: float = Field(ge=0, le=1)
    current_stage: str | None = Field(default=None, description="the first stage that has begun and is not done")
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None
    parent: str | None = Field(default=None, description="the stage run that started it and waits for it")
    error: JobError | None = None
    links: Links


class JobView(JobSummary):
    """A job."""

    model_config = ConfigDict(title="Job")

    stages: list[StageView]
    result: JsonValue = Field(default=None, description="once completed; files come as signed links")
    warnings: list[str] = Field(default_factory=list, examples=[["queue promo.song has no worker"]])


class JobList(BaseModel):
    """A page of jobs, the newest first."""

    jobs: list[JobSummary]
    next_cursor: str | None = Field(default=None, description="give it as `cursor` for the next page")


class ResultView(BaseModel):
    """What a completed job made."""

    job_id: str
    pipeline: str
    result: JsonValue = Field(description="of the last stage, or of each last stage by name; files as signed links")
    finished_at: datetime | None = None


class OutputsView(BaseModel):
    """What the stages that are done have made so far."""

    job_id: str
    outputs: dict[str, JsonValue] = Field(description="by stage; a list for a stage that runs per item")


class AttemptView(BaseModel):
    """One try at a stage, that is over."""

    stage: str
    item: int | None = None
    number: int = Field(ge=0)
    outcome: str = Field(examples=["completed", "retrying", "failed", "worker_lost"])
    began_at: datetime
    ended_at: datetime
    seconds: float = Field(ge=0)
    error: JobError | None = None


class AttemptList(BaseModel):
    """All attempts of a job that are over, the first first."""

    attempts: list[AttemptView]


class SpendView(BaseModel):
    """What one attempt paid one provider."""

    stage: str
    item: int | None = None
    attempt: int
    provider: str
    model: str
    tokens_in: int
    tokens_out: int
    usd: float
    at: datetime


class StageMoney(BaseModel):
    """What one stage cost, in US dollars."""

    stage: str
    spent: float
    saved: float = Field(description="what retries, resumes and crashes would have paid again, had nothing been kept")
    twice: float = Field(description="paid again although it had been paid; should be 0")
    tokens_in: int
    tokens_out: int


class SpendList(BaseModel):
    """What a job has cost."""

    spends: list[SpendView]
    stages: list[StageMoney] = Field(description="stages that spent something")
    saved: float
    twice: float
    tokens_in: int
    tokens_out: int
    usd: float


class DeadView(BaseModel):
    """A stage run out of attempts."""

    run_id: str
    job_id: str
    pipeline: str
    stage: str
    item: int | None = None
    attempts: int
    crashes: int = Field(description="attempts during which the worker died")
    failed_at: datetime | None = None
    error: JobError | None = None


class PriceView(BaseModel):
    """What going on with a job will cost, in US dollars: an estimate from what its stages usually spend."""

    usd: float = Field(description="for the stage runs that are sent again")
    later_usd: float = Field(description="for the stages after them, which have not been done yet")
    spent: float = Field(description="what the job has cost so far")
    kept_usd: float = Field(description="of that, what is kept and not paid again")
    kept_calls: list[str] = Field(description="calls whose value is kept", examples=[["song: suno_task_id"]])
    kept_stages: list[str] = Field(description="stages whose result is kept")
    sampled: int = Field(description="completed runs that the estimate rests on; 0: nothing is known")
    runs: int = Field(description="stage runs that are sent again")


class DeadDetail(DeadView):
    """A dead letter with everything about it."""

    input: JsonValue = Field(description="of the job")
    item_input: JsonValue = Field(default=None, description="of the item, of a stage that runs per item")
    error_type: str | None = Field(default=None, description="the exception's type")
    trace: str | None = Field(default=None, description="where it was raised: files, lines and functions")
    history: list[AttemptView] = Field(description="its attempts, the first first")
    cost: PriceView = Field(description="of the whole job, since it goes on as a whole")


class HeldView(BaseModel):
    """A stage run that waits for a person."""

    run_id: str
    job_id: str
    pipeline: str
    stage: str
    item: int | None = None
    calls: list[str] = Field(description="calls that may have cost money, and whose answer was lost")
    error: JobError | None = None
    next: str = Field(description="what to do", examples=["POST /api/v1/runs/{run_id}/decide"])


class HeldList(BaseModel):
    """A page of held stage runs, the newest first."""

    held: list[HeldView]
    next_cursor: str | None = None


class BreakerView(BaseModel):
    """A provider that is closed for now."""

    provider: str
    state: Literal["open", "trying"] = Field(description="open: nobody calls it; trying: one call at a time may")
    reason: str = Field(examples=["quota_exhausted", "down", "rate_limited"])
    since: datetime
    next_try_at: datetime
    parked: int = Field(description="the caller's stage runs that wait for it")


class BreakerList(BaseModel):
    """The providers that are closed for now."""

    providers: list[BreakerView]


class DeadList(BaseModel):
    """A page of dead letters, the newest first."""

    dead: list[DeadView]
    next_cursor: str | None = None


class Redrive(BaseModel):
    """Which dead letters to send again."""

    model_config = ConfigDict(extra="forbid")

    pipeline: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,39}$")
    stage: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,39}$")
    code: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,39}$", description="the error's code")
    limit: int = Field(default=100, ge=1, le=100)
    dry_run: bool = Field(default=False, description="only say how many, and what it would cost")


class Redriven(BaseModel):
    """What became of them; of a dry run, what would."""

    dry_run: bool = False
    usd: float | None = Field(default=None, description="of a dry run: what they will cost, about")
    later_usd: float | None = Field(default=None, description="of a dry run: and the stages after them")
    kept_usd: float | None = Field(default=None, description="of a dry run: what is not paid again")
    jobs: list[str] = Field(description="ids of the jobs that go on")
    runs: int = Field(description="dead letters that were sent again")
    refused: dict[str, str] = Field(description="by stage run: why it was not")
    more: bool = Field(description="there may be more of them")


class Discarded(BaseModel):
    """What became of them; of a dry run, what would."""

    dry_run: bool = False
    runs: list[str] = Field(description="dead letters that were given up")
    refused: dict[str, str] = Field(description="by stage run: why it was not")
    more: bool = Field(description="there may be more of them")


class Decision(BaseModel):
    """What became of a call whose answer was lost."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=80, description="the call's name", examples=["suno_task_id"])
    value: JsonValue = Field(default=None, description="what it gave; the job goes on with it")
    again: bool = Field(default=False, description="it had no effect, or paying twice is accepted: make it again")


class StageInfo(BaseModel):
    """A stage as it is declared."""

    name: str
    queue: str
    after: list[str]
    each: str | None = Field(default=None, description="runs once per item of this list")
    batch: int | None = Field(default=None, description="called once for up to so many runs, of any jobs")
    optional: bool = Field(description="may be skipped")
    pool: Literal["io", "cpu"]
    retries: int
    time_limit: float = Field(description="seconds, of one attempt")
    run_limit: float = Field(description="seconds, from its first attempt on, waits included")
    needs: list[str] = Field(description="providers that it uses")


class PipelineSummary(BaseModel):
    """A pipeline in the list."""

    name: str
    version: int
    title: str
    stages: list[str]


class PipelineView(BaseModel):
    """A pipeline: what it takes and what it does."""

    name: str
    version: int
    title: str
    stages: list[StageInfo]
    input: dict[str, Any] = Field(description="JSON schema of what is submitted")
    uploads: list[str] = Field(description="fields that take files, in a form")
    examples: list[dict[str, Any]]


class PipelineList(BaseModel):
    """Every pipeline."""

    pipelines: list[PipelineSummary]


class Deleted(BaseModel):
    """What was deleted."""

    jobs: int


class Health(BaseModel):
    """How this process is."""

    status: Literal["ok"] = "ok"


class Ready(Health):
    """Whether requests can be served."""

    workers: int = Field(description="worker processes that are alive")
    warnings: list[str] = Field(default_factory=list, examples=[["queue promo.song has no worker"]])
