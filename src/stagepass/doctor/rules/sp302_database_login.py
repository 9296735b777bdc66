"""The database refuses the user or the password."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import example, shown
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP302", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    refused = facts.database.refused
    if refused and refused.kind == "login":
        yield rule.found(
            shown(facts.settings.database), f"DATABASE_URL={example(facts.settings.database)}", problem=refused.text
        )
