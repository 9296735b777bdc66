"""A worker is not given a secret that its stage needs."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests import sense
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP505", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for process in facts.deployment.ours("worker"):
        if "*" in process.environment:
            continue
        for queue, secret in sense.missing_secrets(facts.registry, process):
            yield rule.found(
                secret, f"{secret}=…", where=Place(process.file, process.line), name=process.name, queue=queue
            )
