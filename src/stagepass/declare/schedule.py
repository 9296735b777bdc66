"""Schedules as they are declared: a pipeline is submitted at the times that a cron expression names.

party.schedule("0 9 * * *", input={"host": "Mina"}, zone="Asia/Seoul")
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ValidationError

from stagepass.declare.tags import read_tags
from stagepass.errors import DeclarationError, InvalidInput

Missed = Literal["once", "skip"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The declaration.

    Attributes:
        name: ``pipeline:name``, unique.
        missed: after an outage, submit one job (``"once"``) or none (``"skip"``) for missed due times.
    """

    name: str
    pipeline: str
    cron: str
    zone: str
    input: Mapping[str, Any]
    owner: str
    missed: Missed
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def timing(self) -> str:
        """The timing: cron expression and time zone."""
        return f"{self.cron} {self.zone}"

    def after(self, moment: int) -> int:
        """The first due time after that moment, both in milliseconds since the epoch."""
        then = datetime.fromtimestamp(moment / 1000, UTC).astimezone(ZoneInfo(self.zone))
        return int(next(CronSim(self.cron, then)).timestamp() * 1000)


@dataclass(slots=True)
class Schedules:
    """The schedules of one pipeline, as it declares them."""

    pipeline: str
    input: type[BaseModel]
    declared: dict[str, Schedule] = field(default_factory=dict)

    def add(
        self,
        cron: str,
        input: BaseModel | Mapping[str, Any] | None,
        zone: str,
        name: str,
        owner: str,
        missed: Missed,
        tags: Mapping[str, str],
    ) -> Schedule:
        """Raises `DeclarationError`."""
        where = f"pipeline {self.pipeline!r}: schedule {name!r}"
        if name in self.declared:
            raise DeclarationError(f"{where} is declared twice; give one of them another name")
        if len(f"{self.pipeline}:{name}") > 90:
            raise DeclarationError(f"{where}: the name is too long")
        if missed not in ("once", "skip"):
            raise DeclarationError(f'{where}: missed is "once" or "skip", not {missed!r}')
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise DeclarationError(f'{where}: there is no time zone {zone!r}; write one like "Asia/Seoul"') from None
        try:
            next(CronSim(cron, datetime.now(UTC)))
        except (CronSimError, StopIteration):
            raise DeclarationError(
                f'{where}: {cron!r} is not a cron expression; "0 9 * * *" is every day at nine'
            ) from None
        try:
            given = self.input.model_validate(input if input is not None else {})
        except ValidationError as problem:
            raise DeclarationError(f"{where}: the input does not fit: {problem.errors()[0]['msg']}") from None
        try:
            checked = read_tags(tags)
        except InvalidInput as problem:
            raise DeclarationError(f"{where}: {problem.args[0]}") from None
        values = given.model_dump(mode="json")
        made = Schedule(f"{self.pipeline}:{name}", self.pipeline, cron, zone, values, owner, missed, checked)
        self.declared[name] = made
        return made
