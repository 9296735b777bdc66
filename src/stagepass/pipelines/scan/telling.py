"""A scan in the words of its clients: the events of its stream, and the body of its result."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from stagepass.engine.engine import Engine
from stagepass.engine.model.records import TERMINAL, Event, Job
from stagepass.engine.model.states import JobState
from stagepass.pipelines.scan.models import Answer, Classified, Reward, Rule

STAGES = ("vision", "rule", "answer", "reward")
PROGRESS = {"queued": 0, "vision": 25, "rule": 50, "answer": 75, "reward": 100, "done": 100}
"""Per cent when a stage is completed."""

PARTS = {
    "vision": ("classification_result",),
    "rule": ("disposal_rules", "other_rules"),
    "answer": ("final_answer",),
    "reward": ("reward", "reward_reason"),
}
"""By stage: what it adds to the result."""

Status = Literal["started", "completed", "retrying", "failed"]

_STATUS: dict[str, Status] = {
    "stage.started": "started",
    "stage.completed": "completed",
    "stage.retrying": "retrying",
    "stage.rescued": "retrying",
    "stage.failed": "failed",
    "stage.cancelled": "failed",
}


class Failure(BaseModel):
    """Why there is no result."""

    code: str
    message: str
    stage: str | None = None
    advice: str | None = None


class PipelineResult(BaseModel):
    """What the stages made; what a failed scan did not come to is null."""

    classification_result: Classified | None
    disposal_rules: Rule | None
    other_rules: list[Rule] = Field(description="of the other objects on the photo; or, if unsure, of what it could be")
    final_answer: Answer | None


class ScanResult(BaseModel):
    """A scan that has ended."""

    task_id: str
    status: Literal["completed", "failed", "cancelled"]
    message: str
    pipeline_result: PipelineResult
    reward: Reward | None
    reward_reason: str | None = Field(default=None, description="a code that says why there is no reward")
    error: Failure | None
    queue_wait_ms: int | None = Field(default=None, description="from the request to the first worker, milliseconds")


def result(engine: Engine, job: Job) -> ScanResult:
    """The body of a result, of a job that has ended."""
    parts = _parts(engine.outputs(job, every=True))
    error = None if job.state is JobState.COMPLETED else _failure(job)
    return ScanResult(
        task_id=job.id,
        status=job.state.value,
        message=error.message if error else "completed",
        pipeline_result=PipelineResult.model_validate({name: parts[name] for name in PipelineResult.model_fields}),
        reward=parts["reward"],
        reward_reason=parts["reward_reason"],
        error=error,
        queue_wait_ms=_queue_wait(engine, job),
    )


def _parts(outputs: dict[str, Any]) -> dict[str, Any]:
    """What the stages made so far, under the names that clients know."""
    rule, reward = outputs.get("rule") or {}, outputs.get("reward") or {}
    return {
        "classification_result": outputs.get("vision"),
        "disposal_rules": rule.get("rule"),
        "other_rules": [*rule.get("others", []), *rule.get("options", [])],
        "final_answer": outputs.get("answer"),
        "reward": reward.get("reward"),
        "reward_reason": reward.get("reason"),
    }


def _failure(job: Job) -> Failure:
    facts = job.error or {"code": f"job_{job.state.value}", "message": f"the scan was {job.state.value}"}
    return Failure.model_validate({name: facts.get(name) for name in Failure.model_fields})


def _queue_wait(engine: Engine, job: Job) -> int | None:
    first = next((run for run in engine.runs(job) if run.stage == STAGES[0]), None)
    return first.started_at - job.created_at if first and first.started_at is not None else None


class Teller:
    """Turns one job's events into those of the stream; progress never goes back, and `done` is the last."""

    def __init__(self, engine: Engine, job: Job) -> None:
        self._engine = engine
        self._job = job
        self._progress = 0

    def __call__(self, event: Event) -> tuple[str, dict[str, Any]] | None:
        if event.type == "stage.waiting":  # a stage starts once, also one that waits for another
            return None
        name = self._name(event)
        ended = event.type in TERMINAL
        if event.type in ("stage.completed", "job.completed"):
            self._progress = max(self._progress, PROGRESS.get(name, 0))
        elif event.stage in STAGES:  # also right for a client that comes in the middle
            self._progress = max(self._progress, PROGRESS[event.stage] - 25)
        facts: dict[str, Any] = {
            "job_id": event.job_id,
            "stage": name,
            "status": self._status(event),
            "seq": event.seq,
            "ts": datetime.fromtimestamp(event.at / 1000, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "progress": self._progress,
            "result": self._result() if ended else self._made(event),
        }
        if "code" in event.data:
            facts["error"] = {key: event.data.get(key) for key in ("code", "message", "advice")}
            facts["error"]["stage"] = event.stage
        return name, facts

    @staticmethod
    def _name(event: Event) -> str:
        if event.type in TERMINAL:
            return "done"
        return event.stage if event.stage is not None else "queued"

    @staticmethod
    def _status(event: Event) -> Status:
        if event.type in TERMINAL:
            return "completed" if event.type == "job.completed" else "failed"
        return _STATUS.get(event.type, "completed" if event.type == "job.accepted" else "started")

    def _made(self, event: Event) -> dict[str, Any] | None:
        """The part of the result that a completed stage adds, so that clients see the item before the answer is ready."""
        if event.type != "stage.completed" or event.stage not in STAGES:
            return None
        whole = _parts(self._engine.outputs(self._job, every=True))
        return {name: whole[name] for name in PARTS[event.stage]}

    def _result(self) -> dict[str, Any]:
        """The stored result: it is there before its event is."""
        return result(self._engine, self._engine.job(self._job.id, self._job.owner)).model_dump(mode="json")
