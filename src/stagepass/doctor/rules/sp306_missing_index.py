"""An index is missing: queries scan instead."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import sql
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP306", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for name, statement in facts.database.missing_indexes:
        yield rule.found(name, sql(facts.settings.database, statement))
