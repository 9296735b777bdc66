"""The database takes no writes."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import shown, writable
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP310", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    database = facts.database
    if not database.refused and not database.writable:
        yield rule.found(shown(facts.settings.database), writable(facts.settings.database))
