"""Callbacks of providers: a signed address wakes the stage run that it was made for."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel

from stagepass.api.body import read_json
from stagepass.api.deps import PREFIX, Key, SystemDep
from stagepass.engine.model.ids import job_of
from stagepass.errors import Conflict, NotFound

router = APIRouter(tags=["callbacks"])

LARGEST = 64 * 1024


MessageName = Annotated[str, Path(description="the name that the stage gives to `ctx.receive`", max_length=60)]


class Taken(BaseModel):
    """The callback was taken."""

    ok: bool = True


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


@router.post(
    f"{PREFIX}/callbacks/{{token}}/{{name}}",
    summary="Send a message by a signed address",
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": {}}}}},
)
def named_callback(
    name: MessageName, found: Annotated[tuple[str, Any], Depends(payload_of)], system: SystemDep, key: Key
) -> Taken:
    """For anyone with the URL from `ctx.callback_url(name)`: the body is a message of that name to the job.

    With an `Idempotency-Key` the same message is kept once. Late calls do no harm, and get the same answer.
    """
    run_id, payload = found
    try:
        system.engine.send(job_of(run_id), name, payload, key=key)
    except (NotFound, Conflict):
        pass  # the job has ended, was deleted, or has too many unread messages
    return Taken()
