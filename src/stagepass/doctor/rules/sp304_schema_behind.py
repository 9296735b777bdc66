"""The schema is missing or older than this code needs."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP304", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    database = facts.database
    if not database.refused and (database.revision is None or database.revision < database.head):
        yield rule.found("schema", "stagepass db upgrade", at=database.revision or "-", needed=database.head)
