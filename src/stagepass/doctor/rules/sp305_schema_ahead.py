"""The schema is newer than this code."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP305", "note")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    database = facts.database
    if database.revision is not None and database.revision > database.head:
        yield rule.found("schema", "pip install --upgrade stagepass", at=database.revision, known=database.head)
