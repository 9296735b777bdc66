"""Operations that set and lift pauses and limits, each with its entry in the audit log."""

from dataclasses import dataclass, replace
from typing import Any

from stagepass.engine.commit.operation import Operation
from stagepass.engine.model.actors import Act
from stagepass.engine.model.controls import Pause, RuntimeLimit, Scope
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.errors import NotFound
from stagepass.sentences import sentence

Control = Pause | RuntimeLimit


@dataclass(slots=True)
class SetControl(Operation):
    """Set a pause or a limit, in place of one of the same scope and name."""

    control: Control
    act: Act | None

    def apply(self, uow: UnitOfWork) -> Control:
        control = replace(self.control, since=uow.now)
        before = _find(uow, control)
        if isinstance(control, Pause) and before is not None:
            control = replace(control, since=before.since)  # since when it stands
        uow.set_control(control)
        _note(uow, self.act, control, before, control)
        return control


@dataclass(slots=True)
class LiftControl(Operation):
    """End a pause or a limit. Raises `NotFound` when there is none."""

    control: Control
    act: Act | None

    def apply(self, uow: UnitOfWork) -> Control:
        there = _find(uow, self.control)
        if there is None:
            name = self.control.name
            raise NotFound(
                sentence("{name} is not paused", name=name)
                if isinstance(self.control, Pause)
                else sentence("{name} has no limit that was set at run time", name=name),
                name=name,
            )
        uow.lift(there)
        _note(uow, self.act, there, there, None)
        return there


@dataclass(slots=True)
class NoteAct(Operation):
    """Record an act whose effect is outside of SQL."""

    act: Act
    subject: str

    def apply(self, uow: UnitOfWork) -> None:
        uow.note_act(self.act, self.subject, None, None, None)


def _find(uow: UnitOfWork, control: Control) -> Control | None:
    look = uow.tx.pause if isinstance(control, Pause) else uow.tx.limit
    return look(control.scope, control.name)


def _note(uow: UnitOfWork, act: Act | None, control: Control, before: Control | None, after: Control | None) -> None:
    if act is not None:
        owner = control.name if control.scope is Scope.OWNER else None
        uow.note_act(act, f"{control.scope.value}:{control.name}", None, _shown(before), _shown(after), owner=owner)


def _shown(control: Control | None) -> dict[str, Any] | None:
    match control:
        case Pause():
            return {"paused": True}
        case RuntimeLimit(limit=limit):
            return {"concurrency": limit.concurrency, "rate": limit.rate, "per_seconds": limit.per}
    return None
