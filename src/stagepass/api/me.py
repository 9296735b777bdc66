"""Routes for all data of the caller."""

from fastapi import APIRouter

from stagepass.api.deps import PREFIX, Owner, SystemDep
from stagepass.api.views import Deleted
from stagepass.engine.maintain.pruner import delete_owner

router = APIRouter(tags=["privacy"])


@router.delete(f"{PREFIX}/me/data", summary="Delete everything of the caller")
def delete_everything(owner: Owner, system: SystemDep) -> Deleted:
    """Every job of the caller's with its inputs, results, events and files. It cannot be undone.

    The audit log keeps that it was done, under a random name.
    """
    return Deleted(jobs=delete_owner(system.store, system.files, owner, system.engine.clock.now()))
