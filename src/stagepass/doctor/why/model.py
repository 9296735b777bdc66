"""The answer to "why": reasons with evidence, the next step and the commands."""

from dataclasses import dataclass, field
from typing import Any, Literal

from stagepass.engine.model.records import Job, StageRun

Waits = Literal["operator", "person", "time"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was seen.

    Attributes:
        name: what it is; the text ``fact.NAME`` labels it.
        value: a plain text or number.
        at: when it was so, in milliseconds since the epoch.
        private: names hosts, processes or addresses; shown to operators only.
    """

    name: str
    value: str | int | float
    at: int | None = None
    private: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """A way to move the job.

    Attributes:
        command: as typed in a shell, with the installation's settings.
        request: the same over HTTP, where a route does it.
        note: code of the text ``act.NOTE`` that says when to choose it.
        private: for operators only: it names a process, or answers in another person's place.
    """

    command: str
    request: str | None = None
    note: str | None = None
    private: bool = False


@dataclass(slots=True)
class Reason:
    """Why one stage run (or several items alike) does not move, or what it is doing.

    Attributes:
        code: stable; ``why.CODE`` is its text, ``next.CODE`` what happens without a person.
        since: in milliseconds since the epoch.
        at: when it moves without a person; None: not before the cause is gone.
        waits: ``operator`` if something of the installation has to be mended, ``person`` if a decision is due,
            ``time`` if it moves without either.
        child: of a stage that waits for another job: that job's answer.
    """

    code: str
    run: StageRun | None = None
    since: int | None = None
    at: int | None = None
    waits: Waits = "time"
    parameters: dict[str, Any] = field(default_factory=dict)
    evidence: list[Fact] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    child: "Why | None" = None
    count: int = 1


@dataclass(slots=True)
class Why:
    """The answer for one job; the reason that needs a hand comes first.

    Attributes:
        unseen: what could not be looked at, by name.
        at: when it was looked at, in milliseconds since the epoch.
    """

    job: Job
    at: int
    reasons: list[Reason]
    unseen: list[str] = field(default_factory=list)
