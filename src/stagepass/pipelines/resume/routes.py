"""The routes of `resume`: two lanes for one pipeline, the stored profile, and its deletion (below ``/api/v1``)."""

import json
from datetime import datetime, timedelta
from statistics import median
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, JsonValue

from stagepass.engine.model.filters import JobFilter
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import JobState
from stagepass.errors import InvalidInput, NotFound, RequestError
from stagepass.inputs import validated
from stagepass.pipelines.http import RouteDeps
from stagepass.pipelines.resume.metering import FACTS, ROWS, SESSION, Metering, session_of_key
from stagepass.pipelines.resume.models import Profile, ResumeReport
from stagepass.pipelines.resume.parsing.profile import language_of
from stagepass.pipelines.resume.reading.extract import Unreadable
from stagepass.pipelines.resume.reading.places import Places
from stagepass.pipelines.resume.request import ResumeRequest
from stagepass.pipelines.resume.status import JobStatus, Started, at, error_of, status_of, view
from stagepass.pipelines.resume.texts import texts
from stagepass.sentences import sentence

PIPELINE = "resume"
USUAL = 20.0
"""Seconds that an analysis is taken to need, until some were made."""
PAGE = 100

middleware = Metering


class AnalysisFailed(RequestError):
    """The analysis was begun and failed; the text says why, and what to do."""

    code = "analysis_failed"
    status = 422


class AnalysisUnavailable(AnalysisFailed):
    """It failed because a provider did; the same request may work later."""

    status = 502


class ProfileView(BaseModel):
    """A stored profile with what was made of it."""

    resume_profile_id: str
    session_id: str
    created_at: datetime
    profile: JsonValue
    interview_questions: list[JsonValue]
    learning_paths: list[JsonValue]


class Deleted(BaseModel):
    """How many profiles are gone."""

    profiles: int


def make_router(deps: RouteDeps) -> APIRouter:
    """The routes; the API mounts them below ``/api/v1``."""
    router = APIRouter(prefix="/resume")
    incoming_of = Depends(deps.read_input(PIPELINE))

    async def measured_owner(request: Request, owner: Annotated[str, Depends(deps.owner)]) -> str:
        """The caller's name, noted with the call."""
        request.scope[FACTS]["owner"] = owner
        return owner

    owner_of = Depends(measured_owner)

    async def session_key(
        request: Request, owner: Annotated[str, owner_of], key: Annotated[str | None, Depends(deps.key)]
    ) -> str | None:
        """The idempotency key, of whichever header; it decides the session where none is named."""
        if key is not None:
            session_of_key(request.scope, owner, key)
        return key

    key_of = Depends(session_key)
    analyses = _Analyses(deps)
    places = Places()

    async def read_files(
        request: Request, owner: Annotated[str, owner_of], incoming: Annotated[Any, incoming_of]
    ) -> list[str]:
        """The texts of the files that came in; while they are read, no thread of the API is held."""
        try:
            return [await places.read(owner, upload.content) for upload in incoming.uploads]
        except Unreadable as problem:
            asked = incoming.values.get("language") if isinstance(incoming.values, dict) else None
            language = asked or request.headers.get("accept-language", "en")
            raise InvalidInput(problem.told(str(language)[:20]), field="resume_file") from None

    texts_of = Depends(read_files)

    @router.post(
        "/analyze",
        summary="Analyse a résumé now",
        response_model=ResumeReport,
        openapi_extra=deps.body(PIPELINE),
        responses={202: {"model": Started, "description": "The time is up; the job continues"}},
    )
    def analyze(
        request: Request,
        owner: Annotated[str, owner_of],
        key: Annotated[str | None, key_of],
        incoming: Annotated[Any, incoming_of],
        texts: Annotated[list[str], texts_of],
    ) -> Any:
        """200 with the result; 202 with the job's id where it takes longer than FAST_LANE_SECONDS."""
        checked = analyses.read(incoming.values, texts, request.scope[SESSION])
        job = deps.engine.run_now(PIPELINE, checked, owner=owner, key=key, budget=deps.fast_lane_seconds).job
        report = analyses.result_now(job, request.scope[FACTS], language_for(checked))
        if report is not None:
            return report
        started = analyses.started(job, owner, checked)
        headers = {"Location": f"/api/v1/resume/job-status/{job.id}", "Retry-After": "2"}
        return Response(started.model_dump_json(), 202, headers, media_type="application/json")

    @router.post("/analyze-async", status_code=202, summary="Analyse a résumé", openapi_extra=deps.body(PIPELINE))
    def analyze_async(
        request: Request,
        owner: Annotated[str, owner_of],
        key: Annotated[str | None, key_of],
        incoming: Annotated[Any, incoming_of],
        texts: Annotated[list[str], texts_of],
    ) -> Started:
        """Accepts it for the workers. After the answer it is kept, whatever happens."""
        checked = analyses.read(incoming.values, texts, request.scope[SESSION])
        job = deps.engine.submit(PIPELINE, checked, owner=owner, key=key).job
        request.scope[FACTS]["job_id"] = job.id
        return analyses.started(job, owner, checked)

    @router.get("/job-status/{job_id}", summary="See how an analysis is")
    def job_status(job_id: str, request: Request, owner: Annotated[str, owner_of]) -> JobStatus:
        """The status, and the result once it is completed."""
        job = analyses.find(job_id, owner)
        request.scope[FACTS]["job_id"] = job.id
        return analyses.status(job, owner)

    @router.get("/profile/{profile_id}", summary="Get a stored profile")
    def profile(profile_id: str, request: Request, owner: Annotated[str, owner_of]) -> ProfileView:
        """What was read from the résumé, with its questions and paths as far as they are made."""
        job = analyses.find(profile_id, owner)
        request.scope[FACTS]["job_id"] = job.id
        return analyses.profile(job)

    @router.delete("/profile/{profile_id}", summary="Delete a profile")
    def delete_profile(profile_id: str, request: Request, owner: Annotated[str, owner_of]) -> Deleted:
        """The résumé with everything that was made of it, and the calls about it. It cannot be undone."""
        job = analyses.find(profile_id, owner)
        _forgetting(request)
        deps.delete([job.id])
        return Deleted(profiles=1)

    @router.delete("/session/{session_id}", summary="Delete the data of a session")
    def delete_session(session_id: str, request: Request, owner: Annotated[str, owner_of]) -> Deleted:
        """Every profile of the caller's in that session, and what was noted of its calls. It cannot be undone."""
        _forgetting(request)
        return Deleted(profiles=analyses.delete_session(session_id, owner))

    return router


class _Analyses:
    """Jobs of `resume`, in the words of these routes."""

    def __init__(self, deps: RouteDeps) -> None:
        self._deps = deps
        self._engine = deps.engine

    def read(self, sent: Any, texts: list[str], session: str) -> ResumeRequest:
        """What was sent, with the text of an upload in its file's place: the file itself is not kept."""
        if not isinstance(sent, dict):
            raise InvalidInput(sentence("input: must be a JSON object"), field="input")
        values = dict(sent)
        if values.pop("resume_file", None) is not None:
            raise InvalidInput(
                sentence("a stored file cannot be referenced; upload the file in a form"), field="resume_file"
            )
        values["session_id"] = session
        if texts:
            values["resume_text"] = "\n".join(filter(None, (str(values.get("resume_text") or ""), *texts)))
        return validated(ResumeRequest, values)

    def find(self, job_id: str, owner: str) -> Job:
        """The owner's analysis. Raises `NotFound`."""
        job = self._deps.job(job_id, owner)
        if job.pipeline != PIPELINE:
            raise NotFound(sentence("there is no analysis with this id"))
        return job

    def result_now(self, job: Job, facts: dict[str, Any], language: str) -> ResumeReport | None:
        """The result of a job that has ended; None while it is running. Raises `AnalysisFailed`."""
        facts["job_id"] = job.id
        if job.state in (JobState.FAILED, JobState.CANCELLED):
            job, runs = self._engine.look(job.id, job.owner)
            error = job.error or {}
            code = str(error.get("code", "error"))
            theirs = code == "blocked" or error.get("stage") == "parse"  # their text or file; else ours or a provider's
            kind = AnalysisFailed if theirs else AnalysisUnavailable
            told = error_of(job, runs, language)
            raise kind(told[1] if told else texts().text("resume.cancelled", language), job_id=job.id, error=code)
        if job.state is not JobState.COMPLETED:
            return None
        report = ResumeReport.model_validate(self._engine.result(job))
        facts["model_ms"] = max(made.milliseconds for made in report.made.values())
        facts["tokens"] = report.tokens
        return report

    def started(self, job: Job, owner: str, request: ResumeRequest) -> Started:
        language = language_for(request)
        job, runs = self._engine.look(job.id, owner)
        return Started(
            job_id=job.id,
            status=status_of(job, runs),
            message=texts().text("resume.accepted", language),
            estimated_completion_time=at(job.created_at) + timedelta(seconds=self._usual_seconds(owner)),
        )

    def _usual_seconds(self, owner: str) -> float:
        last = self._engine.jobs(JobFilter(owner, pipeline=PIPELINE, states=(JobState.COMPLETED,), limit=20))
        took = [(job.finished_at - job.created_at) / 1000 for job in last if job.finished_at]
        return max(1.0, median(took)) if took else USUAL

    def status(self, job: Job, owner: str) -> JobStatus:
        job, runs = self._engine.look(job.id, owner)
        request = ResumeRequest.model_validate_json(job.input)
        language = language_for(request)
        return view(job, runs, self._engine.result(job), language, self._engine.clock.now(), self._deps.served)

    def profile(self, job: Job) -> ProfileView:
        made = self._engine.outputs(job, every=True)
        if "parse" not in made:
            raise NotFound(sentence("the profile is not ready yet; check the job status"))
        return ProfileView(
            resume_profile_id=job.id,
            session_id=_session_of(job),
            created_at=at(job.created_at),
            profile=Profile.model_validate(made["parse"]).model_dump(mode="json"),
            interview_questions=made.get("questions", {}).get("questions", []),
            learning_paths=made.get("learning_path", {}).get("learning_paths", []),
        )

    def delete_session(self, session: str, owner: str) -> int:
        """Looks through the owner's analyses, a page at a time."""
        count, before = 0, None
        while page := self._engine.jobs(JobFilter(owner, pipeline=PIPELINE, before=before, limit=PAGE)):
            before = page[-1].id
            if ids := [job.id for job in page if _session_of(job) == session]:
                self._deps.delete(ids)
                count += len(ids)
        if session:
            self._engine.store.forget_calls(owner=owner, session=session)
        return count


def language_for(request: ResumeRequest) -> str:
    """The language of the answer."""
    return request.language or language_of(request.text)


def _forgetting(request: Request) -> None:
    """Write pending measurements first, so that they are deleted too; this call is recorded without an owner."""
    request.scope[FACTS]["nobody"] = True
    request.scope[ROWS].flush()


def _session_of(job: Job) -> str:
    return str(json.loads(job.input).get("session_id", ""))
