"""Finds the job that an argument means: by its id, or by the id that a client gave with its request."""

from typing import TYPE_CHECKING
from uuid import UUID

from stagepass.sentences import sentence

if TYPE_CHECKING:
    from stagepass.bootstrap import System


def job_id_of(system: "System", given: str) -> str:
    """The id of the job.

    Args:
        given: a job's id, or an idempotency key such as promo's `task_id`, of any owner.

    Raises:
        NotFound: there is no such job. Conflict: several owners gave this key.
    """
    from stagepass.errors import Conflict, NotFound

    try:
        return system.engine.job(given, None).id
    except NotFound:
        found = system.store.jobs_of_key(given) or system.store.jobs_of_key(_plain(given))
        if len(found) == 1:
            return found[0].id
        if found:
            ids = ", ".join(f"{job.id} ({job.owner})" for job in found)
            raise Conflict(
                sentence("several jobs have the key {key}; name one by its id: {jobs}", key=given, jobs=ids)
            ) from None
        raise


def _plain(given: str) -> str:
    try:
        return str(UUID(given))
    except ValueError:
        return given
