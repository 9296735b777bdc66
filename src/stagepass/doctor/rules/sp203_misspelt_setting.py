"""A name in the environment or in `.env` is nearly a setting's."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.names import misspelt
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP203", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    environment = facts.environment
    lines = {name: Place(environment.file, line) for line, name, _ in environment.lines}
    for name in sorted({*lines, *environment.names}):
        meant = misspelt(name, environment.known)
        if meant and meant not in lines and meant not in environment.names:
            yield rule.found(name, f"{meant}=…", where=lines.get(name), meant=meant)
