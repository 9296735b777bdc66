"""Processes of one deployment are given different values of a setting that must be alike."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests import sense
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP506", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for kind, processes in facts.deployment.kinds():
        for name in sense.ALIKE:
            for odd, other, value, rest in sense.odd_ones(processes, name):
                value_at = odd.environment.get(name)
                file, line = (value_at.file, value_at.line) if value_at else (odd.file, odd.line)
                yield rule.found(
                    name,
                    f"{name}={sense.hidden(name, rest)}",
                    where=Place(file or odd.file, line),
                    name=odd.name,
                    value=sense.hidden(name, value),
                    other=other.name,
                    kind=kind,
                )
