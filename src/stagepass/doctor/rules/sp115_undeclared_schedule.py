"""A schedule is kept in the database and declared nowhere."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP115", "note")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    declared = {schedule.name for pipeline in facts.registry for schedule in pipeline.schedules.declared.values()}
    for row in facts.schedules:
        if row.name not in declared and not row.paused:
            yield rule.found(row.name, f"stagepass schedules pause {row.name}")
