"""A liveness probe asks over the broker, and kills busy workers."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP511", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for process in facts.deployment.ours("worker"):
        if "inspect" in process.probe or "celery" in process.probe:
            yield rule.found(
                process.name, "stagepass health", where=Place(process.file, process.line), probe=process.probe
            )
