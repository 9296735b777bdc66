"""A setting has a value that cannot be used."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP204", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    if problem := facts.environment.problem:
        name = problem.partition(":")[0]
        lines = {known: Place(facts.environment.file, line) for line, known, _ in facts.environment.lines}
        yield rule.found(
            name, f"unset {name}" if name not in lines else f"{name}=", where=lines.get(name), problem=problem
        )
