"""Why a job waits."""

from typing import Annotated

from fastapi import APIRouter, Header

from stagepass.api.deps import PREFIX, JobId, Reader, SystemDep, job_id_of
from stagepass.content.catalogue import negotiate
from stagepass.doctor.texts import catalogue
from stagepass.engine.model.actors import Role
from stagepass.views.why import WhyView, why_view

router = APIRouter(tags=["jobs"])

Language = Annotated[str | None, Header(alias="Accept-Language", max_length=200)]


@router.get(f"{PREFIX}/jobs/{{job_id}}/why", summary="Why does a job wait?")
def why(job_id: JobId, reader: Reader, system: SystemDep, language: Language = None) -> WhyView:
    """What it waits for and since when, the evidence, what happens next, and the requests that move it.

    Texts are in the language of Accept-Language; decide by `code`.
    """
    job, runs = system.engine.look(job_id_of(job_id), reader.scope)
    private = reader.role is Role.OPERATOR
    return why_view(system, job, runs, negotiate(language, catalogue().languages), private=private)
