"""What the doctor finds, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Header

from stagepass.api.deps import PREFIX, Observer, SystemDep
from stagepass.content.catalogue import negotiate
from stagepass.doctor.check import examine
from stagepass.doctor.gather import live
from stagepass.doctor.texts import catalogue
from stagepass.views.doctor import DoctorView, doctor_view

router = APIRouter(tags=["health"])

Language = Annotated[str | None, Header(alias="Accept-Language", max_length=200)]


@router.get(f"{PREFIX}/doctor", summary="What is wrong with this installation?")
def doctor(observer: Observer, system: SystemDep, language: Language = None) -> DoctorView:
    """Looks at the database, Redis, the broker, files, workers and work in flight, and changes nothing.

    For viewers and operators. `unseen` names what could not be looked at: nothing is known of it. Texts follow Accept-Language.
    """
    facts = live(system.sources, system.engine.clock.now(), edge_too=False)
    return doctor_view(examine(facts), negotiate(language, catalogue().languages))
