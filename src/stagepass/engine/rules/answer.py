"""A person's answer to an approval: recorded once, for anyone with the link."""

import json
from typing import Any

from stagepass.engine.model.ids import new_token
from stagepass.engine.model.records import Job, Memo, StageRun
from stagepass.engine.model.states import ENDED, OPEN
from stagepass.engine.rules.messages import wake_now
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.errors import Conflict
from stagepass.sentences import sentence

QUESTION, VERDICT = "approval:", "verdict:"
"""Prefixes of the two memos of an approval; its name follows."""


def answer(
    uow: UnitOfWork,
    run: StageRun,
    job: Job,
    *,
    name: str,
    ask: str,
    approved: bool,
    note: str,
    filled: dict[str, Any] | None = None,
) -> None:
    """Keep the answer and wake the stage run.

    Raises:
        Conflict: already answered, past the deadline, or no longer needed.
    """
    asked = uow.tx.memo(run.id, QUESTION + name)
    question = json.loads(asked.value) if asked is not None and asked.value is not None else None
    if question is None or question["ask"] != ask or job.state in ENDED or run.state not in OPEN:
        raise Conflict(sentence("this request is closed"), reason="over")
    if uow.tx.memo(run.id, VERDICT + name) is not None:
        raise Conflict(sentence("this request was already answered"), reason="answered")
    if uow.now >= question["until"]:
        raise Conflict(sentence("the deadline has passed"), reason="late")
    verdict = {"approved": approved, "note": note, "who": question["who"], "at": uow.now}
    if filled is not None:
        verdict["answer"] = filled
    uow.note_intent(Memo(run.id, VERDICT + name, new_token(), json.dumps(verdict, ensure_ascii=False), uow.now))
    uow.emit(job, "stage.answered", run, approved=approved)
    wake_now(uow, run, job)
