"""A setting has a value that cannot be used."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP204", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    if problem := facts.environment.problem:
        name, _, said = problem.partition(": ")
        if not said or name != name.upper():  # no setting is at fault: there is no installation here yet
            yield rule.found("DATA_DIR", "stagepass up", problem=problem)
            return
        lines = {known: Place(facts.environment.file, line) for line, known, _ in facts.environment.lines}
        fix = f"{name}=" if name in lines else f"unset {name}"
        yield rule.found(name, fix, where=lines.get(name), problem=problem)
