"""A file cannot be read, or names one that is not there."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP527", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for file, line, problem in facts.deployment.problems:
        yield rule.found(file, f"sed -n {line}p {file}", where=Place(file, line), problem=problem)
