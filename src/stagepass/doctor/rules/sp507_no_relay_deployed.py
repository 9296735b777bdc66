"""The deployment has no relay."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests import lines
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP507", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for kind, processes in facts.deployment.kinds():
        roles = {process.role for process in processes if process.replicas > 0}
        if "worker" in roles and not roles & {"relay", "up"}:
            last = processes[-1]
            yield rule.found("relay", lines.another(last, "relay"), where=Place(last.file, last.line), kind=kind)
