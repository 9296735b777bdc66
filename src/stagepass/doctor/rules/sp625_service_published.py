"""A database or broker of the deployment is open to the network."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Place, Rule

PORTS = (5432, 3306, 6379, 5672, 15672, 26379)

rule = Rule("SP625", "warning", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for process in facts.deployment.processes:
        for port in process.published:
            if not process.role and port in PORTS:
                yield rule.found(
                    process.name, f"127.0.0.1:{port}:{port}", where=Place(process.file, process.line), port=port
                )
