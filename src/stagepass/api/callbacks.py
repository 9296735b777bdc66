"""Callbacks of providers: a signed address wakes the stage run that it was made for."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from stagepass.api.body import media_type, read_json
from stagepass.api.deps import PREFIX, Key, SystemDep
from stagepass.api.message_forms import Language, message_page, small_form, take_form, waited_for
from stagepass.engine.model.ids import job_of
from stagepass.errors import Conflict, NotFound

router = APIRouter(tags=["callbacks"])

LARGEST = 64 * 1024
FORM = "application/x-www-form-urlencoded"


MessageName = Annotated[str, Path(description="the name that the stage gives to `ctx.receive`", max_length=60)]


class Taken(BaseModel):
    """The callback was taken."""

    ok: bool = True


@dataclass(frozen=True, slots=True)
class Sent:
    """What came by a signed address: JSON of a program, or the fields of a form that a person has sent."""

    run_id: str
    payload: Any = None
    form: dict[str, str] | None = None


async def sent_to(token: str, request: Request, system: SystemDep) -> Sent:
    """Target and content of a message. The token is verified first."""
    claims = system.links.verify("callback", token)
    if media_type(request) == FORM:
        return Sent(str(claims["run"]), form=await small_form(request, LARGEST))
    return Sent(str(claims["run"]), await read_json(request, LARGEST, any_type=True))


async def payload_of(token: str, request: Request, system: SystemDep) -> tuple[str, Any]:
    """Target and payload of a callback. The token is verified first."""
    claims = system.links.verify("callback", token)
    return str(claims["run"]), await read_json(request, LARGEST, any_type=True)


@router.post(
    f"{PREFIX}/callbacks/{{token}}",
    summary="Wake a stage run",
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": {}}}}},
)
def callback(found: Annotated[tuple[str, Any], Depends(payload_of)], system: SystemDep) -> Taken:
    """For providers: the address that a stage gave them. Late and repeated calls do no harm, and get the same answer."""
    run_id, payload = found
    try:
        system.engine.signal(run_id, payload)
    except (NotFound, Conflict):
        pass  # the run has ended or was deleted
    return Taken()


@router.get(
    f"{PREFIX}/callbacks/{{token}}/{{name}}",
    summary="See what a job waits for",
    response_class=HTMLResponse,
)
def message_form(token: str, name: MessageName, system: SystemDep, language: Language = None) -> HTMLResponse:
    """A page with the form of the message that a stage waits for with `ctx.receive(type=Model)`. It changes nothing."""
    claims = system.links.verify("callback", token)
    return message_page(waited_for(system, str(claims["run"]), name), language)


@router.post(
    f"{PREFIX}/callbacks/{{token}}/{{name}}",
    summary="Send a message by a signed address",
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": {}}}}},
    response_model=Taken,
)
def named_callback(
    name: MessageName,
    sent: Annotated[Sent, Depends(sent_to)],
    system: SystemDep,
    key: Key,
    language: Language = None,
) -> Taken | HTMLResponse:
    """For anyone with the URL from `ctx.callback_url(name)`: the body is a message of that name to the job.

    With an `Idempotency-Key` the same message is kept once. Late calls do no harm, and get the same answer. A person
    sends the form of the same address, and gets a page: 422 if a field does not fit, 409 if nothing waits for it.
    """
    if sent.form is not None:
        return take_form(system, sent.run_id, name, sent.form, language)
    try:
        system.engine.send(job_of(sent.run_id), name, sent.payload, key=key)
    except (NotFound, Conflict):
        pass  # the job has ended, was deleted, or has too many unread messages
    return Taken()
