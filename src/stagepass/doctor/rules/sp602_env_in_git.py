"""`.env` is kept in git."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP602", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    environment = facts.environment
    if environment.tracked:
        yield rule.found(environment.file, f"git rm --cached {environment.file}", where=Place(environment.file))
