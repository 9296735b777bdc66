"""A short pause of the database would be taken for a worker's death, or a death noticed late."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP213", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    seconds = facts.settings.dead_after_seconds
    if seconds < 3 or seconds > 60:
        yield rule.found("DEAD_AFTER_SECONDS", "unset DEAD_AFTER_SECONDS", seconds=f"{seconds:g}")
