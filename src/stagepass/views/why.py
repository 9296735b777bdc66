"""The answer to "why" as JSON, in the reader's language."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from stagepass.bootstrap import System
from stagepass.content.translate import translated
from stagepass.doctor.texts import text
from stagepass.doctor.why.explain import explain
from stagepass.doctor.why.model import Fact, Reason, Why
from stagepass.engine.model.records import Job, StageRun
from stagepass.engine.model.states import JobState
from stagepass.views.times import at, maybe_at


class FactView(BaseModel):
    """One thing that was seen."""

    name: str = Field(description="stable", examples=["workers_of_queue"])
    label: str = Field(examples=["live workers of this queue"])
    value: str | int | float
    at: datetime | None = Field(default=None, description="when it was so")


class NextView(BaseModel):
    """What happens without a person."""

    text: str
    at: datetime | None = Field(default=None, description="when, as far as it is known")


class ActView(BaseModel):
    """A way to move the job."""

    command: str = Field(description="in a shell with the installation's settings", examples=["stagepass relay"])
    request: str | None = Field(default=None, description="the same over HTTP, where a route does it")
    note: str | None = None


class ReasonView(BaseModel):
    """Why a stage does not move, or what it does."""

    code: str = Field(description="stable; decide by it", examples=["no_worker"])
    stage: str | None = None
    item: int | None = None
    run_id: str | None = None
    count: int = Field(description="stage runs with this reason")
    waits_for: Literal["operator", "person", "time"] = Field(
        description="operator: something has to be mended; person: a decision; time: it moves by itself"
    )
    text: str
    since: datetime | None = None
    next: NextView
    evidence: list[FactView]
    acts: list[ActView]
    child: "WhyView | None" = Field(default=None, description="of a stage that waits for a job: that job's answer")


class WhyView(BaseModel):
    """Why a job stands where it stands."""

    job_id: str
    pipeline: str
    version: int
    state: JobState
    looked_at: datetime
    reasons: list[ReasonView] = Field(description="what needs a hand comes first")
    unseen: list[str] = Field(description="services that did not answer, so that nothing is known of them")


def why_view(system: System, job: Job, runs: Sequence[StageRun], language: str, *, private: bool = False) -> WhyView:
    """Explain a job. `private`: also name hosts and processes, for operators."""
    return shown(explain(system.sources, job, runs), language, private=private)


def shown(why: Why, language: str, *, private: bool) -> WhyView:
    """An answer in the reader's language."""
    return WhyView(
        job_id=why.job.id,
        pipeline=why.job.pipeline,
        version=why.job.version,
        state=why.job.state,
        looked_at=at(why.at),
        reasons=[_reason(reason, language, private) for reason in why.reasons],
        unseen=why.unseen,
    )


def _reason(reason: Reason, language: str, private: bool) -> ReasonView:
    run = reason.run
    return ReasonView(
        code=reason.code,
        stage=run.stage if run else reason.parameters.get("stage") or None,
        item=run.item if run else None,
        run_id=run.id if run else None,
        count=reason.count,
        waits_for=reason.waits,
        text=text(f"why.{reason.code}", language, **reason.parameters),
        since=maybe_at(reason.since),
        next=NextView(text=text(f"next.{reason.code}", language, **reason.parameters), at=maybe_at(reason.at)),
        evidence=[_fact(fact, language) for fact in reason.evidence if private or not fact.private],
        acts=[
            ActView(
                command=act.command,
                request=act.request,
                note=text(f"act.{act.note}", language, **reason.parameters) if act.note else None,
            )
            for act in reason.acts
            if private or not act.private
        ],
        child=shown(reason.child, language, private=private) if reason.child else None,
    )


def _fact(fact: Fact, language: str) -> FactView:
    value = translated(fact.value, language) if isinstance(fact.value, str) else fact.value
    return FactView(name=fact.name, label=text(f"fact.{fact.name}", language), value=value, at=maybe_at(fact.at))
