"""The database does not answer."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import shown, start_service
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP301", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    refused = facts.database.refused
    if refused and refused.kind == "away":
        yield rule.found(shown(facts.settings.database), start_service(facts.settings.database), problem=refused.text)
