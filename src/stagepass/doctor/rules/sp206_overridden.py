"""The environment overrides a line of `.env`."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP206", "note")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    lines = {name: Place(facts.environment.file, line) for line, name, _ in facts.environment.lines}
    for name in facts.environment.conflicts:
        yield rule.found(name, f"unset {name}", where=lines.get(name))
