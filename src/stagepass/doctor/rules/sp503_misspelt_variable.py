"""A variable's name is nearly a setting's."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.names import misspelt
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP503", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    known = facts.environment.known
    for process in facts.deployment.ours():
        for name, value in process.environment.items():
            meant = misspelt(name, known)
            if meant and meant not in process.environment:
                yield rule.found(
                    name, f"{meant}=…", where=Place(value.file, value.line), name=process.name, meant=meant
                )
    for file, line, name, _ in facts.deployment.variables:
        meant = misspelt(name, known)
        if meant:
            yield rule.found(name, f"{meant}=…", where=Place(file, line), name=file.rpartition("/")[2], meant=meant)
