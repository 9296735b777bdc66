"""The server has no such database."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import create_database, shown
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP303", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    refused = facts.database.refused
    if refused and refused.kind == "place":
        yield rule.found(shown(facts.settings.database), create_database(facts.settings.database), problem=refused.text)
