"""Workers of the deployment obey whatever is sent over the broker."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP623", "warning", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for process in facts.deployment.ours("worker"):
        if (process.value("REMOTE_CONTROL") or "").lower() in ("true", "1", "yes", "on"):
            value = process.environment["REMOTE_CONTROL"]
            yield rule.found(process.name, "REMOTE_CONTROL=false", where=Place(value.file, value.line))
