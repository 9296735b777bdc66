"""A process that ends is not started again."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests import lines
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP531", "warning", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for process in facts.deployment.ours("api", "worker", "relay", "up"):
        if process.restarts is False:
            yield rule.found(
                process.name, lines.restart_line(process), where=Place(process.file, process.line), kind=process.kind
            )
