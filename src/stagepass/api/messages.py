"""Messages to a job: stored in order, and taken by the stage that receives them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from stagepass.api.body import read_json
from stagepass.api.callbacks import LARGEST, MessageName
from stagepass.api.deps import PREFIX, Acting, JobId, Key, SystemDep, job_id_of

router = APIRouter(tags=["jobs"])


class Sent(BaseModel):
    """The message is kept."""

    new: bool = Field(description="False when a message with this Idempotency-Key was kept before")


async def payload_of(request: Request) -> Any:
    return await read_json(request, LARGEST)


@router.post(
    f"{PREFIX}/jobs/{{job_id}}/messages/{{name}}",
    status_code=202,
    summary="Send a message to a job",
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": {}}}}},
)
def send(
    job_id: JobId,
    name: MessageName,
    actor: Acting,
    system: SystemDep,
    key: Key,
    payload: Annotated[Any, Depends(payload_of)],
) -> Sent:
    """Keeps any JSON value for the job, from the moment that the job is accepted until a stage takes it.

    Messages of one name are taken in the order of their arrival, each once. With an `Idempotency-Key` the same
    message is kept once. 409 when the job is completed, or too many of its messages are unread.
    """
    return Sent(new=system.engine.send(job_id_of(job_id), name, payload, owner=actor.scope, key=key))
